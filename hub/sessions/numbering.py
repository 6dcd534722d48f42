"""The numbers that stand for series in messages to viewers, in the order of their first data.

Owns the order alone; what a viewer was told of it stands in updates.py. Shared by everybody who asks for the same, so that one message
serves them all and a viewer that leaves the others goes on with the same numbers. Bounded by the series of a subscription.
"""

from hub.core.records import Series
from hub.sessions.columns import Message, named


class Numbering:
    """Series by number, from 0 on; it only grows."""

    def __init__(self) -> None:
        self._numbers: dict[Series, int] = {}
        self._series: list[Series] = []

    def __len__(self) -> int:
        return len(self._series)

    def number(self, series: Series) -> int:
        """Return the number of a series, the next one where it has none."""
        number = self._numbers.get(series)
        if number is None:
            number = self._numbers[series] = len(self._series)
            self._series.append(series)
        return number

    def named(self, first: int, end: int) -> list[Message]:
        """Return how a viewer is told what the numbers from `first` up to `end` stand for."""
        return [named(number, self._series[number]) for number in range(first, end)]
