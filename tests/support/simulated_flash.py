"""Flash of a microcontroller whose power is cut at a step of one's choice: what was being written is torn, what was not synced may be gone.
Or it refuses steps, as one that is full or worn out does.

Owns the files in memory, the cut and the refusals; it is a Folder as the MicroPython client takes one. Used by
tests/devices/firmware/micropython.
"""

import errno
import io
from random import Random


class PowerCut(BaseException):
    """There is no power: not an error that a program on the board could handle."""


class SimulatedFlash:
    """Files of a board. `cut_at`: the step (an append or a remove) at which the power goes; None: never.

    `refuse` has it refuse some steps with an error of the system; whether the step was done all the same, or in part, is chance.
    """

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._files: dict[str, bytearray] = {}
        self._synced: dict[str, int] = {}
        self.steps = 0
        self.cut_at: int | None = None
        self.is_off = False
        self.most_bytes = 0
        self._refused = range(0)
        self._error = errno.EIO
        self.refusals = 0

    def power_on(self, cut_at: int | None = None) -> None:
        """Begin another life; what the last one left is there."""
        self.steps, self.cut_at, self.is_off = 0, cut_at, False
        self._refused = range(0)

    def refuse(self, steps: range, error: int = errno.EIO) -> None:
        """Refuse these steps of this life; the next refusals take the place of the last."""
        self._refused, self._error = steps, error

    def names(self) -> list[str]:
        """Return the names of the files."""
        return list(self._files)

    def size(self, name: str) -> int:
        """Return the size of a file in bytes."""
        return len(self._files[name])

    def append(self, name: str, data: bytes, is_sync: bool = True) -> None:
        """Write at the end of a file."""
        file = self._files.setdefault(name, bytearray())
        self._synced.setdefault(name, 0)
        if self._is_cut():
            file.extend(data[: self._rng.randrange(len(data) + 1)])
            if self._rng.random() < 0.3:  # the length was written, the bytes were not
                file.extend(bytes([self._rng.choice((0, 255))]) * self._rng.randrange(40))
            self._lose()
        if self.steps in self._refused:
            file.extend(data[: self._rng.choice((0, self._rng.randrange(len(data) + 1), len(data)))])
            self._refuse()
        file.extend(data)
        if is_sync:
            self._synced[name] = len(file)
        self.most_bytes = max(self.most_bytes, sum(len(each) for key, each in self._files.items() if key[0] == "f"))

    def done(self, name: str) -> None:
        """Close a file: littlefs syncs it then."""
        if name in self._files:
            self._synced[name] = len(self._files[name])

    def read(self, name: str) -> io.BytesIO:
        """Return what is in a file now."""
        if self.is_off:
            raise PowerCut
        return io.BytesIO(bytes(self._files[name]))

    def remove(self, name: str) -> None:
        """Remove a file: whole, or not at all."""
        if self._is_cut():
            if self._rng.random() < 0.5:
                self._files.pop(name, None)
            self._lose()
        is_refused = self.steps in self._refused
        if not is_refused or self._rng.random() < 0.3:
            if name not in self._files:
                raise OSError(errno.ENOENT, name)
            del self._files[name]
            self._synced.pop(name, None)
        if is_refused:
            self._refuse()

    def spoil(self, name: str, at: int) -> None:
        """Change a byte."""
        self._files[name][at] ^= 0xFF

    def _is_cut(self) -> bool:
        if self.is_off:
            raise PowerCut
        self.steps += 1
        return self.steps == self.cut_at

    def _refuse(self) -> None:
        self.refusals += 1
        raise OSError(self._error, "refused")

    def _lose(self) -> None:
        self.is_off = True
        for name, file in self._files.items():
            synced = min(self._synced.get(name, 0), len(file))
            del file[self._rng.randrange(synced, len(file) + 1) :]
        raise PowerCut
