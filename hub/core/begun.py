"""Commands that devices have accepted, and since when nothing tells that a device has them still: it may have lost its memory.

Owns that time for each, in memory; a start of the hub begins it anew. Decides no state: ending.py asks it. Plain code; the book keeps it,
the desk tells it of each hello.
"""

from collections.abc import Iterable
from typing import NamedTuple

from hub.ports import CommandRecord


class _Word(NamedTuple):
    """The last that was known of a command when its device came, and when that was; None: it named the command."""

    state: str
    progress: float | None
    came_us: int | None


class Begun:
    """What is known of the commands of all devices; bounded by the open commands."""

    def __init__(self) -> None:
        self._words: dict[str, _Word] = {}

    def came(self, records: Iterable[CommandRecord], at_us: int) -> None:
        """Note that the device of these open commands came, again and again: the first time after its last word counts."""
        for record in records:
            word = self._word(record)
            if word is None or word.came_us is None:
                self._words[record.id] = _Word(record.state, record.progress, at_us)

    def name(self, record: CommandRecord) -> None:
        """Note that a device that came has named a command: it has it."""
        self._words[record.id] = _Word(record.state, record.progress, None)

    def drop(self, command_id: str) -> None:
        """Forget a command that has ended; idempotent."""
        self._words.pop(command_id, None)

    def silent_since_us(self, record: CommandRecord) -> int | None:
        """Return when a device came that has said nothing of a command since; None: it is not known to have done so."""
        word = self._word(record)
        return None if word is None else word.came_us

    def _word(self, record: CommandRecord) -> _Word | None:
        """Return what is known, unless the device has said more since."""
        word = self._words.get(record.id)
        return word if word is not None and (word.state, word.progress) == (record.state, record.progress) else None
