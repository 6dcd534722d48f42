"""`state.json` in the folder: the little that the files cannot say of themselves when the database is lost.

Owns that file, replaced whole each time: the run of the last flush that the manifest named, the next numbers of runs and series, the
deleted series that files still hold. Without it a rebuild goes by the files alone. Blocking, in the writer's thread.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from devices.durable import sync

NAME: Final = "state.json"


@dataclass(slots=True)
class State:
    """What state.json holds."""

    flush_run: int = 0
    next_run: int = 1
    next_series: int = 0
    gone: list[int] = field(default_factory=list)


def write_state(folder: Path, state: State) -> None:
    """Replace the file, durably. Raises OSError."""
    draft = folder / (NAME + ".draft")
    with draft.open("w") as file:
        json.dump(asdict(state), file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / NAME)
    sync(folder)


def read_state(folder: Path) -> State | None:
    """Return what the file holds; None where it is missing or damaged. Raises OSError."""
    try:
        return State(**json.loads((folder / NAME).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
