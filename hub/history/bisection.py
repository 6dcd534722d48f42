"""A batch that the store refuses as a whole: halved until the readings that are to blame stand alone.

Owns that search and where the cursor stands meanwhile; stores nothing by itself. Called by the history writer.
"""

import numpy as np
import numpy.typing as npt

from hub.core.records import Columns, Cursor, Refused
from hub.ports import HistoryStore, StoreRefused, StoreUnavailable


async def without_culprits(store: HistoryStore, columns: Columns, before: Cursor) -> list[Refused]:
    """Store every reading of a refused batch but those that are to blame; return these, by their index.

    One of n readings costs about 2 log2(n) requests. The cursor stays at `before`: the caller moves it once the culprits are parked.
    Raises StoreUnavailable, also where the store refuses a batch without readings: then nothing in the batch is to blame.
    """
    try:
        await store.append(no_readings(), before)
    except StoreRefused as error:
        raise StoreUnavailable(f"{store.name} refuses every write: {error}") from error
    refused: list[Refused] = []
    waiting = [np.arange(len(columns))]
    while waiting:
        indexes = waiting.pop()
        try:
            found = await store.append(part_of(columns, indexes), before)
        except StoreRefused as error:
            if len(indexes) > 1:
                waiting += [indexes[len(indexes) // 2 :], indexes[: len(indexes) // 2]]
                continue
            found = [Refused(0, str(error))]
        refused += [Refused(int(indexes[each.index]), each.reason) for each in found]
    return sorted(refused, key=lambda each: each.index)


def part_of(columns: Columns, indexes: npt.NDArray[np.int64]) -> Columns:
    """Return the readings with these indexes, with the series that occur among them."""
    used, index = np.unique(columns.index[indexes], return_inverse=True)
    optional = {name: None if (column := getattr(columns, name)) is None else column[indexes] for name in ("exact", "text", "lon")}
    series = [columns.series[at] for at in used.tolist()]
    return Columns(series, index.astype(np.int32), columns.t_ns[indexes], columns.num[indexes], **optional)


def no_readings() -> Columns:
    """Return columns without readings: what moves a cursor alone."""
    return Columns([], np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64))
