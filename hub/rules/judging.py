"""Judging: what comes and what does not, by the rules of now; alerts are kept before anybody is told.

Owns when what is judged. keeping.py, which it is built on, owns how that is kept. follower.py brings readings; desk.py, which is built
on this, what people change.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

import structlog
import trio

from hub.core.entities import Watcher
from hub.core.records import Columns, Cursor
from hub.core.rules import Rule
from hub.core.rules_absence import Absence
from hub.core.rules_alerts import cleared, key_of, raised
from hub.core.rules_batch import Batch, Key
from hub.core.rules_course import Change, Course
from hub.core.seldom import Seldom
from hub.core.selector import MembersOf
from hub.ports import Now, StateStore, StoreUnavailable
from hub.rules.book import ALERT, KEPT, RULE, AlertBoard, Bodies
from hub.rules.duties import Duties
from hub.rules.keeping import Keeping
from hub.rules.seen import Seen

_LOOK_S: Final = 0.25  # how late time alone raises an alert
_AT_ONCE: Final = 128  # rules that judge in one turn of the event loop
_LATE_US: Final = 60_000_000  # what came longer ago, on a node that was away
_LEAP_S: Final = 1.0  # a look that comes later than this was not let run: the time between counts as this much
Found = tuple[Course | Absence, list[Change]]
_log: Final = structlog.get_logger(__name__)


class Devices(AlertBoard, Protocol):
    """Where devices are seen, and alerts shown."""

    def devices(self) -> list[dict[str, Any]]:
        """Return every device."""

    def watch(self, callback: Watcher) -> Callable[[], None]:
        """Call back at each change; return the call that ends it."""


class Judging(Keeping):
    """The rules at work. Every call raises StoreUnavailable, with nothing done, while the state store is away."""

    def __init__(
        self,
        state: StateStore,
        board: Devices,
        now: Now,
        notify_for_s: float = 86_400.0,
        members_of: MembersOf | None = None,
        duties: Duties | None = None,
    ) -> None:
        super().__init__(state, board, now, notify_for_s, members_of, duties)
        self._board = board
        self._is_behind = False
        self._seen = Seen(self._duties, lambda device: self._courses.stale.add(device))  # what led to an alert may be kept elsewhere
        self._seldom = Seldom()
        self._has_work = trio.Event()  # a rule judges, or a device was removed

    async def start(self, journal: str = "") -> Cursor | None:
        """Read everything anew, as the follower of a journal begins anew; return its cursor."""
        async with self._changing:
            self._courses.start(await self._book.load(), journal, self._lived_s, is_alone=self._duties.is_alone)
            self._cursor, self._is_kept = self._book.cursor, True
            self._seen.begin(self._board.devices(), {str(alert["device"]) for alert in self._book.open_alerts()})
            moved = self._courses.reach.moved
            moved |= {(alert["rule"], str(alert["device"])) for alert in self._book.open_alerts()}  # meanwhile, perhaps
            self.is_current = True
            self._has_work.set()
        self.on_notices()
        return self._cursor

    def _rules_are_other(self) -> None:
        self._seen.again()
        self._has_work.set()

    def wants(self, device: str, position: int, arrived_us: int) -> bool:
        """Tell whether the readings of a row of a device may matter: whether a rule means it, and it was not judged before a crash.

        What a node that was away finds in its journal is late, where another one judges the device now.
        """
        if self._courses.was_elsewhere(device) and not self._duties.is_here(device) and self._now() - arrived_us > _LATE_US:
            return False
        return self._courses.wants(device, position)

    async def judge(self, columns: Columns | None, arrived_us: int, cursor: Cursor, *, is_behind: bool) -> None:
        """Judge readings that came at about one time. A failure leaves the desk waiting for `start`."""
        async with self._changing:
            self._check_current()
            if columns is not None and not self._duties.is_alone:
                await self._catch_up({series.device for series in columns.series})
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
                await self._keep(partial(self._alerts, changes), judged={change.key[0] for _, change in changes})
            self.is_current = True

    async def _catch_up(self, devices: set[str]) -> None:
        """Go on with devices, which are judged here now, from where other nodes have left them."""
        alerts = await self._join(self._courses.stale & devices)
        self._take_in(ALERT, await self._book.read_again(ALERT, alerts))
        self._courses.judges(devices)

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
                if not (self._courses or self._seen.gone or self._is_orphaned):
                    self._has_work = trio.Event()
                    await self._has_work.wait()
                    before_s = trio.current_time()
                await trio.sleep(_LOOK_S)
                passed_s, before_s = trio.current_time() - before_s, trio.current_time()
                self._lived_s += 0.0 if self._is_behind else min(passed_s, _LEAP_S)
                try:
                    await self._look()
                except StoreUnavailable as error:
                    if times := self._seldom.times("", trio.current_time()):
                        _log.error("rules_not_looked_after", reason=str(error), times=times)
        finally:
            unwatch()

    def _saw(self, what: str, item: Mapping[str, Any]) -> None:
        if what == "device" and self._seen.saw(item):
            self._has_work.set()

    async def _look(self) -> None:
        async with self._changing:
            if not self.is_current:
                return
            if not self._duties.is_alone:
                await self._look_around()
            self._courses.settle()
            news, gone, moved = dict(self._seen.news), set(self._seen.gone), set(self._courses.reach.moved)
            left = {each for each in moved if not self._courses.means(*each)}
            for device in gone:
                self._courses.forget(device)
            for name, device in left:
                if (course := self._courses.get(name)) is not None:
                    course.forget(device)
            found = await self._due(news, gone, moved)
            changes = [(course.rule, change) for course, changes in found for change in changes]

            def make() -> Bodies:
                bodies = self._alerts(changes)
                bodies |= self._over("the rule means the device no more", lambda alert: (alert["rule"], alert["device"]) in left)
                bodies |= self._over("the device was removed", lambda alert: alert["device"] in gone)
                bodies |= self._orphans()
                bodies |= {(KEPT, device): None for device in gone if self._book.has_kept(device)}
                return self._telling.marks(self._now()) | bodies

            judged = {change.key[0] for _, change in changes} | {device for _, device in left if self._duties.is_here(device)}
            await self._keep(make, judged=judged - gone)
            for course, each in found:
                course.took(each)
            self._is_orphaned = False
            self._courses.were_kept(gone)
            self._courses.reach.moved -= moved
            self._seen.heard(news, gone)

    async def _look_around(self) -> None:
        """On a node that is not alone: have others go on with a device that leaves here, and wait anew for one that came here."""
        if self._is_orphaned:  # or the rule is only not known here yet
            unknown = {str(alert["rule"]) for alert in self._book.open_alerts()} - set(self._book.rules())
            self._take_in(RULE, await self._book.read_again(RULE, unknown))
        left, came = set(self._seen.left), set(self._seen.came)
        if turned := self._courses.turned() | (left and left & self._courses.changed()):
            await self._keep_devices(turned)
        self._seen.left -= left
        if came:
            self._courses.wait_anew(came, self._lived_s)
            self._seen.came -= came

    async def _due(
        self, news: Mapping[str, str], gone: set[str], moved: set[tuple[str, str]]
    ) -> list[tuple[Course | Absence, list[Change]]]:
        """Return by rule what time alone and the presence of devices make of it, as far as this node says so."""
        found: list[Found] = []
        for course in self._courses:
            back: list[Change] = []
            if isinstance(course, Absence):  # heard first: one that is back is absent no more
                again = {device for rule, device in moved if rule == course.rule.name} & self._seen.presence.keys()
                heard = {**news, **{device: self._seen.presence[device] for device in again}}
                back = [change for device, state in heard.items() for change in course.presence(device, state, self._lived_s)]
            found.append((course, [change for change in back + course.due(self._lived_s) if change.key[0] not in gone]))
        if self._duties.is_alone:
            return found
        absent = {change.key[0] for course, changes in found if isinstance(course, Absence) for change in changes if change.is_raised}
        ours, others = await self._duties.missing(absent, self._seen.expected_s)
        self._courses.wait_anew(others, self._lived_s)
        for _, changes in found:
            changes[:] = [change for change in changes if change.key[0] not in absent or change.key[0] in ours]
        return found

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

    def _orphans(self) -> Bodies:
        """Return the end of alerts that a node raised by a rule that another one deleted in the same moment."""
        known = set(self._book.rules())
        return self._over("the rule was deleted", lambda alert: alert["rule"] not in known) if self._is_orphaned else {}

    def _over(self, reason: str, is_meant: Callable[[Mapping[str, Any]], bool]) -> Bodies:
        return {(ALERT, alert["id"]): cleared(alert, self._now(), reason) for alert in self._book.open_alerts() if is_meant(alert)}
