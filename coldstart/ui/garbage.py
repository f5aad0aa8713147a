"""Keep what Python's garbage collector looks through small."""

from __future__ import annotations

import gc
import sys

_NEWLY_IMPORTED = 20

_modules_frozen = 0


def set_modules_aside() -> None:
    """Take what was imported since the last call out of every later collection.

    Streamlit collects after each run of a script or fragment. With torch and scikit-learn loaded
    that takes 0.3 s, during which no other session is answered; modules never become garbage.
    """
    global _modules_frozen
    if len(sys.modules) < _modules_frozen + _NEWLY_IMPORTED:
        return
    gc.collect()
    gc.freeze()
    _modules_frozen = len(sys.modules)
