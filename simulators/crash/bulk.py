"""Compare what is too much to be read back one by one: the readings of packs, second by second.

Owns the comparison. The readings are running numbers, so count, least, greatest, sum and last of a second tell of every reading in it
that is missing, double or elsewhere. Called by simulators/crash/__main__.py for scenes with millions of readings.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import trio

from hub.client import HubClient
from simulators.crash.ledger import Made
from simulators.crash.readback import MARGIN_US, SETTLE_TIMEOUT_S, judge_device
from simulators.crash.verdict import Verdict
from simulators.crash.worker import BURST

SECOND_US = 1_000_000
LIMIT = 50_000  # buckets: half a day
Bucket = tuple[int, float, float, float, float]  # count, min, max, sum, last


def buckets_of(made: Made) -> dict[int, Bucket]:
    """Return what each second must hold, by its start."""
    packs = sorted(made.packs.values())
    if not packs:
        return {}
    times = np.concatenate([pack.time_us + np.arange(pack.readings) * pack.step_us for pack in packs])
    numbers = np.concatenate([np.arange(pack.first, pack.first + pack.readings, dtype=np.float64) for pack in packs])
    starts = times // SECOND_US * SECOND_US
    begins = np.flatnonzero(np.r_[True, starts[1:] != starts[:-1]])
    counts = np.diff(np.r_[begins, len(starts)])
    low, high, total = (each.reduceat(numbers, begins) for each in (np.minimum, np.maximum, np.add))
    lasts = numbers[begins + counts - 1]
    rows = zip(starts[begins].tolist(), counts.tolist(), low.tolist(), high.tolist(), total.tolist(), lasts.tolist(), strict=True)
    return {start: (count, *others) for start, count, *others in rows}


def compared(name: str, made: Made, stored: Mapping[int, Bucket]) -> Iterator[str]:
    """Yield a sentence for each second that is not what was made. Every pack's send() must have returned."""
    expected = buckets_of(made)
    for start in sorted(expected.keys() | stored.keys()):
        if expected.get(start) != stored.get(start):
            differs = f"stored {stored.get(start)}, made {expected.get(start)} (count, min, max, sum, last)"
            yield f"{name}/{BURST}: the second from {start} differs: {differs}"


def bulk_verdict(name: str, made: Made, stored: Mapping[int, Bucket]) -> Verdict:
    """Return the verdict on the packs of one device."""
    readings = sum(pack.readings for pack in made.packs.values())
    differences = list(compared(name, made, stored))
    return Verdict(made=readings, stored=readings if not differences else 0, differences=differences)


async def judge_bulk_device(client: HubClient, device: str, made: Made) -> Verdict:
    """Compare one device: its packs by the second, everything else one by one; reads again until the store has had time to catch up."""
    verdict = await judge_device(client, device, Made(made.time_us, made.certain), has_packs=False)
    begin_us = min((pack.time_us for pack in made.packs.values()), default=0) - MARGIN_US
    deadline_s = trio.current_time() + SETTLE_TIMEOUT_S
    while True:
        answer = await client.query(device, [BURST], from_us=begin_us, to_us=made.end_us + MARGIN_US, width="1s", limit=LIMIT)
        packs = bulk_verdict(device, made, _rows(answer))
        if not packs.differences or trio.current_time() > deadline_s:
            verdict.add(packs)
            return verdict
        await trio.sleep(0.5)


def _rows(answer: Mapping[str, Any]) -> dict[int, Bucket]:
    rows: dict[int, Bucket] = {}
    for series in answer["series"]:
        columns = (series["buckets"][name] for name in ("t", "count", "min", "max", "sum", "last"))
        rows |= {start: (count, *others) for start, count, *others in zip(*columns, strict=True)}
    return rows
