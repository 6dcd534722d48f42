"""What is told of one selection of series from one picture on: what waits, the numbers of series and messages, the cursor.

Owns the shape of snapshot, update and changed (docs/protocol.md section 12), but for the `id`, which is the viewer's own. Plain code.
live.py feeds its mailbox; subscription.py sends it to one viewer, group.py to all that are at the same place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Final, NamedTuple, TypeVar

from hub.core.lines import Lines, rung_of
from hub.core.readings import Points
from hub.core.records import Series
from hub.core.selector import Selector
from hub.sessions.columns import Message, bucket_columns, raw_columns
from hub.sessions.cursors import cursor_text, mark_of
from hub.sessions.mailbox import Found, Mailbox
from hub.sessions.numbering import Numbering
from hub.sessions.picture import Picture
from hub.sessions.places import NOWHERE

CHANGED_EVERY_S: Final = 5.0  # the viewer asks again each time
PART_POINTS: Final = 400  # of one message, below 50 KB: at 1 KB/s it goes out before the connection counts as dead
T = TypeVar("T")


class Wish(NamedTuple):
    """What viewers with equal updates have in common: which series, how far back, and how wide the buckets are in truth."""

    selector: Selector
    span_us: int
    width_us: int  # 0: raw


class Updates:
    """The messages of one selection, each following on the last; equal only to itself.

    `from_us` says how old a reading may be to matter: it moves on with the clock, as what a viewer shows does.
    """

    def __init__(
        self, wish: Wish, picture: Picture, lines: Lines, marks_at: Callable[[int], Mapping[str, int]], from_us: int, numbering: Numbering
    ) -> None:
        self.wish = wish
        self.rung_us = rung_of(wish.width_us)
        self.mailbox = Mailbox(not wish.width_us, from_us, picture.position, widest_us=wish.width_us)
        self.n = 0  # of the newest message; it rises, and may leap
        self.to = ""  # the cursor that was told last
        self.told = 0  # how many series were named
        self.changed_due_s = float("-inf")
        self.anew = "too_far"  # why a new snapshot is needed, where it is
        self.waiting_since_s: float | None = None  # commit of the oldest of what waits, monotonic
        self.numbering = numbering
        self._lines = lines
        self._marks_at = marks_at  # what a position is to a viewer that comes back
        self._floor_us = picture.whole_from_us
        self.is_lacking = picture.is_lacking  # a new snapshot brings it, wherever the viewer is by then
        for series in dict.fromkeys([*picture.floors_us, *picture.points, *picture.buckets]):
            floor_us = max(self._floor_us, picture.floors_us.get(series, self._floor_us))
            self.mailbox.lines[series] = lines.use(series, self.rung_us, floor_us, partial(picture.stretches, series, self.rung_us))
        for late in picture.late:
            self.mailbox.late.add(None, *late, picture.position)

    def fork(self) -> "Updates":
        """Return updates that go on from the same place on their own. Only while nothing waits."""
        other = copy(self)
        other.mailbox = self.mailbox.fork()
        for series in other.mailbox.lines:
            self._lines.use(series, self.rung_us, self._floor_us, dict)
        return other

    def follow_on(self, before: "Updates") -> None:
        """Take the place of others for their viewer: what it says it has drawn may be theirs, so the numbers go on from there."""
        self.n, self.changed_due_s = before.n, before.changed_due_s

    def covers(self, other: "Updates") -> bool:
        """Tell whether a viewer that is served from here is told of everything that is late in another's."""
        return self.mailbox.late.covers(other.mailbox.late) and (self.is_lacking or not other.is_lacking)

    def follow(self, other: "Updates") -> None:
        """Go on from another's number and with its series too, as its viewer is served from here now."""
        self.n = max(self.n, other.n)
        self.mailbox.follow(other.mailbox)
        for series in other.mailbox.lines:
            self.adopt(series)

    def adopt(self, series: Series) -> None:
        """Take in a series that begins now."""
        if series not in self.mailbox.lines:
            self.mailbox.lines[series] = self._lines.use(series, self.rung_us, self._floor_us, dict)

    def waits(self, committed_s: float) -> None:
        """Note since when what was put into the mailbox waits."""
        if self.waiting_since_s is None and self.mailbox:
            self.waiting_since_s = committed_s

    def leave(self) -> None:
        """Give the lines back."""
        for series in self.mailbox.lines:
            self._lines.leave(series, self.rung_us)
        self.mailbox.lines.clear()

    def snapshot(self, picture: Picture, reason: str) -> Iterator[Message]:
        """Return the messages that replace what the viewer has."""
        first = {"op": "snapshot", "reason": reason, "from_us": picture.from_us}
        if (devices := self.wish.selector.devices) is not None:
            first["devices"] = len(devices)
        if picture.hole_us is not None:
            first["hole"] = list(picture.hole_us)
        if picture.kept_from_us is not None:
            first["kept_from_us"] = picture.kept_from_us
        self.to = self._cursor()
        yield from self._parts(first, self._picture_data(picture))

    def resumed(self, picture: Picture, cursor: str, now_us: int) -> Iterator[Message]:
        """Return the messages that bring a viewer from its cursor to the picture's position."""
        self.to = self._cursor()
        yield from self._parts({"op": "update", "from": cursor, "sent_us": now_us, "oldest_us": None}, self._picture_data(picture))

    def update(self, position: int, now_us: int) -> Iterator[Message]:
        """Take out what waits, up to the fan-out's position, and return it as messages."""
        since = self.to
        first, data = self._taken(position, now_us)
        self.to = self._cursor()
        yield from self._parts({**first, "from": since}, data)

    def joining(self, others: "Updates", position: int, now_us: int) -> Iterator[Message]:
        """Return the messages after which a viewer may go on with `others`, from whom everything up to this position was taken.

        It may not where `others` do not cover what is late here, which may be more than before.
        """
        since, self.n = self.to, max(self.n, others.n)
        first, data = self._taken(position, now_us)
        self.to = others.to if others.covers(self) else self._cursor()
        yield from self._parts({**first, "from": since}, data, others.told)

    def changed(self, stored: int) -> Iterator[Message]:
        """Tell the viewer to ask again for what was late and is stored now; series it has not heard of are named first."""
        late = self.mailbox.late.take(stored)
        series = [*self.mailbox.lines] if None in late else [each for each in late if each is not None]
        numbers = [self.numbering.number(each) for each in series]
        if max(numbers, default=-1) >= self.told:
            names = self._untold(len(self.numbering))
            self.n += 1
            yield {"op": "update", "n": self.n, "from": self.to, "to": self.to, "series": names, "data": []}
        from_us, to_us = min(each[0] for each in late.values()), max(each[1] for each in late.values())
        yield {"op": "changed", "series": numbers, "from_us": from_us, "to_us": to_us}

    def due(self, position: int, now_s: float, now_us: int, stored: int, *, may_update: bool) -> Iterator[Message]:
        """Return the messages that are due: what the store shows now, and everything that waits if the pace allows it."""
        if self.changed_due_s <= now_s and self.mailbox.late.is_shown(stored):
            self.changed_due_s = now_s + CHANGED_EVERY_S
            yield from self.changed(stored)
        if may_update and self.mailbox:
            yield from self.update(position, now_us)

    def due_s(self, update_due_s: float, stored: int) -> float:
        """Return when the next message may go, an update not before a time; infinity: there is nothing to say."""
        due_s = self.changed_due_s if self.mailbox.late.is_shown(stored) else float("inf")
        return min(due_s, update_due_s) if self.mailbox else due_s

    def _taken(self, position: int, now_us: int) -> tuple[Message, Iterable[Message]]:
        mail, self.waiting_since_s = self.mailbox.take(position), None
        self.mailbox.from_us = max(self.mailbox.from_us, now_us - self.wish.span_us)
        first = {"op": "update", "sent_us": now_us, "oldest_us": mail.oldest_us}
        return first, [*self._raw(mail.points), *self._wide(mail.buckets)]

    def _cursor(self) -> str:
        """Return where the viewer may go on: below what it has yet to be told of."""
        since = self.mailbox.late.since
        position = self.mailbox.position if since is None else min(since, self.mailbox.position)
        if self.is_lacking:
            position = NOWHERE
        return cursor_text(self._marks_at(position), self.mailbox.widest_us, mark_of(self.wish.selector.devices))

    def _parts(self, first: Message, data: Iterable[Message], known: int = 0) -> Iterator[Message]:
        """Cut one large message into several; only the last carries the new cursor. At least `known` series are named."""
        parts: list[list[Message]] = [[]]
        size = 0
        for column in data:
            if parts[-1] and size + len(column["t"]) > PART_POINTS:
                parts.append([])
                size = 0
            parts[-1].append(column)
            size += len(column["t"])
        for at, part in enumerate(parts):
            self.n += 1
            names = self._untold(max([known, *(column["s"] + 1 for column in part)]))
            message = {**first, "n": self.n, "series": names, "data": part}
            yield message | ({"to": self.to} if at == len(parts) - 1 else {"more": True})

    def _untold(self, newest: int) -> list[Message]:
        """Return the names of series numbered below `newest` that the viewer does not know."""
        if newest <= self.told:
            return []
        first, self.told = self.told, newest
        return self.numbering.named(first, newest)

    def _picture_data(self, picture: Picture) -> list[Message]:
        if not picture.width_us:
            return list(self._raw(picture.points))
        return list(self._wide({series: {picture.width_us: sorted(found.items())} for series, found in picture.buckets.items()}))

    def _raw(self, points: dict[Series, Points]) -> Iterator[Message]:
        for series, found in points.items():
            for keys in _chunks(sorted(found)):
                yield {"s": self.numbering.number(series), "w": 0, **raw_columns(keys, found)}

    def _wide(self, buckets: dict[Series, Found]) -> Iterator[Message]:
        for series, widths in buckets.items():
            for width_us, found in widths.items():
                for chunk in _chunks(found):
                    yield {"s": self.numbering.number(series), "w": width_us, **bucket_columns(chunk)}


def _chunks(entries: list[T]) -> Iterator[list[T]]:
    for at in range(0, len(entries), PART_POINTS):
        yield entries[at : at + PART_POINTS]
