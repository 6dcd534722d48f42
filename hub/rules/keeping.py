"""How rules are kept: one change after the other, each made of what is in the store, also where another node has changed it.

Owns the lock, the writes and their conflicts, and what is read again when another node says that it changed something. Judges nothing:
judging.py and desk.py, which are built on it, do.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from typing import Any, Final

import trio

from hub.core.members import Asked
from hub.core.records import Cursor
from hub.core.rules_alerts import is_over, key_of
from hub.core.selector import MembersOf
from hub.ports import Audited, Conflict, Now, StateStore, StoreUnavailable
from hub.rules.book import ALERT, KEPT, NOTICE, RULE, TARGET, AlertBoard, Bodies, Book, Changed
from hub.rules.courses import Courses
from hub.rules.duties import Duties
from hub.rules.silences import Silencing
from hub.rules.telling import Telling

_KEPT_AT_ONCE: Final = 500  # devices in one transaction
_TRIES: Final = 20  # to write what other nodes change at the same time


class Keeping:
    """The rules as they are kept. Every call raises StoreUnavailable, with nothing done, while the state store is away."""

    def __init__(
        self,
        state: StateStore,
        board: AlertBoard,
        now: Now,
        notify_for_s: float = 86_400.0,
        members_of: MembersOf | None = None,
        duties: Duties | None = None,
    ) -> None:
        members_of, self._duties = members_of or Asked().members, duties or Duties()
        self.book = self._book = Book(state, board)
        self._telling = Telling(self._book, Silencing(self._book, members_of), notify_for_s, self._duties)
        self.on_notices: Callable[[], None] = lambda: None  # called when notices are kept that may wait
        self._now = now
        self._courses = Courses(self._book, members_of)
        self._cursor: Cursor | None = None  # applied
        self._is_kept = True  # the cursor and all that is judged is in the store
        self.is_current = False  # what is in memory may be gone on from: the rules are read
        self._is_orphaned = False  # there may be alerts of rules that another node has deleted: one was raised meanwhile
        self._lived_s = 0.0  # the time in which this hub ran and kept up
        self._changing = trio.Lock()

    async def keep(self, make: Callable[[], Bodies], audited: Sequence[Audited] = ()) -> None:
        """Write, in its turn, what `make` makes of what is kept then; the rules stay where they are. Raises what `make` raises."""
        async with self._changing:
            self._check_current()
            await self._keep(make, audited)

    async def refresh(self, kind: str, keys: Collection[str]) -> None:
        """Take in what another node changed. Raises StoreUnavailable: then it is asked again, or `reload`."""
        async with self._changing:
            if not self.is_current:
                return  # all of it is read anew soon
            if kind == KEPT:
                self._heard_of(keys)
            elif kind in self._book.kinds:
                self._take_in(kind, await self._book.read_again(kind, keys))

    async def reload(self) -> None:
        """Take in what other nodes may have changed, without a word of which. Raises StoreUnavailable."""
        async with self._changing:
            if not self.is_current:
                return
            for kind in self._book.kinds:
                self._take_in(kind, await self._book.read_again(kind, None))
            self._heard_of(await self._book.kept_elsewhere())
            self._is_kept = False  # what was kept may be lost

    def _heard_of(self, devices: Iterable[str]) -> None:
        """Go on with what another node has kept of devices when they are judged here again; one that is there is no more ours."""
        for device in devices:
            self._courses.stale.add(device)
            if not self._duties.is_here(device):
                self._courses.let_go(device)

    def _take_in(self, kind: str, changes: Iterable[Changed]) -> None:
        """Go on from documents that were read again."""
        for key, before, after in changes:
            if kind == ALERT:
                self._heard(before, after)
            elif kind == RULE and after is None:
                self._courses.drop(key)
                self._is_orphaned = True
                self._rules_are_other()
            elif kind == RULE:
                self._courses.set_out(key, self._lived_s)
                self._rules_are_other()
        if kind in (NOTICE, TARGET):
            self.on_notices()

    def _heard(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        alert = after or before
        course = None if alert is None else self._courses.get(alert["rule"])
        is_open = after is not None and not is_over(after)
        if alert is not None and course is not None:
            course.heard(key_of(alert), is_open=is_open)
        elif alert is not None and is_open and self._book.rule(alert["rule"]) is None:
            self._is_orphaned = True
            self._rules_are_other()

    def _rules_are_other(self) -> None:
        """Have what waits for rules look at them."""

    async def _keep(self, make: Callable[[], Bodies], audited: Sequence[Audited] = (), judged: Set[str] = frozenset()) -> None:
        """Write changes with what is kept of `judged` devices, and how far these are judged: the cursor may wait.

        Where another node was first, that is read, and `make` called again.
        """
        for _ in range(_TRIES):
            if not (bodies := make()):
                return
            bodies = self._telling.told(bodies, self._now())
            kept = await self._courses.bodies(judged, self._cursor, self._open_of(bodies) if judged else {})
            if not await self._wrote(kept | bodies, None, audited):
                continue
            self._courses.were_kept(judged)
            if any(kind == NOTICE for kind, _ in bodies):
                self.on_notices()
            return
        raise StoreUnavailable("other nodes change the same rules and alerts all the time")

    def _open_of(self, bodies: Bodies) -> dict[str, set[str]]:
        """Return the alerts of each device that are open once these bodies are written; nobody asks where there are no other nodes."""
        found: dict[str, set[str]] = {}
        if self._duties.is_alone:
            return found
        coming = {key: alert for (kind, key), alert in bodies.items() if kind == ALERT and alert is not None}
        for alert in [*(alert for alert in self._book.open_alerts() if alert["id"] not in coming), *coming.values()]:
            if not is_over(alert):
                found.setdefault(str(alert["device"]), set()).add(alert["id"])
        return found

    async def _wrote(self, bodies: Bodies, cursor: Cursor | None, audited: Sequence[Audited] = ()) -> bool:
        """Write; where another node was first, read what it changed and return False."""
        try:
            await self._book.write(bodies, cursor, audited)
        except Conflict as conflict:
            wanted: dict[str, set[str]] = {conflict.kind: {conflict.key}}
            for kind, key in [*bodies, *(each[:2] for each in self._book.in_the_way(bodies))]:
                wanted.setdefault(kind, set()).add(key)
            wanted.setdefault(ALERT, set()).update(await self._join(wanted.pop(KEPT, set())))
            for kind, keys in wanted.items():
                self._take_in(kind, await self._book.read_again(kind, keys))
            self._telling.look_again()
            return False
        return True

    async def _join(self, devices: Collection[str]) -> set[str]:
        """Read what is kept of devices, and go on from that and what is known here; return the alerts that by either are open."""
        if not devices:
            return set()
        alerts = {str(alert["id"]) for alert in self._book.open_alerts() if alert["device"] in devices}
        for device, body in (await self._book.read_kept(devices)).items():
            self._courses.join(device, body, self._lived_s)
            alerts.update(() if body is None else body.get("alerts", ()))
        return alerts

    async def _keep_all(self) -> None:
        """Write what is kept of all devices that changed, and the cursor after it: what a crash leaves in between is not judged again."""
        await self._keep_devices(self._courses.changed())
        if not self._is_kept:
            await self._book.write({}, self._cursor)
        self._is_kept = True

    async def _keep_devices(self, devices: Collection[str]) -> None:
        """Write what is kept of devices; of one that is at another node, which has kept something since, that stays."""
        changed = sorted(devices)
        for begin in range(0, len(changed), _KEPT_AT_ONCE):
            some = set(changed[begin : begin + _KEPT_AT_ONCE])
            while some and not await self._wrote(await self._courses.bodies(some, self._cursor, self._open_of({})), None):
                for device in [device for device in some if not self._duties.is_here(device)]:
                    self._courses.let_go(device)
                    some.discard(device)
            self._courses.were_kept(some)

    def _check_current(self) -> None:
        if not self.is_current:
            raise StoreUnavailable("the rules are being read anew")
