"""The answer of a store without a transaction made whole: the readings in its tail folded into its buckets.

Owns that arithmetic for who needs no join with the journal (HTTP queries, exports); viewers are joined in hub/sessions. Plain code, numpy
throughout: a tail may hold a minute of a thousand series.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Kind
from hub.core.buckets import Stretches, absorb, stretches_of
from hub.core.records import Buckets, RangeAnswer, Reading

_PLAIN: Final = frozenset({Kind.GAUGE, Kind.COUNTER})


def folded(answer: RangeAnswer, width_us: int) -> RangeAnswer:
    """Return the answer as a store with a transaction would give it: buckets where buckets were asked for, readings at width 0.

    `joint_us` is None in it; the answer given is left as it is. Nothing to do where that was None already.
    """
    if answer.joint_us is None:
        return answer
    if not width_us or not answer.raw:
        return replace(answer, joint_us=None)
    buckets = dict(answer.buckets)
    for series, readings in answer.raw.items():
        if readings:
            tail, head = _folded_readings(series.kind, readings, width_us), buckets.get(series)
            buckets[series] = tail if head is None or not len(head.start_us) else _joined(head, tail)
    return replace(answer, raw={}, buckets=buckets, joint_us=None)


def _folded_readings(kind: Kind, readings: Sequence[Reading], width_us: int) -> Buckets:
    """Return the buckets of readings that come oldest first."""
    t_ns = np.array([reading.t_ns for reading in readings], np.int64)
    num = _numbers(kind, readings)
    starts = t_ns // (1_000 * width_us) * width_us
    first = np.flatnonzero(np.concatenate(([True], starts[1:] != starts[:-1])))
    last = np.append(first[1:], len(starts)) - 1
    low = np.fmin.reduceat(num, first)
    total = np.add.reduceat(np.where(np.isnan(num), 0.0, num), first)
    return Buckets(
        width_us=width_us,
        start_us=starts[first],
        min=low,
        max=np.fmax.reduceat(num, first),
        sum=np.where(np.isnan(low), np.nan, total),
        count=last - first + 1,
        last=[readings[at].value for at in last.tolist()],
        last_ns=t_ns[last],
    )


def _numbers(kind: Kind, readings: Sequence[Reading]) -> npt.NDArray[np.float64]:
    """Return what of each value min, max and sum are made of: the latitude of a position, NaN for a text."""
    values = [reading.value for reading in readings]
    if kind not in _PLAIN:
        values = [float("nan") if isinstance(value, str) else value[0] if isinstance(value, list) else value for value in values]
    return np.array(values, np.float64)


def _joined(head: Buckets, tail: Buckets) -> Buckets:
    """Return the buckets of one series after each other; those that both have are merged."""
    if head.start_us[-1] < tail.start_us[0]:
        columns = {name: np.concatenate((getattr(head, name), getattr(tail, name))) for name in ("min", "max", "sum", "count", "last_ns")}
        return Buckets(tail.width_us, np.concatenate((head.start_us, tail.start_us)), last=[*head.last, *tail.last], **columns)
    stretches = stretches_of(head)
    for start, bucket in stretches_of(tail).items():
        absorb(stretches, start, bucket)
    return _columns(tail.width_us, stretches)


def _columns(width_us: int, stretches: Stretches) -> Buckets:
    starts = sorted(stretches)
    found = [stretches[start] for start in starts]
    return Buckets(
        width_us=width_us,
        start_us=np.array(starts, np.int64),
        min=np.array([bucket.min for bucket in found]),
        max=np.array([bucket.max for bucket in found]),
        sum=np.array([bucket.sum for bucket in found]),
        count=np.array([bucket.count for bucket in found], np.int64),
        last=[bucket.last for bucket in found],
        last_ns=np.array([bucket.last_ns for bucket in found], np.int64),
    )
