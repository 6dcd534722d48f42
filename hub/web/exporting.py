"""An export as it is read and written: page by page from the history store, each made into bytes in a thread of its own.

Owns the order (series by series, then time), how much is in memory at once (a page and its bytes), and that the event loop and the
device's path only ever wait for short pieces. Knows no HTTP. Called by exchange.py.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import numpy as np
import trio

from hub.core.errors import Refusal
from hub.core.exchange.paging import Place, cut
from hub.core.joint import folded
from hub.core.records import Buckets, Columns, Series
from hub.ports import HistoryStore

PAGE_READINGS: Final = 50_000  # one transaction of the store, and 4 MB of CSV
SERIES_AT_ONCE: Final = 500  # asked for by one question
PAGE_BUCKETS: Final = 50_000
_MOST_BUCKETS: Final = 4 * PAGE_BUCKETS  # with the readings that a store without transactions gives beside buckets
_SERIES_FIRST: Final = 16
_WIDER: Final = 4  # times, where a stretch of time held little
Found = list[tuple[Series, Buckets]]


class Output(Protocol):
    """A file in pieces, in one of the formats."""

    def begin(self, *, is_raw: bool) -> bytes:
        """Return the first bytes."""

    def readings(self, columns: Columns) -> bytes:
        """Return readings."""

    def buckets(self, found: Found) -> bytes:
        """Return buckets."""

    def finish(self) -> bytes:
        """Return the last bytes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export: half open in time, whole buckets; width 0 is raw."""

    series: Sequence[Series]
    from_us: int
    to_us: int
    width_us: int


class Exporter:
    """Reads a history store for exports."""

    def __init__(self, history: HistoryStore) -> None:
        self._history = history
        self._shaping = trio.CapacityLimiter(1)  # all exports together have a core at most

    async def pieces(self, wanted: Wanted, output: Output) -> AsyncGenerator[bytes]:
        """Yield the file; empty pieces are left out. Raises StoreUnavailable: what came before is then no whole file."""
        yield await self._shaped(partial(output.begin, is_raw=not wanted.width_us))
        if wanted.width_us:
            async with aclosing(self._buckets(wanted)) as found:
                async for part in found:
                    yield await self._shaped(partial(output.buckets, part))
        else:
            async with aclosing(pages_of(self._history, wanted.series, wanted.from_us * 1_000, wanted.to_us * 1_000)) as pages:
                async for page in pages:
                    yield await self._shaped(partial(output.readings, page))
        yield await self._shaped(output.finish)

    async def has_any(self, wanted: Wanted) -> bool:
        """Tell whether there is anything to export. Raises StoreUnavailable."""
        for at in range(0, len(wanted.series), SERIES_AT_ONCE):
            some = wanted.series[at : at + SERIES_AT_ONCE]
            if wanted.width_us:
                answer = await self._history.query(some, wanted.from_us, wanted.to_us, wanted.width_us, 1)
                if any(answer.raw.values()) or any(len(each.start_us) for each in answer.buckets.values()):
                    return True
            elif len(await self._history.read(some, wanted.from_us * 1_000, wanted.to_us * 1_000, wanted.from_us * 1_000, 1)):
                return True
        return False

    async def _shaped(self, shape: Callable[[], bytes]) -> bytes:
        return await trio.to_thread.run_sync(shape, limiter=self._shaping)

    async def _buckets(self, wanted: Wanted) -> AsyncGenerator[Found]:
        """Yield the buckets of several series together where there are few, else of one, stretch by stretch."""
        at, together = 0, _SERIES_FIRST
        while at < len(wanted.series):
            some = wanted.series[at : at + together]
            found = await self._page(some, wanted.from_us, wanted.to_us, wanted.width_us)
            if found is not None:
                yield found
                at += len(some)
                if sum(len(buckets.start_us) for _, buckets in found) < PAGE_BUCKETS // _WIDER:
                    together = min(SERIES_AT_ONCE, together * _WIDER)
            elif together > 1:
                together = max(1, together // (2 * _WIDER))
            else:
                async with aclosing(self._stretches(some[0], wanted)) as parts:
                    async for part in parts:
                        yield part
                at += 1

    async def _stretches(self, series: Series, wanted: Wanted) -> AsyncGenerator[Found]:
        """Yield the buckets of one series stretch by stretch, wider ones where there is little."""
        at_us, span = wanted.from_us, PAGE_BUCKETS
        while at_us < wanted.to_us:
            end_us = min(at_us + span * wanted.width_us, wanted.to_us)
            found = await self._page([series], at_us, end_us, wanted.width_us)
            if found is None:
                if span == 1:
                    said = f"the store gives more than {_MOST_BUCKETS:,} readings of {series.device} {series.channel} in one bucket"
                    raise Refusal("too_much", said, "try again in a minute, or export raw readings", 422)
                span = max(1, span // _WIDER)
                continue
            if found:
                yield found
            if sum(len(buckets.start_us) for _, buckets in found) < PAGE_BUCKETS // _WIDER:
                span *= _WIDER
            at_us = end_us

    async def _page(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int) -> Found | None:
        """Return the buckets of a stretch; None where they are too many for a page."""
        answer = await self._history.query(series, from_us, to_us, width_us, _MOST_BUCKETS)
        if answer.is_truncated:
            return None
        answer = await trio.to_thread.run_sync(folded, answer, width_us, limiter=self._shaping)
        return [(each, buckets) for each in series if (buckets := answer.buckets.get(each)) is not None and np.size(buckets.start_us)]


async def pages_of(history: HistoryStore, series: Sequence[Series], from_ns: int, to_ns: int) -> AsyncGenerator[Columns]:
    """Yield the readings of a range page by page, series by series, each in a transaction of its own. Raises StoreUnavailable."""
    for at in range(0, len(series), SERIES_AT_ONCE):
        place: Place | None = Place(series[at : at + SERIES_AT_ONCE], from_ns)
        while place is not None:
            page = await history.read(place.series, from_ns, to_ns, place.first_from_ns, PAGE_READINGS)
            page, place = cut(place, page, PAGE_READINGS)
            if len(page):
                yield page
