"""Answers about the past that stay right: the queries whose last bucket is closed, kept as they went out, until something touches them.

Owns which answers may be kept, how many bytes they take, and what drops one: a late reading in its range, a deleted device, an eviction.
Plain code: the time is an argument. hub/web/history.py asks; the history writer tells what it stored.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from hub.core.records import Columns

MAX_BYTES: Final = 64_000_000
MAX_BODY_BYTES: Final = MAX_BYTES // 8  # one answer does not push all others out
MARGIN_US: Final = 60_000_000  # the newest minute still gets what devices send now: kept answers of it would not live
SHARED_AGE_US: Final = 60_000_000  # what others write, or what shows late, is seen after a minute
_OVERHEAD_BYTES: Final = 600  # of an entry and its key; each name of a question counts besides
_NAME_BYTES: Final = 120


class Question(NamedTuple):
    """What a query asks, ready to be compared: the range is made of whole buckets."""

    devices: frozenset[str]
    channels: frozenset[str]  # empty: all
    from_us: int
    to_us: int
    width_us: int  # 0: raw
    limit: int

    def is_touched(self, device: str, channel: str, low_us: int, high_us: int) -> bool:
        """Tell whether readings of a series between two times, both included, belong in the answer."""
        is_named = device in self.devices and (not self.channels or channel in self.channels)
        return is_named and low_us < self.to_us and high_us >= self.from_us


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it goes out, and its strong ETag: a hash of the bytes, so that an equal one means equal bytes, also after a restart."""

    body: bytes
    tag: str
    asked_us: int = 0

    @classmethod
    def of(cls, body: bytes, asked_us: int = 0) -> "Kept":
        """Return a body with its tag."""
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', asked_us)


class Asking:
    """A question that the store is answering now; what is touched meanwhile may be missing in the answer, which is then not kept."""

    __slots__ = ("asked_us", "is_touched", "question")

    def __init__(self, question: Question, asked_us: int) -> None:
        self.question = question
        self.asked_us = asked_us
        self.is_touched = False


class ClosedAnswers:
    """The kept answers, the longest unasked leave first.

    `max_age_us` is for databases that others write to as well, and that show late what they were given: nobody tells of that, so an
    answer is kept for so long at most. None: the store is ours alone.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, max_age_us: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._max_age_us = max_age_us
        self._kept: OrderedDict[Question, Kept] = OrderedDict()
        self._asking: set[Asking] = set()
        self._by_device: dict[str, set[Question]] = {}
        self._gone = 0.0  # what `given_up` said last
        self._newest_us = 0  # no kept or asked range ends after it: what is newer touches none
        self._bytes = self._hits = self._misses = self._unchanged = self._dropped = self._evicted = 0

    def is_closed(self, question: Question, now_us: int) -> bool:
        """Tell whether the last bucket of a question ended long enough ago."""
        return question.to_us <= now_us - MARGIN_US

    def get(self, question: Question, now_us: int) -> Kept | None:
        """Return what was kept for a question."""
        kept = self._kept.get(question)
        if kept is not None and self._max_age_us is not None and not 0 <= now_us - kept.asked_us < self._max_age_us:
            self._remove(question)
            kept = None
        if kept is None:
            self._misses += 1
            return None
        self._kept.move_to_end(question)
        self._hits += 1
        return kept

    def unchanged(self) -> None:
        """Count an answer that was not sent, as the asker has it already."""
        self._unchanged += 1

    def begin(self, question: Question, now_us: int) -> Asking:
        """Say that the store is about to be asked; `end` must follow."""
        asking = Asking(question, now_us)
        self._asking.add(asking)
        self._newest_us = max(self._newest_us, question.to_us)
        return asking

    def end(self, asking: Asking, kept: Kept | None) -> None:
        """Keep the answer to a question, unless it was touched meanwhile or is too large; None: there is none to keep."""
        self._asking.discard(asking)
        question = asking.question
        if kept is None or asking.is_touched or len(kept.body) > min(MAX_BODY_BYTES, self._max_bytes):
            return
        self._remove(question)
        self._kept[question] = kept
        self._bytes += _size(question, kept)
        for device in question.devices:
            self._by_device.setdefault(device, set()).add(question)
        while self._bytes > self._max_bytes:
            self._remove(next(iter(self._kept)))
            self._evicted += 1

    def stored(self, columns: Columns) -> None:
        """Drop what late readings touch. Cheap where none is older than what is kept, as with everything that is live."""
        if not (self._kept or self._asking) or not len(columns):
            return
        late = columns.t_ns < self._newest_us * 1_000
        if not late.any():
            return
        index, t_us = columns.index[late], columns.t_ns[late] // 1_000
        order = np.argsort(index, kind="stable")
        index, t_us = index[order], t_us[order]
        first = np.flatnonzero(np.concatenate(([True], index[1:] != index[:-1])))
        lows, highs = np.minimum.reduceat(t_us, first).tolist(), np.maximum.reduceat(t_us, first).tolist()
        for at, low_us, high_us in zip(index[first].tolist(), lows, highs, strict=True):
            series = columns.series[at]
            self._touch(series.device, series.channel, low_us, high_us)

    def _touch(self, device: str, channel: str, low_us: int, high_us: int) -> None:
        for asking in self._asking:
            asking.is_touched |= asking.question.is_touched(device, channel, low_us, high_us)
        self._drop([each for each in self._by_device.get(device, ()) if each.is_touched(device, channel, low_us, high_us)])

    def deleted(self, device: str) -> None:
        """Drop what holds readings of a device that are being deleted; called when they are gone."""
        for asking in self._asking:
            asking.is_touched |= device in asking.question.devices
        self._drop(list(self._by_device.get(device, ())))

    def given_up(self, count: float) -> None:
        """Take how many files the store has given up or set aside so far; with each one answers change that nobody can name."""
        if count != self._gone:
            self._gone = count
            self.forget()

    def forget(self) -> None:
        """Drop everything."""
        for asking in self._asking:
            asking.is_touched = True
        self._drop(list(self._kept))

    def _drop(self, questions: Iterable[Question]) -> None:
        for question in questions:
            self._dropped += self._remove(question)
        if not self._kept and not self._asking:
            self._newest_us = 0

    def _remove(self, question: Question) -> bool:
        kept = self._kept.pop(question, None)
        if kept is None:
            return False
        self._bytes -= _size(question, kept)
        for device in question.devices:
            questions = self._by_device[device]
            questions.discard(question)
            if not questions:
                del self._by_device[device]
        return True

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        asked = {"hits": self._hits, "misses": self._misses, "unchanged": self._unchanged}
        held = {"answers": len(self._kept), "bytes": self._bytes, "max_bytes": self._max_bytes}
        return {**asked, **held, "dropped": self._dropped, "evicted": self._evicted}


def _size(question: Question, kept: Kept) -> int:
    return len(kept.body) + _OVERHEAD_BYTES + _NAME_BYTES * (len(question.devices) + len(question.channels))
