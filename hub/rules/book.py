"""Rules, alerts, silences, notices and their targets as documents: what is kept, in one transaction with the follower's cursor.

Owns their documents in memory, which follow the store and are never ahead of it. Decides nothing; judging.py writes through it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from hub.core.notices import WAITING, Target, kept_target
from hub.core.records import Cursor
from hub.core.rules import Rule, rule_in
from hub.core.rules_alerts import is_over
from hub.core.rules_kept import with_older
from hub.core.silences import Silence, kept_silence
from hub.ports import Audited, Document, StateStore

RULE: Final = "rule"
ALERT: Final = "alert"
KEPT: Final = "rules_of_device"  # what the courses of rules need to go on with a device
_OLDER: Final = "rule_state"  # what older hubs kept for that: one document a rule
TARGET: Final = "target"
NOTICE: Final = "notice"
SILENCE: Final = "silence"
FOLLOWER: Final = "rules"
MAX_ALERTS: Final = 10_000  # beyond, those that are over for longest are deleted
MAX_NOTICES: Final = 5_000  # so many that are delivered or given up are kept, the newest
Kept = Mapping[str, Mapping[str, Any]]  # what is kept for the courses, by device
Changed = tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]  # key, and what the document was and is; None: there is none
Bodies = dict[tuple[str, str], Mapping[str, Any] | None]  # by kind and key; None: deleted


class AlertBoard(Protocol):
    """Where alerts are shown to viewers."""

    def put_alert(self, item: Mapping[str, Any]) -> None:
        """Show an alert."""


class Book:
    """The documents of the rules."""

    def __init__(self, state: StateStore, board: AlertBoard) -> None:
        self._state = state
        self._board = board
        self._documents: dict[str, dict[str, Document]] = {RULE: {}, ALERT: {}, TARGET: {}, NOTICE: {}, SILENCE: {}}
        self._kept: dict[str, int] = {}  # versions by device; what is kept is the courses' own
        self._silences: list[Silence] | None = None  # as objects; None: to be made
        self._last_number = 0  # of the notices
        self.cursor: Cursor | None = None

    async def load(self) -> Kept:
        """Read everything anew; return what is kept for the courses. Raises StoreUnavailable."""
        for kind in self._documents:
            self._documents[kind] = {each.key: each for each in await self._state.documents(kind)}
        self._silences = None
        self._last_number = max((each.body["number"] for each in self._documents[NOTICE].values()), default=0)
        self.cursor = await self._state.cursor_of(FOLLOWER)
        kept = await self._read_kept()
        for alert in self.alerts():
            self._board.put_alert(alert)
        return kept

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of documents that are in memory as they are kept."""
        return tuple(self._documents)

    async def read_again(self, kind: str, keys: Collection[str] | None) -> list[Changed]:
        """Read documents of a kind (None: all) that somebody else may have changed; return those that are other than known."""
        known = self._documents[kind]
        found = await self._read(kind, None if keys is None else set(keys))
        looked = known.keys() | found.keys() if keys is None else set(keys)
        changed = [(key, known.get(key), found.get(key)) for key in sorted(looked) if known.get(key) != found.get(key)]
        for key, _, after in changed:
            known.pop(key, None)
            if after is not None:
                known[key] = after
                if kind == ALERT:
                    self._board.put_alert({**after.body, "version": after.version})
        if kind == SILENCE:
            self._silences = None
        return [(key, before and before.body, after and after.body) for key, before, after in changed]

    async def read_kept(self, devices: Collection[str]) -> dict[str, Mapping[str, Any] | None]:
        """Return what is kept for the courses of devices, as it is now."""
        found = await self._read(KEPT, devices)
        for device in devices:
            self._kept.pop(device, None)
        self._kept |= {device: each.version for device, each in found.items()}
        return {device: each and each.body for device in sorted(devices) for each in [found.get(device)]}

    async def _read(self, kind: str, keys: Collection[str] | None) -> dict[str, Document]:
        """Read documents of a kind, None: all."""
        found = await self._state.documents(kind) if keys is None else await self._state.documents_of(kind, sorted(keys))
        return {each.key: each for each in found}

    async def kept_elsewhere(self) -> set[str]:
        """Return the devices of which somebody else has kept something since it was read."""
        found = {each.key: each.version for each in await self._state.documents(KEPT)}
        return {key for key in found.keys() | self._kept.keys() if found.get(key) != self._kept.get(key)}

    async def _read_kept(self) -> Kept:
        """Return what is kept for the courses; what an older hub has left is turned into it."""
        found = {each.key: each for each in await self._state.documents(KEPT)}
        if older := await self._state.documents(_OLDER):
            rules = self._documents[RULE]
            said = [(each.key, rules[each.key].version, each.body) for each in older if each.key in rules]
            bodies = with_older({key: each.body for key, each in found.items()}, said)
            puts = [Document(KEPT, key, found[key].version + 1 if key in found else 1, body) for key, body in bodies.items()]
            await self._state.change(puts, older)
            found |= {each.key: each for each in puts}
        self._kept = {key: each.version for key, each in found.items()}
        return {key: each.body for key, each in found.items()}

    def rule(self, name: str) -> tuple[Rule, int] | None:
        """Return a rule and its version."""
        found = self._documents[RULE].get(name)
        return None if found is None else (rule_in(name, found.body), found.version)

    def rules(self) -> list[str]:
        """Return the names of all rules, sorted."""
        return sorted(self._documents[RULE])

    def has_kept(self, device: str) -> bool:
        """Tell whether something is kept for the courses of a device."""
        return device in self._kept

    def alert(self, id_: str) -> dict[str, Any] | None:
        """Return an alert with its version."""
        found = self._documents[ALERT].get(id_)
        return None if found is None else {**found.body, "version": found.version}

    def alerts(self) -> list[dict[str, Any]]:
        """Return all alerts, oldest first."""
        found = [{**each.body, "version": each.version} for each in self._documents[ALERT].values()]
        return sorted(found, key=lambda alert: (alert["raised_us"], alert["id"]))

    def open_alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are not over."""
        return [{**each.body, "version": each.version} for each in self._documents[ALERT].values() if not is_over(each.body)]

    def next_number(self, now_us: int) -> int:
        """Draw the number of a new notice: the time in µs, as several hubs draw them; here each is above the one before."""
        self._last_number = max(self._last_number + 1, now_us)
        return self._last_number

    def target(self, name: str) -> tuple[Target, int] | None:
        """Return a target and its version."""
        found = self._documents[TARGET].get(name)
        return None if found is None else (kept_target(name, found.body), found.version)

    def targets(self) -> list[str]:
        """Return the names of all targets, sorted."""
        return sorted(self._documents[TARGET])

    def silences(self) -> list[Silence]:
        """Return all silences, oldest first."""
        if self._silences is None:
            self._silences = [kept_silence(self._documents[SILENCE][id_].body) for id_ in sorted(self._documents[SILENCE])]
        return self._silences

    def notice(self, id_: str) -> Mapping[str, Any] | None:
        """Return a notice."""
        found = self._documents[NOTICE].get(id_)
        return None if found is None else found.body

    def notices(self, *, is_waiting: bool) -> list[Mapping[str, Any]]:
        """Return the notices that wait, or those that are done with, oldest first."""
        found = [each.body for each in self._documents[NOTICE].values() if (each.body["state"] == WAITING) is is_waiting]
        return sorted(found, key=by_number)

    async def write(
        self,
        bodies: Bodies,
        cursor: Cursor | None,
        audited: Sequence[Audited] = (),
    ) -> None:
        """Put documents by kind and key (None: delete) and the cursor in one transaction. Raises StoreUnavailable with nothing done."""
        puts, deletes = [], self.in_the_way(bodies)
        for (kind, key), body in bodies.items():
            version = self._version(kind, key)
            if body is not None:
                puts.append(Document(kind, key, version + 1, {name: each for name, each in body.items() if name != "version"}))
            elif version:
                deletes.append(Document(kind, key, version, {}))
        await self._state.change(puts, deletes, cursor=None if cursor is None else (FOLLOWER, cursor), audited=audited)
        self._silences = None
        for document in deletes:
            (self._kept if document.kind == KEPT else self._documents[document.kind]).pop(document.key)
        for document in puts:
            if document.kind == KEPT:
                self._kept[document.key] = document.version
                continue
            self._documents[document.kind][document.key] = document
            if document.kind == ALERT:
                self._board.put_alert({**document.body, "version": document.version})

    def _version(self, kind: str, key: str) -> int:
        """Return the version of a document as it is known, 0 where there is none."""
        if kind == KEPT:
            return self._kept.get(key, 0)
        known = self._documents[kind].get(key)
        return 0 if known is None else known.version

    def in_the_way(self, bodies: Bodies) -> list[Document]:
        """Return what is deleted to make room for these documents."""
        new_alerts = sum(kind == ALERT and key not in self._documents[ALERT] for kind, key in bodies)
        return [*self._outdated(new_alerts), *self._old_notices(bodies)]

    def _outdated(self, coming: int) -> list[Document]:
        """Return the alerts that must go to make room. Those that are not over always stay."""
        known = self._documents[ALERT]
        if (surplus := len(known) + coming - MAX_ALERTS) <= 0:
            return []
        over = sorted((each for each in known.values() if is_over(each.body)), key=lambda each: int(each.body["cleared_us"]))
        return over[:surplus]

    def _old_notices(self, bodies: Bodies) -> list[Document]:
        """Return the notices that are done with for longest, to make room. Those that wait always stay: the outbox bounds them."""
        coming = sum(kind == NOTICE for kind, _ in bodies)
        if not coming or len(self._documents[NOTICE]) + coming <= MAX_NOTICES:
            return []
        done = [each for each in self._documents[NOTICE].values() if each.body["state"] != WAITING]
        return sorted(done, key=lambda each: by_number(each.body))[: max(0, len(done) + coming - MAX_NOTICES)]


def by_number(notice: Mapping[str, Any]) -> tuple[int, str]:
    """Return what notices are sorted by: one hub gives no number twice, two may."""
    return int(notice["number"]), str(notice["id"])
