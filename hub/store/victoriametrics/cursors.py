"""Where the store's own cursor stands in the server: a point of its own in each request, one series a journal.

Owns the finding of the newest one, and of the one a while before it. Used by store.py.
"""

from typing import Final, NamedTuple

from hub.core.records import Cursor
from hub.store.victoriametrics.importing import CURSOR_METRIC
from hub.store.victoriametrics.limits import OLDEST_MS
from hub.store.victoriametrics.ranges import HOUR_MS, Ranges
from hub.store.victoriametrics.selecting import literal

_LOOK_BACK_MS: Final = (HOUR_MS, 40 * 24 * HOUR_MS, 2**42)


class Written(NamedTuple):
    """A cursor as it was written."""

    cursor: Cursor
    t_ms: int


async def newest_cursor(ranges: Ranges, until_ms: int, journal: str | None = None) -> Written | None:
    """Return the cursor that was written last, at `until_ms` or before; with `journal`, of that one. Raises StoreUnavailable."""
    chosen = "{" + f"__name__={literal(CURSOR_METRIC)}" + (f",journal={literal(journal)}" if journal is not None else "") + "}"
    for back_ms in _LOOK_BACK_MS:
        times: dict[str, float] = {}
        positions: dict[str, float] = {}
        for each in await ranges.last_of(chosen, until_ms, min(back_ms, until_ms - OLDEST_MS), list):
            of_all = times if each["metric"]["rollup"] == "tlast_over_time" else positions
            of_all[each["metric"].get("journal", "")] = float(each["value"][1])
        if times:
            newest = max(times, key=lambda each: times[each])
            return Written(Cursor(newest, round(positions[newest])), round(times[newest] * 1_000))
    return None
