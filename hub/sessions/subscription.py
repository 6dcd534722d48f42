"""One subscription of one viewer: its series' numbers, what was sent and drawn, and its messages.

Owns the shape of snapshot, update and changed (docs/protocol.md section 12) and the pace of updates. Plain code but for the monotonic time
it is given. live.py feeds its mailbox, viewer.py sends what it makes.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final, TypeVar

from hub.core.lines import Lines, rung_of
from hub.core.readings import Points
from hub.core.records import Cursor, Series
from hub.core.selector import Request
from hub.sessions.columns import Message, bucket_columns, named, raw_columns
from hub.sessions.cursors import cursor_text
from hub.sessions.mailbox import Found, Mailbox
from hub.sessions.picture import Picture
from hub.sessions.undrawn import Undrawn

PACE_S: Final = 0.05  # between updates of raw points and 100 ms buckets
WIDE_PACE_S: Final = 0.25  # of wider buckets: an open one changes with every reading
SLOW_PACE_S: Final = 2.0  # for a viewer that does not draw what it gets, or does not say so
HELD_PACE_S: Final = 30.0  # for one that says so, and has far too much before it: more would only make it later
CHANGED_EVERY_S: Final = 5.0  # the viewer asks again each time
PART_POINTS: Final = 400  # of one message, below 50 KB: at 1 KB/s it goes out before the connection counts as dead
_CLOCKS_AHEAD_US: Final = 5_000_000  # readings left out of a hole may be stamped later than they came
T = TypeVar("T")


class Subscription:
    """A viewer's subscription; equal only to itself. `from_us` says how old a reading may be to matter to the viewer."""

    def __init__(self, request: Request, picture: Picture, lines: Lines, journal: str, from_us: int) -> None:
        self.request = request
        self.width_us = picture.width_us
        self.rung_us = rung_of(picture.width_us)
        self.mailbox = Mailbox(not picture.width_us, from_us, picture.position)
        self.undrawn = Undrawn()
        self.changed_due_s = float("-inf")  # a subscription that replaces this one takes it over
        self._lines = lines
        self._journal = journal
        self._numbers: dict[Series, int] = {}
        self._told = 0  # how many of them the viewer knows by name; they are numbered in the order of their first data
        self._n = 0
        self._to = ""  # the cursor that was told last
        self._sent_s = float("-inf")
        self._floor_us = picture.from_us if picture.hole_us is None else picture.hole_us[1] + _CLOCKS_AHEAD_US
        for series in dict.fromkeys([*picture.floors_us, *picture.points, *picture.buckets]):
            floor_us = max(self._floor_us, picture.floors_us.get(series, self._floor_us))
            self.mailbox.lines[series] = lines.use(series, self.rung_us, floor_us, partial(picture.stretches, series, self.rung_us))
        for stretch in (picture.hole_us, picture.late_us):
            if stretch is not None:
                self.mailbox.late.add(None, *stretch, picture.since, picture.position)

    def adopt(self, series: Series) -> None:
        """Take in a series that begins now."""
        if series not in self.mailbox.lines:
            self.mailbox.lines[series] = self._lines.use(series, self.rung_us, self._floor_us, dict)

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

    def resumed(self, picture: Picture, cursor: str, now_us: int) -> Iterator[Message]:
        """Return the messages that bring a viewer from its cursor to the picture's position."""
        yield from self._parts({"op": "update", "from": cursor, "sent_us": now_us, "oldest_us": None}, self._picture_data(picture))

    def due_s(self, now_s: float, stored: int) -> float:
        """Return when the next message may go; infinity: there is nothing to say."""
        due_s = self.changed_due_s if self.mailbox.late.is_shown(stored) else float("inf")
        return min(due_s, self._sent_s + self._pace_s(now_s)) if self.mailbox else due_s

    def _pace_s(self, now_s: float) -> float:
        if not self.undrawn.is_slow(now_s):
            return WIDE_PACE_S if self.rung_us >= 1_000_000 else PACE_S
        return HELD_PACE_S if self.undrawn.is_swamped else SLOW_PACE_S

    def due(self, position: int, now_s: float, now_us: int, stored: int) -> Iterator[Message]:
        """Return the messages that are due: everything that waits, up to the fan-out's position, and what the store shows now."""
        if self.mailbox.late.is_shown(stored) and self.changed_due_s <= now_s:
            self.changed_due_s = now_s + CHANGED_EVERY_S
            yield from self._changed(stored)
        if self.mailbox and self._sent_s + self._pace_s(now_s) <= now_s:
            yield from self._update(position, now_s, now_us)

    def _update(self, position: int, now_s: float, now_us: int) -> Iterator[Message]:
        if self.undrawn.is_slow(now_s):
            self.mailbox.merge()
        mail = self.mailbox.take(position)
        data = [*self._raw(mail.points), *self._wide(mail.buckets)]
        yield from self._parts({"op": "update", "from": self._to, "sent_us": now_us, "oldest_us": mail.oldest_us}, data)

    def _changed(self, stored: int) -> Iterator[Message]:
        """Tell the viewer to ask again for what was late and is stored now; series it has not heard of are named first."""
        late = self.mailbox.late.take(stored)
        series = [*self.mailbox.lines] if None in late else [each for each in late if each is not None]
        numbers = [self._number(each) for each in series]
        if max(numbers, default=-1) >= self._told:
            names = self._untold(len(self._numbers))
            self._n += 1
            yield {"op": "update", "id": self.request.id, "n": self._n, "from": self._to, "to": self._to, "series": names, "data": []}
        from_us, to_us = min(each[0] for each in late.values()), max(each[1] for each in late.values())
        yield {"op": "changed", "id": self.request.id, "series": numbers, "from_us": from_us, "to_us": to_us}

    def sent(self, message: Message, size_bytes: int, now_s: float) -> None:
        """Note a message that was handed to the connection."""
        if "n" in message:
            self.undrawn.sent(message["n"], size_bytes, now_s)
            self._sent_s = now_s

    def _cursor(self) -> str:
        """Return where the viewer may go on: below what it has yet to be told of."""
        since = self.mailbox.late.since
        position = self.mailbox.position if since is None else min(since, self.mailbox.position)
        return cursor_text(Cursor(self._journal, position), max(self.width_us, self.mailbox.widest_us))

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
        self._to = self._cursor()
        for at, part in enumerate(parts):
            self._n += 1
            names = self._untold(max((column["s"] + 1 for column in part), default=0))
            message = {**first, "id": self.request.id, "n": self._n, "series": names, "data": part}
            yield message | ({"to": self._to} if at == len(parts) - 1 else {"more": True})

    def _untold(self, newest: int) -> list[Message]:
        """Return the names of series numbered below `newest` that the viewer does not know."""
        untold = list(self._numbers)[self._told : newest]
        names = [named(number, series) for number, series in enumerate(untold, self._told)]
        self._told = max(self._told, newest)
        return names

    def _number(self, series: Series) -> int:
        return self._numbers.setdefault(series, len(self._numbers))

    def _picture_data(self, picture: Picture) -> list[Message]:
        if not picture.width_us:
            return list(self._raw(picture.points))
        return list(self._wide({series: {picture.width_us: sorted(found.items())} for series, found in picture.buckets.items()}))

    def _raw(self, points: dict[Series, Points]) -> Iterator[Message]:
        for series, found in points.items():
            for keys in _chunks(sorted(found)):
                yield {"s": self._number(series), "w": 0, **raw_columns(keys, found)}

    def _wide(self, buckets: dict[Series, Found]) -> Iterator[Message]:
        for series, widths in buckets.items():
            for width_us, found in widths.items():
                for chunk in _chunks(found):
                    yield {"s": self._number(series), "w": width_us, **bucket_columns(chunk)}


def _chunks(entries: list[T]) -> Iterator[list[T]]:
    for at in range(0, len(entries), PART_POINTS):
        yield entries[at : at + PART_POINTS]
