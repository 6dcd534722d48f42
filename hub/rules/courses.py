"""The courses of all rules, and the documents of what they need to go on, one a device.

Owns which rule judges, from which state it begins, and which devices have changed since they were kept. Writes nothing: judging.py does,
under its lock.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from typing import Any, Final

import trio

from hub.core.records import Cursor
from hub.core.rules_absence import Absence
from hub.core.rules_alerts import key_of
from hub.core.rules_batch import Listening
from hub.core.rules_course import Course
from hub.core.rules_kept import Part, body_of
from hub.core.selector import MembersOf
from hub.rules.book import KEPT, Bodies, Book, Kept
from hub.rules.reach import Reach

_AT_ONCE: Final = 32  # rules that are asked what they keep in one turn of the event loop


class Courses:
    """The rules at work, by name. `reach` says which devices those mean that name a tag expression."""

    def __init__(self, book: Book, members_of: MembersOf) -> None:
        self._book = book
        self.reach = Reach(members_of)
        self._by_name: dict[str, Course | Absence] = {}
        self._listening = Listening()
        self._versions: dict[str, int] = {}
        self._wanted: dict[str, bool] = {}  # devices of which readings may matter; forgotten when a rule changes
        self._left: set[str] = set()  # devices of which a rule kept something that judges no more
        self._journal = ""  # the positions in `_done` are of
        self._judged: dict[str, dict[str, int]] = {}  # by device and journal, how far it was judged elsewhere
        self.stale: set[str] = set()  # devices of which another node has kept something since it was read
        self._has_judged: set[str] = set()  # devices of which readings were judged since what is kept of them was read
        self._done: dict[str, int] = {}  # by device, how far it was judged here before a crash; empty when that is reached
        self._done_until = 0

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Course | Absence]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Course | Absence | None:
        """Return the course of a rule."""
        return self._by_name.get(name)

    def start(self, kept: Kept, journal: str, lived_s: float, *, is_alone: bool) -> None:
        """Begin all rules from what is kept; rows of this journal that were judged before are not wanted again.

        Of a device that another node judged last nothing is begun from: it is read when it is judged here.
        """
        for name in list(self._by_name):
            self.drop(name)
        judged = {device: dict(body["judged"]) for device, body in kept.items()}
        self.stale = set() if is_alone else {device for device, each in judged.items() if next(reversed(each), "") != journal}
        parts: dict[str, dict[str, Part]] = {}
        for device in kept.keys() - self.stale:
            for name, part in kept[device]["rules"].items():
                parts.setdefault(name, {})[device] = part
        for name in self._book.rules():
            self.set_out(name, lived_s, parts.get(name))
        self._journal, self._left, self._has_judged = journal, set(), set()
        self._done = {device: each[journal] for device, each in judged.items() if journal in each}
        self._done_until = max(self._done.values(), default=0)
        self._judged = {device: each for device, each in judged.items() if each.keys() - {journal}}

    def was_elsewhere(self, device: str) -> bool:
        """Tell whether a device was last judged by another node, as far as is known."""
        return next(reversed(self._judged.get(device, {})), self._journal) != self._journal

    def set_out(self, name: str, lived_s: float, kept: Mapping[str, Part] | None = None) -> None:
        """Have a rule judge from now on as it is in the book, by what was kept of it by device; one that is disabled does not."""
        found = self._book.rule(name)
        assert found is not None
        self.drop(name)
        if found[0].is_disabled:
            return
        is_open = {key_of(alert) for alert in self._book.open_alerts() if alert["rule"] == name}
        rule, version = self.reach.hold(found[0]), found[1]
        parts = {device: part for device, part in (kept or {}).items() if part["version"] == version}
        if rule.kind.is_of_readings:
            self._by_name[name] = Course(rule, parts, is_open, lived_s)
        else:
            self._by_name[name] = Absence(rule, is_open, self._listening)
        self._versions[name] = version

    def drop(self, name: str) -> None:
        """Have a rule judge no more."""
        if (course := self._by_name.pop(name, None)) is not None:
            self._left |= course.devices()
        self._versions.pop(name, None)
        self._wanted = {}
        self.reach.drop(name)

    def settle(self) -> None:
        """Have each rule mean the devices that it means now."""
        if not self.reach.unsettled:
            return
        for name in list(self.reach.unsettled):
            self._by_name[name].rule = self.reach.settled(self._by_name[name].rule)
        self._wanted = {}

    def wants(self, device: str, position: int) -> bool:
        """Tell whether the readings of a row may matter."""
        self.settle()
        if self._done and position <= self._done.get(device, 0):
            return False
        known = self._wanted.get(device)
        if known is None:
            known = self._wanted[device] = any(course.rule.selector.wants(device) for course in self)
        return known

    def forget(self, device: str) -> None:
        """Know nothing of a device that was removed."""
        for course in self:
            course.forget(device)
        self._listening.forget(device)
        self._judged.pop(device, None)
        self._wanted.pop(device, None)

    def judges(self, devices: Iterable[str]) -> None:
        """Take the word that readings of devices are judged, on a node that is not alone."""
        self._has_judged |= set(devices)

    def join(self, device: str, body: Mapping[str, Any] | None, lived_s: float) -> None:
        """Go on from what another node has kept of a device, and what is known of it here."""
        has_judged = device in self._has_judged
        for name, part in ({} if body is None else body["rules"]).items():
            if (course := self._by_name.get(name)) is not None and part["version"] == self._versions[name]:
                course.join(device, part, lived_s, has_judged=has_judged)
        if body is not None:
            self._judged[device] = dict(body["judged"])
        self.stale.discard(device)
        self._has_judged.discard(device)

    def let_go(self, device: str) -> None:
        """Know of a device only which alerts are open: another node goes on with the rest."""
        for course in self:
            course.forget_stretches(device)
        self._has_judged.discard(device)
        self.were_kept({device})

    def wait_anew(self, devices: Set[str], lived_s: float) -> None:
        """Wait from now on for what devices do not do: so far other nodes did."""
        for course in self:
            if isinstance(course, Absence):
                course.wait_anew(devices, lived_s)

    def means(self, rule: str, device: str) -> bool:
        """Tell whether a rule that judges means a device; of one that does not judge it is not known, hence so."""
        course = self._by_name.get(rule)
        return course is None or course.rule.selector.wants(device)

    def reached(self, cursor: Cursor) -> None:
        """Take the word that all up to a cursor is judged."""
        if cursor.journal != self._journal or cursor.position >= self._done_until:
            self._journal, self._done, self._done_until = cursor.journal, {}, 0

    def turned(self) -> set[str]:
        """Return the devices of which a stretch that may become an alert began or ended since that was kept."""
        return set().union(*(course.turned for course in self))

    def changed(self) -> set[str]:
        """Return the devices of which something changed since it was kept."""
        return self._left.union(*(course.changed for course in self))

    async def bodies(self, devices: Set[str], cursor: Cursor | None, alerts: Mapping[str, Collection[str]]) -> Bodies:
        """Return the documents of some devices, as judged up to a cursor, with `alerts` that are open.

        The caller holds the lock, so that nothing changes meanwhile.
        """
        parts: dict[str, dict[str, Mapping[str, object]]] = {device: {} for device in devices}
        for number, (name, course) in enumerate(self._by_name.items()):
            if len(devices) > 1 and number % _AT_ONCE == _AT_ONCE - 1:
                await trio.lowlevel.checkpoint()
            for device, part in course.kept(devices).items():
                parts[device][name] = part
        judged = {device: self._judged_of(device, cursor) for device in devices}
        return {(KEPT, each): body_of(parts[each], self._versions, judged[each], alerts.get(each, ())) for each in devices}

    def _judged_of(self, device: str, cursor: Cursor | None) -> dict[str, int]:
        judged = dict(self._judged.get(device, {}))
        if cursor is not None:
            judged.pop(cursor.journal, None)  # so that it comes last: it is the newest
            judged[cursor.journal] = max(cursor.position, self._done.get(device, 0))
        return judged

    def were_kept(self, devices: Set[str]) -> None:
        """Take the word that what `bodies` said of these devices is in the store."""
        self._left -= devices
        for course in self:
            if course.changed:
                course.changed -= devices
                course.turned -= devices
