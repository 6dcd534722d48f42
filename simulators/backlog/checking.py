"""Compare what the history answers with what the backlog was: every series bucket by bucket, and some of them reading by reading.

Owns the comparison and how long a store may take to show what it has; sentences name the first difference of a series. Called by
__main__.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import trio

from hub.client import HubClient
from simulators.backlog.numbers import Backlog
from simulators.crash.readback import points_of

SHOWN_WITHIN_S: Final = 90.0  # VictoriaMetrics shows what is new after up to 30 s
_WIDTHS: Final = {60_000_000: "1min", 3_600_000_000: "1h"}
_LONG_US: Final = 2 * max(_WIDTHS)  # a longer backlog is compared hour by hour, a shorter one minute by minute
_LIMIT: Final = 100_000
_CLIENTS: Final = 2


async def differences(client: HubClient, backlog: Backlog) -> list[str]:
    """Return one sentence for each series that is not what was made; looks again at a device until it had time to show."""
    found: list[str] = []
    deadline_s = trio.current_time() + SHOWN_WITHIN_S

    async def look(devices: Sequence[int]) -> None:
        for device in devices:
            while (wrong := await _wrong(client, backlog, device)) and trio.current_time() < deadline_s:  # noqa: ASYNC110
                await trio.sleep(1.0)  # what a database shows later: there is nothing to be woken by
            found.extend(wrong)

    async with trio.open_nursery() as nursery:
        for at in range(_CLIENTS):
            nursery.start_soon(look, range(at, backlog.devices, _CLIENTS))
    return found


async def _wrong(client: HubClient, backlog: Backlog, device: int) -> list[str]:
    width = width_us(backlog.end_us - backlog.begin_us)
    begin_us, end_us = backlog.begin_us // width * width, -(-backlog.end_us // width) * width
    name = backlog.name(device)
    answer = await client.query(name, from_us=begin_us, to_us=end_us, width=_WIDTHS[width], limit=_LIMIT)
    said = {series["channel"]: series["buckets"] for series in answer["series"]}
    return list(compared(backlog, device, width, said))


def width_us(span_us: int) -> int:
    """Return the width of the buckets in which a backlog of such a length is compared."""
    return max(_WIDTHS) if span_us > _LONG_US else min(_WIDTHS)


def compared(backlog: Backlog, device: int, width_us: int, said: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each series of a device whose buckets, as the hub says them by channel, are not what was made."""
    for channel in range(backlog.channels):
        made = backlog.buckets(device, channel, width_us)
        stored = _rows(said.get(f"c{channel}"))
        wrong = [start for start in made.keys() | stored.keys() if made.get(start) != stored.get(start)]
        if wrong:
            first = min(wrong)
            differs = f"stored {stored.get(first)}, made {made.get(first)} (count, min, max, sum, last)"
            yield f"{backlog.name(device)} c{channel} at {first}: {differs}"


def _rows(buckets: Mapping[str, Any] | None) -> dict[int, tuple[Any, ...]]:
    if buckets is None:
        return {}
    columns = (buckets[name] for name in ("t", "count", "min", "max", "sum", "last"))
    return {start: tuple(others) for start, *others in zip(*columns, strict=True)}


async def differences_in_points(client: HubClient, backlog: Backlog, devices: Sequence[int]) -> list[str]:
    """Compare the first channel of some devices reading by reading: its frames' numbers, one after another."""
    found = []
    for device in devices:
        numbers = np.arange(1, backlog.frames + 1)
        made = list(zip(backlog.times_us(device, numbers).tolist(), numbers.tolist(), strict=True))
        stored = await points_of(client, backlog.name(device), "c0", backlog.begin_us, backlog.end_us)
        if made != stored:
            found.append(f"{backlog.name(device)} c0: {len(stored):,} readings are stored, {len(made):,} were made, or they differ")
    return found


async def out_of_order(client: HubClient, backlog: Backlog, device: int) -> str | None:
    """Look at one series while it is being stored: what is there must be its first frames, without a hole. None: it is so."""
    begin_us, end_us = backlog.begin_us, backlog.end_us
    width = _WIDTHS[width_us(end_us - begin_us)]  # buckets of an hour would hold what comes live, too
    answer = await client.query(backlog.name(device), ["c0"], from_us=begin_us, to_us=end_us, width=width, limit=_LIMIT)
    for series in answer["series"]:
        count, last = sum(series["buckets"]["count"]), series["buckets"]["last"][-1]
        if count != last:
            return f"{backlog.name(device)} c0 has {count:,} readings while its newest is number {last:,.0f}"
    return None
