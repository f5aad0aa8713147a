"""`python -m coldstart` is the command `coldstart`."""

from __future__ import annotations

import sys

from coldstart.cli import main

sys.exit(main())
