"""Times as files and people write them: RFC 3339 with up to nine digits, local times of a zone, numbers since 1970.

Owns that reading and what is said of a time that cannot be read; a number is a time only where the format was said. Plain code that takes
the present as an argument.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from devices.wire.limits import MAX_FUTURE_S, MAX_TIME_US
from hub.core.errors import Refusal

FORMATS: Final = {"rfc3339": 0, "s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}  # ns of one
NO_N: Final = -1  # a time that says nothing below the microsecond
_EPOCH: Final = datetime(1970, 1, 1)
_US: Final = timedelta(microseconds=1)
_SHAPE: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s?(Z|z|UTC|[+-]\d\d:?\d\d)?", re.ASCII)
_PLAIN_LENGTH: Final = len("2026-03-01T08:00:00.000000Z")


class NoTime(ValueError):
    """This is no time; `hint` says what helps."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class TimeReader:
    """Reads times of one format. `zone` is that of times without an offset; None: there must be one."""

    def __init__(self, form: str, zone: tzinfo | None, now_us: int) -> None:
        self._unit_ns = FORMATS[form]
        self._zone = zone
        self._latest_us = now_us + MAX_FUTURE_S * 1_000_000

    def read(self, text: str) -> tuple[int, int]:
        """Return a time in µs since 1970 and the ns in that µs, NO_N where there are no digits for it. Raises NoTime."""
        t_us, n = self._of_number(text) if self._unit_ns else self._of_text(text)
        return self.checked(t_us), n

    def read_all(self, texts: Sequence[str]) -> tuple[list[int], list[int] | None] | None:
        """Return many times at once where all are as our own exports write them; None where they have to be read one by one."""
        if self._unit_ns or not all(map(_is_plain, texts)):
            return None
        try:
            t_us = np.array([text[:-1] for text in texts], "M8[us]").view(np.int64)
        except ValueError:
            return None
        if len(t_us) and t_us.max() > self._latest_us:
            return None
        return t_us.tolist(), None

    def checked(self, t_us: int) -> int:
        """Return a time that the hub can hold. Raises NoTime."""
        if abs(t_us) > MAX_TIME_US:
            raise NoTime("is more than 292 years from 1970", "see whether --time-format is right")
        if t_us > self._latest_us:
            raise NoTime("is more than 24 h ahead of the hub's clock", "see whether --time-format and --tz are right")
        return t_us

    def _of_number(self, text: str) -> tuple[int, int]:
        try:
            t_ns = int(text) * self._unit_ns if text.isdecimal() else int(Decimal(text) * self._unit_ns)
        except (InvalidOperation, ValueError, OverflowError):
            raise NoTime("is no number", "a time as text needs --time-format rfc3339") from None
        return t_ns // 1_000, t_ns % 1_000 if self._unit_ns == 1 else NO_N

    def _of_text(self, text: str) -> tuple[int, int]:
        match = _SHAPE.fullmatch(text.strip())
        if match is None:
            if re.fullmatch(r"[+-]?\d+(\.\d+)?", text.strip()):
                raise NoTime("is a number, not an RFC 3339 time", "say --time-format s, ms, us or ns: since 1970")
            raise NoTime("is no RFC 3339 time", "write 2026-03-01T08:00:00Z")
        day, clock, seconds, digits, offset = match.groups()
        try:
            moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{seconds or '00'}")
        except ValueError as error:
            raise NoTime(f"is no time: {error}", "write 2026-03-01T08:00:00Z") from None
        fraction = (digits or "").ljust(9, "0")
        t_us = (moment - _EPOCH) // _US - self._offset_us(moment, offset) + int(fraction[:6])
        return t_us, int(fraction[6:]) if len(digits or "") > 6 else NO_N

    def _offset_us(self, moment: datetime, offset: str | None) -> int:
        """Return what local time is ahead of UTC. Of a time that occurs twice the first is meant."""
        if offset is None:
            if self._zone is None:
                raise NoTime("has no offset from UTC", "say --tz UTC or --tz Europe/Berlin")
            local = moment.replace(tzinfo=self._zone)
            if local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != moment:
                raise NoTime("does not exist in this zone: clocks were put forward", "see whether --tz is right")
            return (local.utcoffset() or timedelta()) // _US
        if offset in ("Z", "z", "UTC"):
            return 0
        sign = -1 if offset[0] == "-" else 1
        return sign * (int(offset[1:3]) * 60 + int(offset[-2:])) * 60_000_000


def _is_plain(text: str) -> bool:
    """Tell whether a time looks as our exports write it; then numpy reads it, or says that it cannot."""
    return len(text) == _PLAIN_LENGTH and text[10] == "T" and text[19] == "." and text[20:26].isdecimal() and text[26] == "Z"


def zone_named(name: str) -> tzinfo:
    """Return a zone by its name. Raises Refusal."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    if re.fullmatch(r"[+-]\d\d:\d\d", name):
        minutes = int(name[1:3]) * 60 + int(name[4:])
        if minutes < 1_440:
            return timezone(timedelta(minutes=-minutes if name[0] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal("bad_zone", f"there is no time zone {name[:40]!r}", "write one as Europe/Berlin, +01:00 or UTC", 422) from None
