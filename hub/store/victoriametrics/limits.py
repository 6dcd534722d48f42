"""What a VictoriaMetrics cannot hold, told before it is sent: the server itself drops it and answers that all is well.

Owns those limits and their sentences, all measured with 1.79: numbers of 15 digits, times in ms from February 1970 on and within the
retention, one reading per series and ms. Plain code, called in the store's writing thread.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Channel, Kind
from hub.core.records import Columns, Refused, Series
from hub.store.victoriametrics.importing import series_refusal

NS: Final = 1_000_000
# The server keeps 18 decimal digits for up to 8,192 readings of a series together: a larger number takes digits from its neighbours
# (one of 1e300 makes them 0).
MAX_NUMBER: Final = 1e15
# Its queries look a while back before their window and find nothing where that is before 1970.
OLDEST_MS: Final = 30 * 86_400_000
MAX_AHEAD_MS: Final = 47 * 3_600_000  # it drops what is two days ahead of its own clock
MAX_REMEMBERED: Final = 500_000  # series whose newest time is known, some 100 MB; then it begins anew
MAX_CROWDED: Final = 100_000
_NAME: Final = "VictoriaMetrics"
_NO_TEXTS: Final = f"{_NAME} holds numbers and booleans, no texts"
_NO_POSITIONS: Final = f"{_NAME} holds one number a reading, no positions; send latitude and longitude as two channels"


_BY_KIND: Final = {Kind.TEXT: _NO_TEXTS, Kind.POSITION: _NO_POSITIONS}


def refuses(channel: Channel) -> str | None:
    """Return why no reading of a channel can be held; None where it can."""
    if channel.kind is Kind.TEXT or (channel.kind is Kind.STATE and channel.values is not None):
        return _NO_TEXTS
    return _NO_POSITIONS if channel.kind is Kind.POSITION else None


class Limits:
    """Which readings can be held; knows the newest of each series, so that two batches do not fill one ms."""

    def __init__(self) -> None:
        self._newest_ns: dict[Series, int] = {}
        self._crowded: dict[tuple[Series, int], None] = {}  # readings refused for their ms: again, when they come again

    def sift(self, columns: Columns, oldest_ms: int, now_ms: int) -> tuple[npt.NDArray[np.int64], list[Refused]]:
        """Return which readings to write, and those that can never be held, by index. The same batch again gives the same."""
        reasons: dict[int, str] = {}
        t_ms = columns.t_ns // NS
        low, high = max(OLDEST_MS, oldest_ms), now_ms + MAX_AHEAD_MS
        self._note(reasons, t_ms < low, f"{_NAME} keeps nothing older than {_date(low)}: its -retentionPeriod, or January 1970")
        self._note(reasons, t_ms > high, f"{_NAME} drops what is more than two days ahead of its clock")
        with np.errstate(invalid="ignore"):
            self._note(reasons, np.abs(columns.num) >= MAX_NUMBER, f"{_NAME} keeps 15 digits; a number from 1e15 on takes them from others")
        if columns.text is not None:
            self._note(reasons, np.array([text is not None for text in columns.text.tolist()], np.bool_), _NO_TEXTS)
        if columns.lon is not None:
            self._note(reasons, ~np.isnan(columns.lon), _NO_POSITIONS)
        self._note(reasons, ~np.isfinite(columns.num), f"{_NAME} holds neither NaN nor infinity")
        self._note_series(reasons, columns)
        keep = np.ones(len(columns), np.bool_)
        keep[list(reasons)] = False
        held = self._one_per_ms(columns, t_ms, np.flatnonzero(keep), reasons)
        return held, [Refused(index, reasons[index]) for index in sorted(reasons)]

    def written(self, columns: Columns, held: npt.NDArray[np.int64]) -> None:
        """Note what was written."""
        if len(self._newest_ns) > MAX_REMEMBERED:
            self._newest_ns.clear()
        newest = np.full(len(columns.series), -1, np.int64)
        np.maximum.at(newest, columns.index[held], columns.t_ns[held])
        for series, t_ns in zip(columns.series, newest.tolist(), strict=True):
            if t_ns >= 0:
                self._newest_ns[series] = t_ns

    def forget(self, device: str) -> None:
        """Forget a device, whose readings were deleted."""
        self._newest_ns = {series: t_ns for series, t_ns in self._newest_ns.items() if series.device != device}
        self._crowded = {key: None for key in self._crowded if key[0].device != device}

    def _note(self, reasons: dict[int, str], where: npt.NDArray[np.bool_], reason: str) -> None:
        for index in np.flatnonzero(where).tolist():
            reasons.setdefault(index, reason)

    def _note_series(self, reasons: dict[int, str], columns: Columns) -> None:
        whys = {at: why for at, series in enumerate(columns.series) if (why := self._why_not(series)) is not None}
        if whys:
            for index in np.flatnonzero(np.isin(columns.index, list(whys))).tolist():
                reasons.setdefault(index, whys[int(columns.index[index])])

    def _why_not(self, series: Series) -> str | None:
        if series in self._newest_ns:
            return None  # it was written before
        return _BY_KIND.get(series.kind) or series_refusal(series)

    def _one_per_ms(
        self, columns: Columns, t_ms: npt.NDArray[np.int64], held: npt.NDArray[np.int64], reasons: dict[int, str]
    ) -> npt.NDArray[np.int64]:
        """Keep of each series and ms the first reading; of equal points the last, which replaces the others."""
        if not len(held):
            return held
        held = self._not_crowded(columns, held, reasons)
        before: Any = np.array([self._newest_ns.get(series, -1) for series in columns.series], np.int64)[columns.index[held]]
        is_taken = (before // NS == t_ms[held]) & (before != columns.t_ns[held])
        self._crowd(columns, held[is_taken].tolist(), reasons)
        held = held[~is_taken]
        order = held[np.lexsort((held, t_ms[held], columns.index[held]))]
        is_same = (columns.index[order][1:] == columns.index[order][:-1]) & (t_ms[order][1:] == t_ms[order][:-1])
        if not is_same.any():
            return held
        return self._thinned(columns, order, is_same, reasons)

    def _thinned(
        self, columns: Columns, order: npt.NDArray[np.int64], is_same: npt.NDArray[np.bool_], reasons: dict[int, str]
    ) -> npt.NDArray[np.int64]:
        keep: list[int] = []
        for index, goes_on in zip(order.tolist(), [False, *is_same.tolist()], strict=True):
            if not goes_on:
                keep.append(index)
            elif columns.t_ns[index] == columns.t_ns[keep[-1]]:
                keep[-1] = index
            else:
                self._crowd(columns, [index], reasons)
        return np.sort(np.array(keep, np.int64))

    def _crowd(self, columns: Columns, indexes: Sequence[int], reasons: dict[int, str]) -> None:
        if len(self._crowded) > MAX_CROWDED:
            self._crowded.clear()
        for index in indexes:
            reasons[index] = _SAME_MS
            self._crowded[columns.series[columns.index[index]], int(columns.t_ns[index])] = None

    def _not_crowded(self, columns: Columns, held: npt.NDArray[np.int64], reasons: dict[int, str]) -> npt.NDArray[np.int64]:
        if not self._crowded:
            return held
        times = np.fromiter((t_ns for _, t_ns in self._crowded), np.int64, len(self._crowded))
        for index in held[np.isin(columns.t_ns[held], times)].tolist():
            if (columns.series[columns.index[index]], int(columns.t_ns[index])) in self._crowded:
                reasons[index] = _SAME_MS
        return np.array([index for index in held.tolist() if index not in reasons], np.int64) if reasons else held


_SAME_MS: Final = f"{_NAME} holds one reading of a series in a millisecond, and has another one there"


def _date(t_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(t_ms // 1_000))
