"""Every series that is in a VictoriaMetrics, asked device by device where they are many: one answer holds 30,000 at most.

Owns that halving, and the list of the last seconds. Used by store.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import trio

from hub.core.records import Series
from hub.ports import StoreRefused
from hub.store.victoriametrics.importing import METRIC
from hub.store.victoriametrics.limits import OLDEST_MS
from hub.store.victoriametrics.questions import Questions, TooMuch, seconds
from hub.store.victoriametrics.selecting import literal, of_devices, series_of

LISTED_S: Final = 10.0
SHARED_S: Final = 3.0  # where others write too: what they wrote is taken for shown only so long after
NEW_SERIES_S: Final = 12.0  # a new one is listed up to 10 s later (measured), also where the server was asked to show everything
MAX_DEVICES: Final = 500  # in one question


class Listing:
    """The list, asked for seldom: what this hub writes itself is added, what others write is seen within `listed_s`."""

    def __init__(self, questions: Questions, listed_s: float = LISTED_S) -> None:
        self._questions, self._listed_s = questions, listed_s
        self._series: set[Series] = set()
        self._new: dict[Series, float] = {}  # what this hub wrote, and since when: the server may not list it yet
        self._sorted: list[Series] = []
        self._asking = trio.Lock()
        self.asked_s = float("-inf")  # when the server was asked for what is known

    def add(self, written: Iterable[Series]) -> None:
        """Add what was written."""
        if new := set(written) - self._series:
            self._series |= new
            self._new |= dict.fromkeys(new, trio.current_time())
            self._sorted = []

    def forget(self, device: str) -> None:
        """Ask anew the next time, whatever was written of a device."""
        self._new = {series: since_s for series, since_s in self._new.items() if series.device != device}
        self.asked_s = float("-inf")

    def others_s(self) -> float:
        """Return how long ago others must have begun a series that is in the list."""
        return trio.current_time() - self.asked_s + NEW_SERIES_S

    async def listed(self, until_ms: int) -> list[Series]:
        """Return every series, by device, channel, unit; a list of the caller's own. Raises StoreUnavailable."""
        async with self._asking:
            if (now_s := trio.current_time()) - self.asked_s >= self._listed_s:
                found = await _series(self._questions, until_ms)
                self._new = {series: since_s for series, since_s in self._new.items() if since_s > now_s - NEW_SERIES_S}
                self._series, self._sorted, self.asked_s = found | self._new.keys(), [], now_s
        if not self._sorted:
            self._sorted = sorted(self._series)
        return list(self._sorted)


async def _series(questions: Questions, until_ms: int) -> set[Series]:
    everything = "{" + f"__name__={literal(METRIC)}" + "}"
    span = [("start", seconds(OLDEST_MS)), ("end", seconds(until_ms))]
    try:
        return await questions.data("/api/v1/series", [("match[]", everything), *span], _named)
    except TooMuch:
        devices = await questions.data("/api/v1/label/device/values", [("match[]", everything), *span], list)
        return await _of_devices(questions, devices, span)


def _named(labels: Sequence[Mapping[str, str]]) -> set[Series]:
    return {series for each in labels if (series := series_of(each)) is not None}


async def _of_devices(questions: Questions, devices: Sequence[str], span: list[tuple[str, str]]) -> set[Series]:
    found: set[Series] = set()
    for at in range(0, len(devices), MAX_DEVICES):
        some = devices[at : at + MAX_DEVICES]
        try:
            for chosen in of_devices(some):
                found |= await questions.data("/api/v1/series", [("match[]", chosen), *span], _named)
        except TooMuch as error:
            if len(some) == 1:
                raise StoreRefused(f"VictoriaMetrics does not list the series of {some[0]!r}: {error}") from error
            found |= await _of_devices(questions, some[: len(some) // 2], span)
            found |= await _of_devices(questions, some[len(some) // 2 :], span)
    return found
