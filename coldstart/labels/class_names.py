"""What a class may be called: the one check, for the store, the routes and imports alike."""

from __future__ import annotations

import unicodedata

from coldstart.errors import ColdstartError

LONGEST_CLASS_NAME = 100

# They make text read in another order than it is stored: a class could look like another one.
_DIRECTION_MARKS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_class_name(name: str) -> str:
    """``name`` without outer white space, in Unicode's composed form (NFC).

    Raises ColdstartError when nothing visible is left, when it is longer than 100 characters, or
    when it holds a line break, a control character or half a character.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not any(unicodedata.category(character)[0] in "LNPS" for character in name):
        raise ColdstartError("A class name is empty.", "Give it at least one letter or digit.")
    if len(name) > LONGEST_CLASS_NAME:
        raise ColdstartError(
            f"The class name “{name[:30]}…” has {len(name)} characters.",
            f"Use at most {LONGEST_CLASS_NAME}.",
        )
    for character in name:
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or (
            character in _DIRECTION_MARKS
        ):
            shown = name.encode("ascii", "backslashreplace").decode()[:60]
            raise ColdstartError(
                f"The class name “{shown}” holds a character that cannot be shown "
                f"(U+{ord(character):04X}).",
                "Type the name again without it.",
            )
    return name
