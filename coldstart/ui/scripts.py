"""A component's modules as the one script that Streamlit takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_IMPORT = re.compile(r'^import [^;]+ from "\./[\w-]+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def joined_scripts(folder: Path, names: Sequence[str]) -> str:
    """The modules of ``folder`` one after the other; each must stand after those it imports."""
    texts = [(folder / name).read_text(encoding="utf-8") for name in names]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)
