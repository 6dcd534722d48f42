"""A range query as the port promises it: whole buckets up to the joint, readings from there on, the newest where there are too many.

Owns the cutting at the joint and at the limit. Used by store.py.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import trio

from hub.core.records import RangeAnswer, Reading, Series
from hub.ports import StoreRefused
from hub.store.victoriametrics import answers
from hub.store.victoriametrics.answers import Points
from hub.store.victoriametrics.limits import OLDEST_MS
from hub.store.victoriametrics.ranges import Ranges

US: Final = 1_000  # in a ms
_shaping: Final = trio.CapacityLimiter(2)
MAX_TAIL: Final = 2_000_000  # readings from the joint on, 60 s of 30,000 series at 1/s


async def answer_of(
    answer: RangeAnswer, ranges: Ranges, wanted: Sequence[Series], span_us: tuple[int, int], width_us: int, max_points: int, until_ms: int
) -> None:
    """Fill in the readings and buckets of a range; answer.joint_us is set, and put before all where a width is narrower than a ms.

    What many readings are made into is made in a worker thread. Raises StoreUnavailable, StoreRefused.
    """
    if width_us % US:
        answer.joint_us = -(2**63)
    from_us, to_us = span_us
    if width_us:
        from_us, to_us = from_us // width_us * width_us, -(-to_us // width_us) * width_us
    from_ms, to_ms = max(OLDEST_MS, -(-from_us // US)), min(until_ms, -(-to_us // US))
    if to_ms <= from_ms or not wanted:
        return
    if not width_us:
        parts = await ranges.newest(wanted, from_ms, to_ms, max_points)
        answer.raw, answer.is_truncated = await trio.to_thread.run_sync(_newest, parts, max_points, limiter=_shaping)
        return
    joint_ms = min(max((answer.joint_us or 0) // US, 0), to_ms)
    parts = await ranges.newest(wanted, max(from_ms, joint_ms), to_ms, MAX_TAIL)
    answer.raw, count, answer.is_truncated = await trio.to_thread.run_sync(_tail, parts, width_us, max_points, limiter=_shaping)
    if from_ms < joint_ms and not answer.is_truncated:
        aligned_ms = max(OLDEST_MS * US, from_us) // width_us * width_us // US
        answer.buckets = await ranges.buckets(wanted, aligned_ms, joint_ms, width_us // US, max_points - count)
        _limit_buckets(answer, max_points - count)


def _whole(parts: Sequence[Mapping[Series, Points]]) -> dict[Series, Points]:
    """Return parts, the newest first, as one."""
    found: dict[Series, Points] = {}
    for part in parts:
        for series, (t_ns, numbers) in part.items():
            newer = found.get(series)
            found[series] = (t_ns, numbers) if newer is None else (np.concatenate((t_ns, newer[0])), np.concatenate((numbers, newer[1])))
    return found


def _newest(parts: Sequence[Mapping[Series, Points]], limit: int) -> tuple[dict[Series, list[Reading]], bool]:
    """Return the newest readings over all series, and whether some were left out."""
    found = _whole(parts)
    keep_from = _threshold([t_ns for t_ns, _ in found.values()], limit)
    if keep_from is None:
        return _readings(found), False
    left, kept = limit, dict[Series, Points]()
    for t_ns, _ in found.values():
        left -= int((t_ns > keep_from).sum())
    for series, (t_ns, numbers) in found.items():
        at = int(np.searchsorted(t_ns, keep_from, side="right"))
        equal = min(left, at - int(np.searchsorted(t_ns, keep_from, side="left")))
        left -= equal
        kept[series] = (t_ns[at - equal :], numbers[at - equal :])
    return _readings(kept), True


def _threshold(columns: "Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]]", limit: int) -> int | None:
    """Return the time of the oldest of the newest `limit`; None where they are no more than that."""
    times = np.concatenate(columns) if columns else np.empty(0, np.int64)
    return None if len(times) <= limit else int(np.partition(times, len(times) - limit)[len(times) - limit])


def _tail(parts: Sequence[Mapping[Series, Points]], width_us: int, limit: int) -> tuple[dict[Series, list[Reading]], int, bool]:
    """Return the readings of the newest `limit` buckets, how many buckets they are, and whether some were left out. Raises StoreRefused."""
    tail = _whole(parts)
    if sum(len(t_ns) for t_ns, _ in tail.values()) > MAX_TAIL:
        raise StoreRefused(f"more than {MAX_TAIL:,} readings within a minute; ask for fewer series at once")
    starts = {series: np.unique(t_ns // (width_us * 1_000)) for series, (t_ns, _) in tail.items()}
    keep_from = _threshold(list(starts.values()), limit)
    if keep_from is None:
        return _readings(tail), sum(map(len, starts.values())), False
    left = limit - sum(int((each > keep_from).sum()) for each in starts.values())
    kept = {}
    for series, (t_ns, numbers) in tail.items():
        has_equal = left > 0 and bool((starts[series] == keep_from).any())
        left -= has_equal
        at = int(np.searchsorted(t_ns, (keep_from + (not has_equal)) * width_us * 1_000))
        kept[series] = (t_ns[at:], numbers[at:])
    return _readings(kept), limit, True


def _limit_buckets(answer: RangeAnswer, limit: int) -> None:
    """Keep the newest `limit` buckets over all series."""
    keep_from = _threshold([each.start_us for each in answer.buckets.values()], limit)
    if keep_from is None:
        return
    answer.is_truncated = True
    left = limit - sum(int((each.start_us > keep_from).sum()) for each in answer.buckets.values())
    for series, each in answer.buckets.items():
        has_equal = bool((each.start_us == keep_from).any()) and left > 0
        left -= has_equal
        answer.buckets[series] = answers.from_start(each, keep_from if has_equal else keep_from + 1)
    answer.buckets = {series: each for series, each in answer.buckets.items() if len(each.count)}


def _readings(found: Mapping[Series, Points]) -> dict[Series, list[Reading]]:
    return {
        series: [Reading(*point) for point in zip(t_ns.tolist(), answers.typed(series.kind, numbers), strict=True)]
        for series, (t_ns, numbers) in found.items()
        if len(t_ns)
    }
