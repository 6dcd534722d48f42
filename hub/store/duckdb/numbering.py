"""The numbers of series, found quickly for the same objects again and again.

Owns what it remembers of objects; the numbers themselves are the store's. Plain code, used by store.py in its writing thread.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from hub.core.records import Series

_MAX_REMEMBERED: Final = 200_000  # some 20 MB; beyond that it begins anew


class SeenSeries:
    """Which objects were looked up before. To hash 10,000 series, as each batch of 1,000 devices has, takes longer than to store them."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # by id(series)
        self._kept: list[Series] = []  # so that no other object gets such an id

    def numbers(self, series: Sequence[Series], known: Mapping[Series, int], next_number: int) -> tuple[list[int], list[Series]]:
        """Return the number of each, and those that are new: they are numbered from `next_number` on."""
        found = list(map(self._numbers.get, map(id, series)))
        numbers: list[int] = []
        new: list[Series] = []
        if None not in found:
            return found, new  # type: ignore[return-value]
        for each, number in zip(series, found, strict=True):
            if number is None and (number := known.get(each)) is not None:
                self._remember(each, number)
            if number is None:
                number = next_number + len(new)
                new.append(each)
            numbers.append(number)
        return numbers, new

    def _remember(self, series: Series, number: int) -> None:
        if len(self._kept) >= _MAX_REMEMBERED:
            self._numbers.clear()
            self._kept.clear()
        self._numbers[id(series)] = number
        self._kept.append(series)
