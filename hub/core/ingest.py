"""Which readings of a frame are stored and which are rejected, against the channel list of their epoch.

Owns the rules of docs/protocol.md section 6 for single readings; plain code that takes the time as an argument. The device session
calls it once a frame: a frame of plain numbers is judged as columns, and only a frame that is not goes reading by reading.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from devices.wire.channel_lists import remembered
from devices.wire.limits import MAX_FUTURE_S, MAX_TEXT_BYTES, MAX_TIME_US
from devices.wire.messages import Channel, Data, Kind
from hub.core.alike import NotPlainError
from hub.core.mould import Mould

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
MAX_EQUAL_STAMPS: Final = 1_000  # nanoseconds in the microsecond that equal stamps of one series are spread over
_INT: Final = frozenset({int})
_FLOAT: Final = frozenset({float})
_NUMBERS: Final = frozenset({int, float})
_FUTURE_US: Final = MAX_FUTURE_S * 1_000_000
_EVER_US: Final = 2**64  # before any time
_LEARN_EACH: Final = 16
_MAX_LENGTHS: Final = 64  # of which it is counted how often they came
_MAX_MOULD_BYTES: Final = 2_048  # of the frames that moulds of a channel list are made of: a mould takes 8 times that, and 1 KB

Rejected = tuple[int, str]  # index of a reading, code


@remembered
def rules_of(channels: tuple[Channel, ...], keep_us: int = 0) -> "ChannelRules":
    """Return the rules of a channel list: one object for all epochs that have the same."""
    return ChannelRules(channels, keep_us)


class ChannelRules:
    """The rules of one channel list; a reading older than `keep_us` (0: for ever) would be deleted as soon as it is stored."""

    def __init__(self, channels: Sequence[Channel], keep_us: int = 0) -> None:
        self.channels = tuple(channels)
        self._keep_us = keep_us or _EVER_US
        self._numeric = frozenset(i for i, channel in enumerate(channels) if channel.kind in (Kind.GAUGE, Kind.COUNTER))
        self._moulds: dict[int, Mould] = {}  # of frames that were plain, by length
        self._missed: dict[int, int] = {}  # how many plain frames of a length had no mould

    def rejected(self, data: Data, now_us: int) -> list[Rejected]:
        """Return (index, code) of each reading that will not be stored, in order; mostly an empty list."""
        if data.base_us is None:
            return [(index, "no_time") for index in range(len(data.values))]
        if self.are_plain(data.base_us, data.channels, data.offsets_us, data.values, now_us):
            return []
        codes = [self._code(data, data.base_us, index, now_us) for index in range(len(data.values))]
        _mark_equal_stamps(data, codes)
        return [(index, code) for index, code in enumerate(codes) if code]

    def are_plain(self, base_us: Any, channels: Any, offsets_us: Any, values: Any, now_us: int) -> bool:
        """Tell, without looking at single readings in Python, that these are readings of a frame, and all of them good numbers."""
        if not (type(channels) is type(offsets_us) is type(values) is list and type(base_us) is int):
            return False
        if not 0 < len(values) < MAX_EQUAL_STAMPS or not len(channels) == len(offsets_us) == len(values):
            return False
        types = set(map(type, values))
        if set(map(type, channels + offsets_us)) != _INT or not self._numeric.issuperset(channels):
            return False
        if types != _FLOAT and not (types <= _NUMBERS and _are_int64(values)):
            return False
        # A NaN or an infinity among the values makes their sum one; a sum that overflows is looked at one by one.
        if not (math.isfinite(sum(values)) and -MAX_TIME_US <= base_us <= MAX_TIME_US):
            return False
        return self._is_in_time(base_us + min(offsets_us), base_us + max(offsets_us), now_us)

    def _is_in_time(self, oldest_us: int, newest_us: int, now_us: int) -> bool:
        return oldest_us >= -MAX_TIME_US and oldest_us >= now_us - self._keep_us and newest_us <= now_us + _FUTURE_US

    def read_plain(self, body: bytes, now_us: int) -> tuple[int, int, int] | None:
        """Return (epoch, seq, time of the newest reading) of a data frame that is like one `learn` was given, and that are_plain would call
        so; None where it has to be decoded."""
        mould = self._moulds.get(len(body))
        if mould is None or (found := mould.read(body)) is None:
            return None
        epoch, seq, base_us, oldest_us, newest_us = found
        is_plain = -MAX_TIME_US <= base_us <= MAX_TIME_US and self._is_in_time(oldest_us, newest_us, now_us)
        return (epoch, seq, newest_us) if is_plain else None

    def learn(self, body: bytes) -> None:
        """Take a data frame that was plain, of seven keys, and had to be decoded: the next ones like it will not. A mould costs as much as
        some frames, so that only each _LEARN_EACH-th of a length makes one, instead of the one before; the oldest make room."""
        size = len(body)
        if size > _MAX_MOULD_BYTES:
            return
        if len(self._missed) > _MAX_LENGTHS:
            self._missed.clear()
        missed = self._missed[size] = self._missed.get(size, 0) + 1
        if missed % _LEARN_EACH == 0:
            with suppress(NotPlainError, IndexError):
                mould = Mould(body)
                self._moulds.pop(size, None)
                while sum(self._moulds) + size > _MAX_MOULD_BYTES:
                    del self._moulds[next(iter(self._moulds))]
                self._moulds[size] = mould

    def oldest_us(self, now_us: int) -> int:
        """Return the time before which a reading is rejected."""
        return max(-MAX_TIME_US, now_us - self._keep_us)

    def _code(self, data: Data, base_us: int, index: int, now_us: int) -> str | None:
        channel, offset_us = data.channels[index], data.offsets_us[index]
        if type(channel) is not int or not 0 <= channel < len(self.channels):
            return "unknown_channel"
        if type(offset_us) is not int or base_us + offset_us < -MAX_TIME_US:
            return "no_time"
        if base_us + offset_us > now_us + _FUTURE_US:
            return "future"
        if base_us + offset_us < now_us - self._keep_us:
            return "too_old"
        return value_code(self.channels[channel], data.values[index])


def value_code(channel: Channel, value: Any) -> str | None:
    """Return why a value does not fit its channel, or None where it does."""
    match channel.kind:
        case Kind.GAUGE | Kind.COUNTER:
            return _number_code(value)
        case Kind.STATE if channel.values is None:
            return None if type(value) is bool else "wrong_type"
        case Kind.STATE:
            return "wrong_type" if type(value) is not str else None if value in (channel.values or ()) else "wrong_value"
        case Kind.TEXT:
            return _text_code(value)
        case Kind.POSITION:
            return _position_code(value)


def _number_code(value: Any) -> str | None:
    if type(value) is float:
        return None if math.isfinite(value) else "not_finite"
    if type(value) is int:
        return None if INT64_MIN <= value <= INT64_MAX else "out_of_range"
    return "wrong_type"


def _text_code(value: Any) -> str | None:
    if type(value) is not str:
        return "wrong_type"
    return None if len(value.encode(errors="surrogatepass")) <= MAX_TEXT_BYTES else "text_too_long"


def _position_code(value: Any) -> str | None:
    if type(value) is not list or len(value) != 2 or any(type(part) not in _NUMBERS for part in value):
        return "wrong_type"
    latitude, longitude = value
    return None if -90 <= latitude <= 90 and -180 <= longitude <= 180 else "bad_position"


def _mark_equal_stamps(data: Data, codes: list[str | None]) -> None:
    """Reject what comes after MAX_EQUAL_STAMPS readings of one channel in one microsecond: no point key is left for it."""
    if len(codes) < MAX_EQUAL_STAMPS:
        return
    counts: dict[tuple[int, int], int] = {}
    for index, code in enumerate(codes):
        if code is None:
            key = (data.channels[index], data.offsets_us[index])
            counts[key] = counts.get(key, 0) + 1
            if counts[key] > MAX_EQUAL_STAMPS:
                codes[index] = "same_time"


def _are_int64(values: list[Any]) -> bool:
    """Tell whether numbers are within 64 bits, the integers among them where others are beyond."""
    if min(values) >= INT64_MIN and max(values) <= INT64_MAX:
        return True
    return all(INT64_MIN <= value <= INT64_MAX for value in values if type(value) is int)
