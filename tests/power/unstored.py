"""A hub whose history store has taken nothing yet: every reading that was acked is in the journal alone.

Owns the program; what must hold of each image is life.py's. A subject of tests/power/__main__.py, and of rot.py.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import trio

from hub.history import side
from tests.power import life

_PACKS: Final = 60
check = life.check


def play(folder: Path, tell: Callable[[Mapping[str, Any]], None], scale: float) -> None:
    """Lead a hub that only journals, and tell what was promised."""
    side._GATHER_S["journal"] = 3_600.0
    trio.run(life.lead, folder, 0, 0.04, int(_PACKS * scale), {}, tell)
