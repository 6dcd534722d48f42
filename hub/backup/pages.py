"""The readings of a history store, page by page: series by series, oldest first, in memory that does not grow.

Owns where a page ends and the next begins. Used by copying.py, once to read a source and once to look at what a target has.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import trio

from hub.core.exchange.paging import Place, cut
from hub.core.records import Columns, Series
from hub.ports import HistoryStore, StoreUnavailable

T = TypeVar("T")
PAGE: Final = 50_000  # readings: some 2 MB, and 100 ms of a store
_TOGETHER: Final = 100  # series a call is about
FROM_NS: Final = -(1 << 63)
TO_NS: Final = (1 << 63) - 1
_PATIENCE_S: Final = 300.0
_LONGEST_PAUSE_S: Final = 20.0


async def pages(
    store: HistoryStore, series: Sequence[Series], from_ns: int = FROM_NS, to_ns: int = TO_NS, page: int = PAGE
) -> AsyncGenerator[Columns, None]:
    """Yield every reading of the series in a range. Readings of one series and point key are never parted."""
    for begin in range(0, len(series), _TOGETHER):
        place: Place | None = Place(series[begin : begin + _TOGETHER], from_ns)
        while place is not None:
            found = await patiently(partial(store.read, place.series, from_ns, to_ns, place.first_from_ns, page))
            found, place = cut(place, found, page)
            yield found


async def patiently(call: Callable[[], Awaitable[T]], before_again: Callable[[], Awaitable[None]] | None = None) -> T:
    """Call, and again after a growing pause where the store cannot answer, for five minutes. Raises StoreUnavailable.

    `before_again` is asked before each further try; what it raises but for StoreUnavailable ends the tries.
    """
    began_s = trio.current_time()
    pause_s = 0.5
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            if trio.current_time() - began_s > _PATIENCE_S:
                raise
            await trio.sleep(max(error.retry_after_s, pause_s))
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)
            if before_again is not None:
                with suppress(StoreUnavailable):
                    await before_again()


def first_of_each(columns: Columns, resolution_ns: int, before: tuple[Series, int] | None) -> npt.NDArray[np.bool_]:
    """Tell which readings are the first of their series in a stretch of the resolution; `before` is the last stretch of the page before."""
    stretch = columns.t_ns // resolution_ns
    is_first = np.ones(len(columns), np.bool_)
    is_first[1:] = (columns.index[1:] != columns.index[:-1]) | (stretch[1:] != stretch[:-1])
    if before is not None and len(columns):
        is_first[0] = (columns.series[int(columns.index[0])], int(stretch[0])) != before
    return is_first
