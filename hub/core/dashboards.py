"""All dashboards of a hub: saved, with their last versions, deleted and brought back.

Owns their documents in the StateStore; dashboard.py says what one may hold. In memory there is only what a list shows. Called by
web/dashboards.py.

A dashboard is one document, with the number, time and author of each version that is kept; what an older version held is a document of
its own, so that a list reads none of them. All of a change goes in one transaction. A deleted one stays for 30 days: a delete is undone
whole, and a name that is taken again goes on counting, so that no two versions of a name were ever different things.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import trio

from devices.wire.fields import shown
from hub.core.dashboard import check_name, checked
from hub.core.dashboard_facts import KIND, OLD, DashboardFacts, facts_in, old_of
from hub.core.errors import Refusal
from hub.ports import Audited, Conflict, Document, Now, StateStore

MAX_DASHBOARDS: Final = 200  # with those that were deleted: what they hold is bounded, too
MAX_VERSIONS: Final = 20  # of one dashboard, with the present one
_KEPT_US: Final = 30 * 86_400_000_000  # a deleted one


class DashboardConflict(Refusal):
    """Somebody else saved it first. `now` is the dashboard as it is, `sent` what was sent."""

    def __init__(self, now: Mapping[str, Any], version: int, sent: Mapping[str, Any]) -> None:
        what = "there already" if version == 0 else f"at version {now['version']}, by {now['by']}, not {version}"
        super().__init__("conflict", f"dashboard {now['name']} is {what}", "read it again, then change what it is now", 409)
        self.now = now
        self.sent = sent


class Board(Protocol):
    """Where dashboards are shown to viewers, without what they hold."""

    def dashboards(self) -> list[dict[str, Any]]:
        """Return those that are shown."""

    def put_dashboard(self, item: Mapping[str, Any]) -> None:
        """Show a dashboard."""

    def remove_dashboard(self, name: str) -> None:
        """Show it no longer."""


class Dashboards:
    """The dashboards of this hub. Its methods raise StoreUnavailable with nothing done."""

    def __init__(self, state: StateStore, board: Board, now: Now) -> None:
        self._state = state
        self._board = board
        self._now = now
        self._facts: dict[str, DashboardFacts] = {}
        self._changed: list[Callable[[str, Mapping[str, Any] | None], None]] = []
        self._changing = trio.Lock()  # one change at a time: each is made of what the one before has stored

    async def load(self) -> None:
        """Read what there is, once at start."""
        self._facts = {each.key: facts_in(each) for each in await self._state.documents(KIND)}
        for name in {*self._facts, *(item["name"] for item in self._board.dashboards())}:
            self._show(name)

    async def reload(self) -> None:
        """Take in all dashboards as they are kept, and tell who listens which have changed. Raises StoreUnavailable."""
        async with self._changing:
            await self._take_in()

    async def _take_in(self) -> None:
        documents = {each.key: each for each in await self._state.documents(KIND)}
        before, self._facts = self._facts, {name: facts_in(each) for name, each in documents.items()}
        for name in {*before, *documents}:
            if (facts := self._facts.get(name)) != before.get(name):
                self._show(name)
                is_there = facts is not None and facts.deleted_us is None
                for callback in self._changed:
                    callback(name, documents[name].body["document"] if is_there else None)

    def _show(self, name: str) -> None:
        facts = self._facts.get(name)
        if facts is None or facts.deleted_us is not None:
            self._board.remove_dashboard(name)
        else:
            self._board.put_dashboard(facts.item())

    def items(self, *, is_deleted: bool = False) -> list[dict[str, Any]]:
        """Return what a list shows, by name: of those that are there, or of those that were deleted within 30 days."""
        found = [self._facts[name] for name in sorted(self._facts)]
        if not is_deleted:
            return [each.item() for each in found if each.deleted_us is None]
        since_us = self._now() - _KEPT_US
        return [each.item() for each in found if each.deleted_us is not None and each.deleted_us >= since_us]

    def on_changed(self, callback: Callable[[str, Mapping[str, Any] | None], None]) -> None:
        """Call `callback(name, document)` when one was saved or restored, and with None when it was deleted."""
        self._changed.append(callback)

    def born_us(self, name: str, *, or_deleted: bool = False) -> int | None:
        """Return when a dashboard took its name, None where there is none. One that is deleted and restored is the same one still."""
        facts = self._facts.get(name)
        return None if facts is None or (facts.deleted_us is not None and not or_deleted) else facts.born_us

    async def dashboard(self, name: str) -> dict[str, Any]:
        """Return one with its document. Raises Refusal 404."""
        return await self._whole(self._known(name))

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return the versions that are kept, newest first, also of one that was deleted. Raises Refusal 404."""
        return [dict(each) for each in reversed(self._known(name, or_deleted=True).versions)]

    async def version(self, name: str, version: int) -> dict[str, Any]:
        """Return one of the versions that are kept, with its document. Raises Refusal 404."""
        facts = self._known(name, or_deleted=True)
        said = next((each for each in facts.versions if each["version"] == version), None)
        if said is None:
            kept = f"{facts.versions[0]['version']} to {facts.version}"
            raise Refusal("no_version", f"dashboard {name} has no version {version}", f"kept are versions {kept}", 404)
        document = await self._document(facts, version)
        return {"name": name, **said, "dashboard": document}

    async def save(self, name: str, document: Mapping[str, Any], version: int, by: str) -> dict[str, Any]:
        """Put a document in the place of this version, 0: there is none yet; return the dashboard.

        Once it is being stored a cancellation waits. Raises Refusal, DashboardConflict.
        """
        check_name(name)
        document = checked(document)
        async with self._changing:
            before = self._facts.get(name)
            there = 0 if before is None or before.deleted_us is not None else before.version
            if before is None or there == 0:
                if version != 0:
                    raise _unknown(name)
            elif version != there:
                raise DashboardConflict(await self._whole(before), version, document)
            return await self._put(name, before, document, by, "save dashboard", is_new=there == 0)

    async def restore(self, name: str, version: int, by: str) -> dict[str, Any]:
        """Save an older version anew, also of one that was deleted; return the dashboard. Raises Refusal."""
        async with self._changing:
            document = (await self.version(name, version))["dashboard"]
            return await self._put(name, self._facts[name], document, by, "restore dashboard", restored=version)

    async def delete(self, name: str, by: str) -> None:
        """Delete one; for 30 days it can be restored. Raises Refusal."""
        async with self._changing:
            before = self._known(name)
            document = await self._document(before, before.version)
            after = replace(before, revision=before.revision + 1, deleted_us=self._now())
            entry = Audited(self._now(), by, "delete dashboard", f"dashboard {name}", {"version": before.version})
            await self._change([after.kept(document)], self._over(), [entry])
            self._changed_to(after, None)

    def _changed_to(self, facts: DashboardFacts, document: Mapping[str, Any] | None) -> None:
        self._facts[facts.name] = facts
        self._show(facts.name)
        for callback in self._changed:
            callback(facts.name, document)

    async def _put(
        self,
        name: str,
        before: DashboardFacts | None,
        document: Mapping[str, Any],
        by: str,
        action: str,
        *,
        is_new: bool = False,
        **detail: Any,
    ) -> dict[str, Any]:
        gone = [each for each in self._over() if each.key != name and not each.key.startswith(f"{name}@")]
        if before is None and len(self._facts) - sum(each.kind == KIND for each in gone) >= MAX_DASHBOARDS:
            full = f"there are {MAX_DASHBOARDS} dashboards, with those deleted in the last 30 days, which is the limit"
            raise Refusal("too_many_dashboards", full, "save this one in the place of another", 409)
        said: dict[str, Any] = {"version": 1 if before is None else before.version + 1, "at_us": self._now(), "by": by}
        revision, versions = (0, ()) if before is None else (before.revision, before.versions)
        after = DashboardFacts(name, revision + 1, document["title"], len(document["tiles"]), (*versions, said)[-MAX_VERSIONS:])
        after = replace(after, born_us=self._now() if is_new or before is None else before.born_us)
        puts = [after.kept(document)]
        if before is not None:
            puts.append(old_of(name, before.version, await self._document(before, before.version)))
            gone += [old_of(name, each["version"]) for each in versions if each["version"] < after.versions[0]["version"]]
        detail = {"version": said["version"], "title": after.title, "tiles": after.tiles, **detail}
        await self._change(puts, gone, [Audited(self._now(), by, action, f"dashboard {name}", detail)])
        self._changed_to(after, document)
        return {"name": name, **said, "dashboard": dict(document)}

    async def _change(self, puts: Sequence[Document], gone: Sequence[Document], audited: Sequence[Audited]) -> None:
        """Store a change; who asked may leave meanwhile. Raises Refusal where another node changed it."""
        with trio.CancelScope(shield=True):
            try:
                await self._state.change(puts, gone, audited=audited)
            except Conflict as error:
                await self._take_in()
                raise Refusal("conflict", f"dashboard {error.key} was changed meanwhile", "read it again, then change it", 409) from None
            for each in gone:
                if each.kind == KIND:
                    del self._facts[each.key]

    def _over(self) -> list[Document]:
        """Return the documents of those that were deleted long ago, to go along with the next change."""
        before_us = self._now() - _KEPT_US
        over = [each for each in self._facts.values() if each.deleted_us is not None and each.deleted_us < before_us]
        olds = [old_of(facts.name, each["version"]) for facts in over for each in facts.versions[:-1]]
        return [*(Document(KIND, each.name, each.revision, {}) for each in over), *olds]

    async def _whole(self, facts: DashboardFacts) -> dict[str, Any]:
        return {"name": facts.name, **facts.versions[-1], "dashboard": await self._document(facts, facts.version)}

    async def _document(self, facts: DashboardFacts, version: int) -> dict[str, Any]:
        if version == facts.version:
            found = await self._state.document(KIND, facts.name)
        else:
            found = await self._state.document(OLD, f"{facts.name}@{version}")
        if found is None:  # it went between the look and the reading
            raise _unknown(facts.name)
        return dict(found.body["document"])

    def _known(self, name: str, *, or_deleted: bool = False) -> DashboardFacts:
        facts = self._facts.get(name)
        if facts is None or (facts.deleted_us is not None and not or_deleted):
            raise _unknown(name)
        return facts


def _unknown(name: str) -> Refusal:
    return Refusal("no_dashboard", f"no dashboard is called {shown(name)}", "see: tributary dashboard list", 404)
