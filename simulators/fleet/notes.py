"""Under which (epoch, seq) frames went out, so that a difference can be named as the hub's journal has it.

Owns a file for each worker, appended to only where the numbers of a device stop running beside those of its frames: at a new epoch, and
after a frame of another kind. Written by workers, read when there is a difference to name; what a kill -9 cut off is not known.
"""

import os
from pathlib import Path
from typing import Self


class Notes:
    """The file of one worker; a context manager."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._descriptor = os.open(folder / f"numbers-{worker}", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._last: dict[tuple[int, int], int] = {}  # (device, epoch) -> seq - number

    def went_out(self, device: int, number: int, epoch: int, seq: int) -> None:
        """Note a frame that is sent for the first time on this connection or ever."""
        if self._last.get((device, epoch)) != seq - number:
            self._last[device, epoch] = seq - number
            os.write(self._descriptor, f"{device} {number} {epoch} {seq}\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def read_numbers(folder: Path, worker: int) -> list[list[int]]:
    """Return [device, frame, epoch, seq] of each line; what comes after a frame runs on beside it until the next line of its device."""
    path = folder / f"numbers-{worker}"
    return [list(map(int, line.split())) for line in path.read_text().splitlines()] if path.exists() else []
