"""Two stores value by value: whether one that keeps fewer digits has, at each time, what the other has.

Owns how near is the same. A checksum of rounded numbers fails where two that are all but equal lie on both sides of a half. Used by
copying.py for the series whose checksums differ.
"""

from contextlib import aclosing
from typing import Final

import numpy as np
import numpy.typing as npt

from hub.backup.alike import part_of
from hub.backup.pages import first_of_each, pages
from hub.core.records import Columns, Series
from hub.ports import HistoryStore

# VictoriaMetrics keeps 18 digits for 8,192 readings of a series together: of a small number beside a large one fewer are left.
_RELATIVE: Final = 1e-11
_OF_LARGEST: Final = 1e-16
Floats = npt.NDArray[np.float64]


async def is_near(source: HistoryStore, target: HistoryStore, series: Series, from_ns: int) -> bool:
    """Tell whether each reading of a series in the target has its like in the source. That none is missing, the counts say."""
    async with aclosing(pages(target, [series], from_ns)) as read:
        async for there in read:
            if len(there) and not await _is_near(source, target.resolution_ns, series, there):
                return False
    return True


async def _is_near(source: HistoryStore, resolution_ns: int, series: Series, there: Columns) -> bool:
    begin_ns = int(there.t_ns[0]) // resolution_ns * resolution_ns
    end_ns = (int(there.t_ns[-1]) // resolution_ns + 1) * resolution_ns
    stretches, values = await _firsts(source, resolution_ns, series, begin_ns, end_ns)
    wanted = there.t_ns // resolution_ns
    at = np.searchsorted(stretches, wanted)
    if not len(stretches) or at[-1] >= len(stretches) or not np.array_equal(stretches[at], wanted):
        return False
    ours = values[at]
    allowed = _RELATIVE * np.abs(ours) + _OF_LARGEST * float(np.abs(values).max())
    return bool(np.all(np.abs(ours - there.num) <= allowed))


async def _firsts(
    store: HistoryStore, resolution_ns: int, series: Series, begin_ns: int, end_ns: int
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the stretches of time with a reading, and the first value in each."""
    stretches, values, before = [np.zeros(0, np.int64)], [np.zeros(0, np.float64)], None
    async with aclosing(pages(store, [series], begin_ns, end_ns)) as read:
        async for columns in read:
            if len(columns):
                first = part_of(columns, first_of_each(columns, resolution_ns, before))
                before = (series, int(columns.t_ns[-1]) // resolution_ns)
                stretches.append(first.t_ns // resolution_ns)
                values.append(first.num)
    return np.concatenate(stretches), np.concatenate(values)
