"""The labeller's modules join into the one script that Streamlit takes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from coldstart.ui import labeller
from coldstart.ui.labeller import joined_scripts

FOLDER = Path(labeller.__file__).parent


def test_every_module_is_joined_after_those_it_imports_from() -> None:
    order = list(labeller._SCRIPTS)
    assert sorted(order) == sorted(file.name for file in FOLDER.glob("*.js"))
    for name in order:
        text = (FOLDER / name).read_text(encoding="utf-8")
        for imported in re.findall(r'^import [^;]+ from "\./(\w+\.js)";', text, re.MULTILINE):
            assert order.index(imported) < order.index(name)


def test_the_joined_script_is_one_module_with_one_export() -> None:
    script = joined_scripts()
    assert not re.findall(r"^import\b", script, re.MULTILINE)
    assert re.findall(r"^export .{7}", script, re.MULTILINE) == ["export default"]


def test_no_name_stands_in_two_modules() -> None:
    top_level = r"^(?:async )?(?:function|const|let) (\w+)"
    names = Counter(re.findall(top_level, joined_scripts(), re.MULTILINE))
    assert [name for name, count in names.items() if count > 1] == []


def test_imports_name_what_the_other_module_exports() -> None:
    for file in FOLDER.glob("*.js"):
        text = file.read_text(encoding="utf-8")
        for names, other in re.findall(
            r'^import \{([^}]+)\} from "\./(\w+\.js)";', text, re.MULTILINE
        ):
            exported = re.findall(
                r"^export (?:async )?function (\w+)", (FOLDER / other).read_text(), re.MULTILINE
            )
            wanted = {name.strip() for name in names.split(",") if name.strip()}
            assert wanted <= set(exported), f"{file.name} imports {wanted} from {other}"
