"""Moving a hub to another history store: what is copied, where the hub goes on, and what stays behind.

Owns those decisions; copying.py carries. The caller holds the lock of the data directory and has made both stores. Called by the command
line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import trio

from devices.wire.messages import Channel
from hub.backup.copying import Carried, Carrier, Shown
from hub.backup.pages import FROM_NS, patiently
from hub.backup.taking import Embedded
from hub.backup.waiting import Waiting, waiting_in
from hub.core.errors import Refusal
from hub.core.records import Cursor, Series
from hub.ports import HistoryStore, Now, Retention

_DAY_US: Final = 86_400_000_000
_TOGETHER: Final = 100  # series of one query
_MAX_DAYS: Final = 1_000_000  # buckets of one query
_THREAD: Final = trio.CapacityLimiter(1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a move is about."""

    journal: Path  # of the hub whose history this is
    retention: Retention  # of the hub
    is_again: bool  # the target may have readings of the same series


@dataclass(slots=True)
class Moved:
    """What a move came to."""

    carried: Carried
    cursor: Cursor | None  # where the hub goes on; None: from the begin of its journal
    only_buckets: dict[Series, int] = field(default_factory=dict)  # readings that the source has in buckets alone
    refused: list[Series] = field(default_factory=list)  # a device that declares such a channel will not be let in


async def move(source: HistoryStore, target: HistoryStore, plan: Plan, now: Now, shown: Shown) -> Moved:
    """Copy every reading into another store, compare, and give it the cursor, where everything is alike.

    Again after a failure it changes nothing twice. Raises Refusal, StoreUnavailable.
    """
    series = await patiently(source.list_series)
    if not plan.is_again and (both := set(series) & set(await patiently(target.list_series))):
        each = min(both)
        said = f"{target.name} has readings of {len(both):,} of these series already, such as {each.device} {each.channel}"
        raise Refusal("bad_usage", said, "if they are of an earlier try of this very copy, go on with --again")
    cursor, waiting = await _going_on(source, target, plan)
    from_ns = FROM_NS if not plan.retention.raw_days else (now() - int(plan.retention.raw_days * _DAY_US)) * 1_000
    carrier = Carrier(source, target, now, shown)
    await carrier.carry(series, from_ns, waiting)
    await carrier.compare()
    moved = Moved(carrier.carried, cursor)
    moved.refused = [each for each in series if target.refuses(Channel(each.channel, each.unit, each.kind)) is not None]
    if isinstance(source, Embedded):
        moved.only_buckets = await _only_buckets(source, series, carrier.carried, now())
    if not carrier.carried.different:
        await carrier.hand_over(cursor)
    return moved


async def _going_on(source: HistoryStore, target: HistoryStore, plan: Plan) -> tuple[Cursor | None, Waiting | None]:
    """Return the cursor for the target and, where those must be left to the hub, the readings of the journal above it.

    The hub brings every frame above the cursor again. A store that knows exactly what it has gives its own cursor. One that may hold a
    part of the batch after it, or hide what it took last, is believed up to where its data was safe; the rest comes out of the journal.
    Into a store with finer times that must not come twice: there the copy of a reading has another time than the reading.
    """
    cursor = await patiently(source.cursor)
    if source.syncs_before_it_answers:
        return cursor, None
    journal, safe, waiting = await trio.to_thread.run_sync(waiting_in, plan.journal, source.resolution_ns, limiter=_THREAD)
    if cursor is None or cursor.journal != journal:
        return cursor, None
    is_finer = target.resolution_ns < source.resolution_ns
    return Cursor(journal, min(cursor.position, safe)), waiting if is_finer else None


async def _only_buckets(source: HistoryStore, series: Sequence[Series], carried: Carried, now_us: int) -> dict[Series, int]:
    """Return how many readings of each series are no longer there one by one, but counted in buckets."""
    only: dict[Series, int] = {}
    seen = {each: carried.tally.counts.get(each, 0) + sum(left.get(each, 0) for left in carried.left.values()) for each in series}
    for begin in range(0, len(series), _TOGETHER):
        wanted = series[begin : begin + _TOGETHER]
        answer = await patiently(partial(source.query, wanted, 0, now_us + 2 * _DAY_US, _DAY_US, _MAX_DAYS))
        for each, buckets in answer.buckets.items():
            if (more := int(buckets.count.sum()) - seen[each]) > 0:
                only[each] = more
    return only
