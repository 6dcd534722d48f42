"""One subscription of one viewer: its series' numbers, what was sent and drawn, and its messages.

Owns the shape of snapshot, update and changed (docs/protocol.md section 12) and the pace of updates. Plain code but for the monotonic time
it is given. live.py feeds its mailbox, viewer.py sends what it makes.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from hub.core.buckets import Bucket
from hub.core.lines import Lines, rung_of
from hub.core.records import Cursor, Series
from hub.core.selector import Request
from hub.sessions.cursors import cursor_text
from hub.sessions.mailbox import MAX_BYTES, Mailbox, Points
from hub.sessions.snapshot import Picture

MAX_UNDRAWN_S: Final = 2.0
PACE_S: Final = 0.05  # between updates of raw points and 100 ms buckets
WIDE_PACE_S: Final = 0.25  # of wider buckets: an open one changes with every reading
PART_POINTS: Final = 4_000  # of one message
_NEW_US: Final = -(2**62)  # a series nobody has seen before is whole from ever on
Message = dict[str, Any]


class Subscription:
    """A viewer's subscription; equal only to itself."""

    def __init__(self, request: Request, picture: Picture, lines: Lines, journal: str) -> None:
        self.request = request
        self.width_us = picture.width_us
        self.rung_us = rung_of(picture.width_us)
        self.mailbox = Mailbox(not picture.width_us)
        self._lines = lines
        self._journal = journal
        self._numbers: dict[Series, int] = {}
        self._told = 0  # how many of them the viewer knows by name; they are numbered in the order of their first data
        self._position = picture.position
        self._n = 0
        self._undrawn: deque[tuple[int, int, float]] = deque()  # (n, bytes, when it was sent)
        self._sent_s = float("-inf")
        for series in {*picture.floors_us, *picture.points, *picture.buckets}:
            floor_us = picture.floors_us.get(series, _NEW_US)
            self.mailbox.lines[series] = lines.use(series, self.rung_us, floor_us, partial(picture.stretches, series, self.rung_us))
            for stretch in (picture.hole_us, picture.late_us):
                if stretch is not None:
                    self.mailbox.add_late(series, *stretch, picture.position)

    def adopt(self, series: Series) -> None:
        """Take in a series that begins now."""
        if series not in self.mailbox.lines:
            self.mailbox.lines[series] = self._lines.use(series, self.rung_us, _NEW_US, dict)

    def leave(self) -> None:
        """Give the lines back."""
        for series in self.mailbox.lines:
            self._lines.leave(series, self.rung_us)
        self.mailbox.lines.clear()

    def snapshot(self, picture: Picture, reason: str) -> Iterator[Message]:
        """Return the messages that replace what the viewer has."""
        first = {"op": "snapshot", "reason": reason, "from_us": picture.from_us}
        if picture.hole_us is not None:
            first["hole"] = list(picture.hole_us)
        yield from self._parts(first, self._picture_data(picture))

    def resumed(self, picture: Picture, after: int) -> Iterator[Message]:
        """Return the messages that bring a viewer from a position to the picture's."""
        first = {"op": "update", "from": self.cursor(after)}
        yield from self._parts(first, self._picture_data(picture))

    def is_slow(self, now_s: float) -> bool:
        """Tell whether too much of what was sent is not drawn yet."""
        if not self._undrawn:
            return False
        return now_s - self._undrawn[0][2] > MAX_UNDRAWN_S or sum(size for _, size, _ in self._undrawn) > MAX_BYTES

    def due_s(self, now_s: float) -> float:
        """Return when the next update may go; infinity: there is nothing to say."""
        if not self.mailbox:
            return float("inf")
        pace_s = WIDE_PACE_S if self.rung_us >= 1_000_000 else PACE_S
        return self._sent_s + (MAX_UNDRAWN_S if self.is_slow(now_s) else pace_s)

    def update(self, position: int, now_s: float, now_us: int) -> Iterator[Message]:
        """Return the messages for everything that waits, up to the fan-out's position."""
        if self.is_slow(now_s):
            self.mailbox.merge()
        mail = self.mailbox.take(position)
        before, self._position, self._sent_s = self._position, position, now_s
        data = [*self._raw(mail.points), *self._wide(mail.buckets)]
        first = {"op": "update", "from": self.cursor(before), "sent_us": now_us, "oldest_us": mail.oldest_us}
        yield from self._parts(first, data)

    def changed(self, stored: int) -> Iterator[Message]:
        """Return the messages that tell the viewer to ask again for what was late and is stored now."""
        for series, late in self.mailbox.take_late(stored).items():
            number = self._numbers.get(series)
            if number is not None:
                yield {"op": "changed", "id": self.request.id, "series": [number], "from_us": late.from_us, "to_us": late.to_us}

    def sent(self, message: Message, size_bytes: int, now_s: float) -> None:
        """Note a message that was handed to the connection."""
        if "n" in message:
            self._undrawn.append((message["n"], size_bytes, now_s))

    def drawn(self, n: int) -> None:
        """Note what the viewer has drawn."""
        while self._undrawn and self._undrawn[0][0] <= n:
            self._undrawn.popleft()

    def cursor(self, position: int) -> str:
        """Return a position as viewers see it."""
        return cursor_text(Cursor(self._journal, position))

    def _parts(self, first: Message, data: Iterable[Message]) -> Iterator[Message]:
        """Cut one large message into several; only the last carries the new cursor."""
        parts: list[list[Message]] = [[]]
        size = 0
        for column in data:
            if parts[-1] and size + len(column["t"]) > PART_POINTS:
                parts.append([])
                size = 0
            parts[-1].append(column)
            size += len(column["t"])
        for at, part in enumerate(parts):
            self._n += 1
            message = {**first, "id": self.request.id, "n": self._n, "series": self._untold(part), "data": part}
            is_last = at == len(parts) - 1
            yield {**message, "to": self.cursor(self._position)} if is_last else {**message, "more": True}

    def _untold(self, part: list[Message]) -> list[Message]:
        """Return the names of series that occur for the first time."""
        newest = max((column["s"] + 1 for column in part), default=0)
        untold = list(self._numbers)[self._told : newest]
        named = [_named(number, series) for number, series in enumerate(untold, self._told)]
        self._told = max(self._told, newest)
        return named

    def _number(self, series: Series) -> int:
        return self._numbers.setdefault(series, len(self._numbers))

    def _picture_data(self, picture: Picture) -> list[Message]:
        if not picture.width_us:
            return list(self._raw(picture.points))
        return list(self._wide({series: {picture.width_us: sorted(found.items())} for series, found in picture.buckets.items()}))

    def _raw(self, points: dict[Series, Points]) -> Iterator[Message]:
        for series, found in points.items():
            for keys in _chunks(sorted(found)):
                times = {"t": [key // 1_000 for key in keys], "n": [key % 1_000 for key in keys]}
                yield {"s": self._number(series), "w": 0, **times, "v": [found[key] for key in keys]}

    def _wide(self, buckets: dict[Series, dict[int, list[tuple[int, Bucket]]]]) -> Iterator[Message]:
        for series, widths in buckets.items():
            for width_us, found in widths.items():
                for chunk in _chunks(found):
                    yield {"s": self._number(series), "w": width_us, **_bucket_columns(chunk)}


def _chunks(entries: list[Any]) -> Iterator[list[Any]]:
    for at in range(0, len(entries), PART_POINTS):
        yield entries[at : at + PART_POINTS]


def _bucket_columns(found: list[tuple[int, Bucket]]) -> Message:
    numbers = {name: [_plain(getattr(bucket, name)) for _, bucket in found] for name in ("min", "max", "sum")}
    last = {"last": [bucket.last for _, bucket in found], "last_t": [bucket.last_ns // 1_000 for _, bucket in found]}
    return {"t": [start for start, _ in found], **numbers, "count": [bucket.count for _, bucket in found], **last}


def _plain(number: float) -> float | None:
    return None if number != number else number


def _named(number: int, series: Series) -> Message:
    return {"s": number, "device": series.device, "channel": series.channel, "unit": series.unit, "kind": series.kind.value}
