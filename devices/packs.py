"""Many values of one channel to drafts of pack frames, cut so that the hub can take each.

Owns what a caller of Device.send_pack may say of channel and times; floats.py takes the values. Numbers and keeps nothing (the spool
does).
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from devices.floats import FloatFormat, floats_of, little_endian, offsets_of
from devices.readings import Readings, checked_time_us
from devices.spool import Draft
from devices.spool.records import FrameKind
from devices.wire.limits import MAX_PACK_READINGS, MAX_STEP_NS
from devices.wire.messages import Kind, Pack
from devices.wire.pack import FLOAT_BYTES, OFFSET_BYTES


class Packs:
    """Makes drafts of packs for the channels of `readings`."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._follows_us: dict[int, int] = {}  # by channel: when a value that goes on from its last regular pack would be

    def drafts(
        self,
        name: str,
        values: Iterable[Any],
        step_ns: int | None,
        offsets_us: Iterable[Any] | None,
        start_us: int | None,
        now_us: int,
        format: FloatFormat | None,
    ) -> list[Draft]:
        """Make frames of values of one channel, in the order given. Raises ValueError, TypeError; then none is made."""
        if step_ns is not None and offsets_us is None:
            return self._regular(name, values, step_ns, start_us, now_us, format)
        if offsets_us is not None and step_ns is None:
            return self._irregular(name, values, offsets_us, start_us, now_us, format)
        raise ValueError("give step_ns, the time between two values, or offsets_us, the time of each after start_us; not both")

    def _regular(
        self, name: str, values: Iterable[Any], step_ns: int, start_us: int | None, now_us: int, format: FloatFormat | None
    ) -> list[Draft]:
        """Without `start_us` the last value is of now; but where that would overlap the pack before, these go on from there."""
        if type(step_ns) is not int or not 1 <= step_ns <= MAX_STEP_NS:
            raise ValueError(f"step_ns must be an int of nanoseconds from 1 to {MAX_STEP_NS:,}, not {step_ns!r}")
        channel, (floats, found) = self._channel(name), floats_of(name, values, format)
        if start_us is None:
            start_us = now_us - (len(floats) - 1) * step_ns // 1_000
            follows_us = self._follows_us.get(channel, start_us)
            start_us = follows_us if start_us < follows_us <= now_us else start_us
        checked_time_us(start_us)
        self._follows_us[channel] = start_us - (-len(floats) * step_ns // 1_000)
        whole = 1_000 // math.gcd(step_ns, 1_000)  # steps to a whole number of µs: a frame that begins there keeps every stamp as it was
        count = self._room(FLOAT_BYTES[found])
        count -= count % whole if count > whole else 0
        drafts = []
        for at in range(0, len(floats), count):
            part, base_us = floats[at : at + count], start_us + at * step_ns // 1_000
            times = (base_us, base_us + (len(part) - 1) * step_ns // 1_000)
            drafts.append(_draft(Pack(1, 1, base_us, channel, step_ns, None, found, little_endian(part)), *times))
        return drafts

    def _irregular(
        self, name: str, values: Iterable[Any], offsets_us: Iterable[Any], start_us: int | None, now_us: int, format: FloatFormat | None
    ) -> list[Draft]:
        """Without `start_us` the latest value is of now."""
        channel, (floats, found) = self._channel(name), floats_of(name, values, format)
        offsets = offsets_of(offsets_us, len(floats))
        base_us = now_us - max(offsets, default=0) if start_us is None else start_us
        checked_time_us(base_us)
        count = self._room(FLOAT_BYTES[found] + OFFSET_BYTES)
        drafts = []
        for at in range(0, len(floats), count):
            part, times = floats[at : at + count], offsets[at : at + count]
            pack = Pack(1, 1, base_us, channel, None, little_endian(times), found, little_endian(part))
            drafts.append(_draft(pack, base_us + min(times), base_us + max(times)))
        return drafts

    def _channel(self, name: str) -> int:
        index = self._readings.index_of(name)
        kind = self._readings.channels[index].kind
        if kind not in (Kind.GAUGE, Kind.COUNTER):
            raise TypeError(f"channel {name!r} is a {kind.value}; a pack takes a gauge or a counter: use send for this one")
        return index

    def _room(self, reading_bytes: int) -> int:
        return min(MAX_PACK_READINGS, self._readings.max_bytes // reading_bytes)


def _draft(pack: Pack, from_us: int, to_us: int) -> Draft:
    return Draft(FrameKind.DATA, lambda epoch, seq: replace(pack, epoch=epoch, seq=seq), pack.count, from_us, to_us)
