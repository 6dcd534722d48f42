"""Judging: what comes and what does not, by the rules of now; alerts are kept before anybody is told.

Owns the courses of the rules, and one lock: each change is made of what the one before has stored. A rule's state, its alerts and
the follower's cursor go into one transaction. follower.py brings readings; desk.py, which is built on it, what people change.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
import trio

from hub.core.entities import Watcher
from hub.core.members import Asked
from hub.core.records import Columns, Cursor
from hub.core.rules import Rule
from hub.core.rules_absence import Absence
from hub.core.rules_alerts import cleared, key_of, raised
from hub.core.rules_batch import Batch, Key
from hub.core.rules_course import Change, Course
from hub.core.selector import MembersOf
from hub.ports import Audited, Conflict, Now, StateStore, StoreUnavailable
from hub.rules.book import ALERT, KEPT, NOTICE, AlertBoard, Bodies, Book
from hub.rules.courses import Courses
from hub.rules.silences import Silencing
from hub.rules.telling import Telling

_LOOK_S: Final = 0.25  # how late time alone raises an alert
_AT_ONCE: Final = 128  # rules that judge in one turn of the event loop
_KEPT_AT_ONCE: Final = 500  # devices in one transaction
_LEAP_S: Final = 1.0  # a look that comes later than this was not let run: the time between counts as this much
_log: Final = structlog.get_logger(__name__)


class Devices(AlertBoard, Protocol):
    """Where devices are seen, and alerts shown."""

    def devices(self) -> list[dict[str, Any]]:
        """Return every device."""

    def watch(self, callback: Watcher) -> Callable[[], None]:
        """Call back at each change; return the call that ends it."""


class Judging:
    """The rules at work. Every call raises StoreUnavailable, with nothing done, while the state store is away."""

    def __init__(
        self, state: StateStore, board: Devices, now: Now, notify_for_s: float = 86_400.0, members_of: MembersOf | None = None
    ) -> None:
        members_of = members_of or Asked().members
        self.book = self._book = Book(state, board)
        self._telling = Telling(self._book, Silencing(self._book, members_of), notify_for_s)
        self.on_notices: Callable[[], None] = lambda: None  # called when notices are kept that may wait
        self._board, self._now = board, now
        self._courses = Courses(self._book, members_of)
        self._cursor: Cursor | None = None  # applied
        self._is_kept = True  # the cursor and all that is judged is in the store
        self.is_current = False  # what is in memory may be gone on from: the rules are read
        self._is_behind = False
        self._lived_s = 0.0  # the time in which this hub ran and kept up
        self._presence: dict[str, str] = {}  # of devices that were there once
        self._news: dict[str, str] = {}  # of it what the rules have not heard
        self._gone: set[str] = set()  # devices that were removed, and may have alerts
        self._changing = trio.Lock()
        self._has_work = trio.Event()  # a rule judges, or a device was removed

    async def start(self, journal: str = "") -> Cursor | None:
        """Read everything anew, as the follower of a journal begins anew; return its cursor."""
        async with self._changing:
            self._courses.start(await self._book.load(), journal, self._lived_s)
            self._cursor, self._is_kept = self._book.cursor, True
            known = self._board.devices()
            self._presence = {item["device"]: item["presence"] for item in known if item.get("last_seen_us") is not None}
            self._news = dict(self._presence)
            self._gone = {str(alert["device"]) for alert in self._book.open_alerts()} - {item["device"] for item in known}
            moved = self._courses.reach.moved
            moved |= {(alert["rule"], str(alert["device"])) for alert in self._book.open_alerts()}  # meanwhile, perhaps
            self.is_current = True
            self._has_work.set()
        self.on_notices()
        return self._cursor

    def wants(self, device: str, position: int) -> bool:
        """Tell whether the readings of a row of a device may matter: whether a rule means it, and it was not judged before a crash."""
        return self._courses.wants(device, position)

    async def judge(self, columns: Columns | None, arrived_us: int, cursor: Cursor, *, is_behind: bool) -> None:
        """Judge readings that came at about one time. A failure leaves the desk waiting for `start`."""
        async with self._changing:
            self._check_current()
            self._courses.settle()
            self._is_behind, self._cursor, self._is_kept = is_behind, cursor, False
            self._courses.reached(cursor)
            changes: list[tuple[Rule, Change]] = []
            self.is_current = False  # until all of it is done
            batch = None if columns is None else Batch(columns, arrived_us)
            for number, course in enumerate(self._courses if batch is not None else ()):
                if number % _AT_ONCE == _AT_ONCE - 1:
                    await trio.lowlevel.checkpoint()
                assert batch is not None
                changes += [(course.rule, change) for change in course.readings(batch, self._lived_s)]
            if changes:
                await self._keep(self._alerts(changes))
            self.is_current = True

    async def make_safe(self) -> int:
        """Keep how far the rules are."""
        async with self._changing:
            self._check_current()
            if not self._is_kept:
                await self._keep_all()
            return 0 if self._cursor is None else self._cursor.position

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Raise what time alone raises, until cancelled; while the store is away it waits for the next look."""
        unwatch = self._board.watch(self._saw)
        task_status.started()
        try:
            before_s = trio.current_time()
            while True:
                if not (self._courses or self._gone):
                    self._has_work = trio.Event()
                    await self._has_work.wait()
                    before_s = trio.current_time()
                await trio.sleep(_LOOK_S)
                passed_s, before_s = trio.current_time() - before_s, trio.current_time()
                self._lived_s += 0.0 if self._is_behind else min(passed_s, _LEAP_S)
                try:
                    await self._look()
                except StoreUnavailable as error:
                    _log.error("rules_not_looked_after", reason=str(error))
        finally:
            unwatch()

    def _saw(self, what: str, item: Mapping[str, Any]) -> None:
        if what != "device":
            return
        name = str(item["device"])
        if item.get("removed"):
            self._presence.pop(name, None)
            self._news.pop(name, None)
            self._gone.add(name)
            self._has_work.set()
        elif item.get("last_seen_us") is not None and self._presence.get(name) != item["presence"]:
            self._presence[name] = self._news[name] = item["presence"]

    async def _look(self) -> None:
        async with self._changing:
            if not self.is_current:
                return
            self._courses.settle()
            now_s, news, gone, moved = self._lived_s, dict(self._news), set(self._gone), set(self._courses.reach.moved)
            left = {each for each in moved if not self._courses.means(*each)}
            for device in gone:
                self._courses.forget(device)
            found: list[tuple[Course | Absence, list[Change]]] = []
            for course in self._courses:
                name = course.rule.name
                for device in {device for rule, device in left if rule == name}:
                    course.forget(device)
                back: list[Change] = []
                if isinstance(course, Absence):  # heard first: one that is back is absent no more
                    heard = news | {device: self._presence[device] for rule, device in moved if rule == name and device in self._presence}
                    back = [change for device, state in heard.items() for change in course.presence(device, state, now_s)]
                found.append((course, [change for change in back + course.due(now_s) if change.key[0] not in gone]))
            bodies = self._alerts([(course.rule, change) for course, changes in found for change in changes])
            bodies |= self._over("the rule means the device no more", lambda alert: (alert["rule"], alert["device"]) in left)
            bodies |= self._over("the device was removed", lambda alert: alert["device"] in gone)
            bodies |= {(KEPT, device): None for device in gone if self._book.has_kept(device)}
            if bodies := self._telling.marks(self._now()) | bodies:
                await self._keep(bodies)
            for course, changes in found:
                course.took(changes)
            self._courses.were_kept(gone)
            self._gone -= gone
            self._courses.reach.moved -= moved
            self._news = {device: state for device, state in self._news.items() if news.get(device) != state}

    def _alerts(self, changes: Sequence[tuple[Rule, Change]]) -> Bodies:
        """Return the alerts as changes leave them."""
        now_us, bodies = self._now(), Bodies()
        if not changes:
            return bodies
        open_ids: dict[tuple[str, Key], str] = {(a["rule"], key_of(a)): a["id"] for a in self._book.open_alerts()}
        for rule, change in changes:
            place = (rule.name, change.key)
            if change.is_raised and place not in open_ids:
                id_ = open_ids[place] = secrets.token_hex(8)
                bodies[ALERT, id_] = raised(id_, rule, change, now_us)
            elif not change.is_raised and (known := open_ids.pop(place, None)) is not None:
                alert = bodies.get((ALERT, known)) or self._book.alert(known) or {}
                bodies[ALERT, known] = cleared(alert, now_us, "it is as it should be again")
        return bodies

    def _over(self, reason: str, is_meant: Callable[[Mapping[str, Any]], bool]) -> Bodies:
        return {(ALERT, alert["id"]): cleared(alert, self._now(), reason) for alert in self._book.open_alerts() if is_meant(alert)}

    async def _keep(self, bodies: Bodies, audited: Sequence[Audited] = ()) -> None:
        """Write changes with what is kept of the devices whose alerts they are, and how far these are judged: the cursor may wait."""
        devices = {str(alert["device"]) for (kind, _), alert in bodies.items() if kind == ALERT and alert is not None}
        devices -= {key for (kind, key), body in bodies.items() if kind == KEPT and body is None}
        bodies = self._telling.told(bodies, self._now()) | await self._courses.bodies(devices, self._cursor)
        await self._book.write(bodies, None, audited)
        self._courses.were_kept(devices)
        if any(kind == NOTICE for kind, _ in bodies):
            self.on_notices()

    async def _keep_all(self) -> None:
        """Write what is kept of all devices that changed, and the cursor after it: what a crash leaves in between is not judged again."""
        changed = sorted(self._courses.changed())
        for begin in range(0, len(changed), _KEPT_AT_ONCE):
            devices = set(changed[begin : begin + _KEPT_AT_ONCE])
            await self._book.write(await self._courses.bodies(devices, self._cursor), None)
            self._courses.were_kept(devices)
        if not self._is_kept:
            await self._book.write({}, self._cursor)
        self._is_kept = True

    async def keep(self, make: Callable[[], Bodies], audited: Sequence[Audited] = ()) -> None:
        """Write, in its turn, what `make` makes of what is kept then; the rules stay where they are. Raises what `make` raises."""
        async with self._changing:
            self._check_current()
            try:
                await self._book.write(make(), None, audited)
            except Conflict as conflict:
                await self._book.load()  # a change was made, and nobody was told
                raise StoreUnavailable(str(conflict)) from conflict

    def _check_current(self) -> None:
        if not self.is_current:
            raise StoreUnavailable("the rules are being read anew")
