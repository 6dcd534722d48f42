"""What an export is asked for: which series, and which range in which width.

Owns the checks of these parameters, each with the value and what to do. Called by exchange.py.
"""

import time
from collections.abc import Sequence
from datetime import UTC

from hub.core.errors import Refusal
from hub.core.exchange.lines_output import refusal_of
from hub.core.exchange.times import NoTime, TimeReader
from hub.core.records import Series
from hub.core.registry import Registry
from hub.ports import HistoryStore
from hub.web.history import MAX_TIME_US, WIDTHS_US


async def series_of(history: HistoryStore, registry: Registry, devices: frozenset[str] | None, channels: set[str]) -> list[Series]:
    """Return the series of devices, None for all, and channels, none for all. Raises Refusal for one that nobody knows."""
    known = await history.list_series()
    for name in sorted((devices or frozenset()) - {series.device for series in known}):
        if registry.record(name) is None:
            raise Refusal(
                "no_device", f"no device is called {name[:64]!r}, and no reading of one is stored", "see: tributary device list", 404
            )
    of_devices = [series for series in known if devices is None or series.device in devices]
    have = {series.channel for series in of_devices}
    unknown = sorted(channels - have)
    if unknown and have:
        said = f"no reading of a channel {unknown[0][:64]!r} is stored"
        raise Refusal("no_channel", said, f"there are: {', '.join(sorted(have)[:20])}", 404)
    return [series for series in of_devices if not channels or series.channel in channels]


def range_of(begin: str | None, end: str | None, span_s: float | None, width: str) -> tuple[int, int, int]:
    """Return from, to and width in µs; all of time where nothing is said. Buckets are whole."""
    if width not in WIDTHS_US:
        raise Refusal("bad_width", f"width is one of {', '.join(WIDTHS_US)}, not {width[:20]!r}", "correct width", 422)
    if begin is not None and span_s is not None:
        raise Refusal("bad_range", "from and span_s are both given", "give one of them", 422)
    width_us = WIDTHS_US[width]
    now_us = time.time_ns() // 1_000
    end_us = MAX_TIME_US if end is None else _time_us("to", end)
    begin_us = -MAX_TIME_US if begin is None else _time_us("from", begin)
    if span_s is not None:
        begin_us = (now_us if end is None else end_us) - int(span_s * 1e6)
    if begin_us >= end_us:
        raise Refusal("bad_range", f"from ({begin_us}) is not before to ({end_us})", "swap or widen them", 422)
    if width_us:
        begin_us, end_us = begin_us - begin_us % width_us, min(end_us, now_us + 2 * 86_400_000_000)
        end_us += -end_us % width_us
    return max(begin_us, -MAX_TIME_US), end_us, width_us


def _time_us(name: str, text: str) -> int:
    try:
        if text.lstrip("-").isdecimal():
            return TimeReader("us", None, MAX_TIME_US).read(text)[0]
        return TimeReader("rfc3339", UTC, MAX_TIME_US).read(text.replace(" ", "+"))[0]  # a + that was not escaped in the URL
    except NoTime as error:
        hint = "write 2026-11-21T08:00:00Z, or µs since 1970"
        raise Refusal("bad_time", f"{name} = {text[:40]!r}: {error}", hint, 422) from None


def check_names(series: Sequence[Series]) -> None:
    """Refuse names that line protocol has no way to say."""
    for each in series:
        if (reason := refusal_of(each)) is not None:
            raise Refusal("bad_name", f"{reason}, which line protocol has no way to say", "leave it out, or export CSV or Parquet", 422)
