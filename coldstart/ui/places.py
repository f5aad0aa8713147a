"""Where the app's own files lie, in a checkout and in an installed package alike."""

from __future__ import annotations

from pathlib import Path

UI_FOLDER = Path(__file__).parent
ENTRY_SCRIPT = UI_FOLDER / "entry.py"
STYLE_SHEET = UI_FOLDER / "style.css"
MARK = UI_FOLDER / "mark.svg"
WORDMARK = UI_FOLDER / "wordmark.svg"

_PACKAGE = UI_FOLDER.parent


def pages_folder() -> Path:
    """The folder of the page scripts: inside an installed package, else beside it."""
    inside = _PACKAGE / "_app" / "pages"
    return inside if inside.is_dir() else _PACKAGE.parent / "pages"


def page_file(name: str) -> str:
    """The script of the page called ``name``, as `st.switch_page` and `st.Page` take it."""
    return str(pages_folder() / f"{name}.py")
