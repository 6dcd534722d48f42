"""All shadows of a hub: takes what people desire, gives it to devices, enters what devices report.

Owns the two documents of each device, in memory and through the StateStore; what they mean is shadow.py's. Device sessions attach a
function that delivers; results.py brings the reports out of the journal, and writes them with its cursor.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol

import structlog
import trio

from devices.wire.messages import Desired, Hello, Reported
from hub.core.errors import Refusal
from hub.core.registry import Registry
from hub.core.shadow import (
    DESIRED,
    KINDS,
    REPORTED,
    Known,
    ShadowConflict,
    Wanted,
    changed,
    check_taken,
    fits,
    item_of,
    known_in,
    wanted_in,
)
from hub.ports import Audited, Conflict, DeviceRecord, Document, Now, StateStore

Deliver = Callable[[Desired], None]
_log: Final = structlog.get_logger(__name__)


class Report(NamedTuple):
    """A report and where it comes from."""

    device: str
    at_us: int  # when it came
    said: Reported


class _Attached(NamedTuple):
    """The connection of a device that takes a shadow."""

    deliver: Deliver
    max_bytes: int


class ShadowBoard(Protocol):
    """Where shadows are shown to viewers."""

    def put_shadow(self, item: Mapping[str, Any]) -> None:
        """Show a shadow."""


class Shadows:
    """The shadows of this hub. Its methods raise StoreUnavailable with nothing done."""

    def __init__(self, state: StateStore, registry: Registry, board: ShadowBoard, now: Now) -> None:
        self._state = state
        self._registry = registry
        self._board = board
        self._now = now
        self._wanted: dict[str, Wanted] = {}
        self._known: dict[str, Known] = {}
        self._deliver: dict[str, _Attached] = {}
        self._changing = trio.Lock()  # one change at a time: each is made of what the one before has stored
        registry.on_removed(self._forget)

    async def load(self) -> None:
        """Read every shadow once at start, after the registry."""
        await self._read()
        for device in sorted({*self._wanted, *self._known}):
            self._show(device)

    async def _read(self) -> None:
        """Read what is kept, and delete what was kept of devices that were removed meanwhile."""
        documents = [*await self._state.documents(DESIRED), *await self._state.documents(REPORTED)]
        lost = [each for each in documents if self._registry.record(each.key) is None]
        self._wanted = {each.key: wanted_in(each) for each in documents if each.kind == DESIRED and each not in lost}
        self._known = {each.key: known_in(each) for each in documents if each.kind == REPORTED and each not in lost}
        if lost:
            await self._state.change(deletes=lost)

    def shadow(self, device: str) -> dict[str, Any]:
        """Return a device's shadow and whether it takes one, None: it has not said yet. Raises Refusal 404."""
        record = self._device(device)
        return self._item(device) | {"takes_shadow": record.description.get("shadow")}

    async def desire(
        self, device: str, document: Mapping[str, Any], version: int | None, by: str, *, is_patch: bool = False
    ) -> dict[str, Any]:
        """Replace the desired document, or merge a patch into it, if it is at this version still; return the shadow.

        It is with the device's connection when this returns, if there is one. Once it is being stored a cancellation waits. Raises
        Refusal, ShadowConflict.
        """
        async with self._changing:
            record, before = self._device(device), self._wanted.get(device, Wanted())
            if version is not None and version != before.version:
                raise ShadowConflict(device, version, self.shadow(device), document)
            after = changed(before, document, is_patch=is_patch)
            if after is not before.document:
                wanted = before.next(after, by, self._now())
                check_taken(record, wanted)
                detail = {"version": wanted.version, "patch" if is_patch else "document": dict(document)}
                with trio.CancelScope(shield=True):
                    await self._keep(wanted, device, before, Audited(self._now(), by, "edit shadow", f"device {device}", detail))
            return self.shadow(device)

    async def _keep(self, wanted: Wanted, device: str, before: Wanted, audited: Audited) -> None:
        try:
            await self._state.change([wanted.kept(device)], audited=[audited])
        except Conflict:  # another node was faster, or the device was removed; another may have come by its name
            await self._take_in(DESIRED, [device])
            raise ShadowConflict(device, before.version, self.shadow(device), wanted.document) from None
        if self._registry.record(device) is None:
            await self._read()
        self._device(device)
        self._wanted[device] = wanted
        self._show(device)
        self._give(device)

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Take in shadows that another node has changed: a device that is here is told what is desired. Raises StoreUnavailable."""
        if kind in KINDS:
            async with self._changing:
                await self._take_in(kind, keys)

    async def reload(self) -> None:
        """Read every shadow again: nobody knows what other nodes have changed meanwhile. Raises StoreUnavailable."""
        async with self._changing:
            for kind, known in ((DESIRED, self._wanted), (REPORTED, self._known)):
                kept = [document.key for document in await self._state.documents(kind)]
                await self._take_in(kind, list(dict.fromkeys([*kept, *known])))

    async def _take_in(self, kind: str, devices: Sequence[str]) -> None:
        kept = {document.key: document for document in await self._state.documents_of(kind, devices)}
        for device in devices:
            document = kept.get(device)
            if self._registry.record(device) is None or not self._is_news(kind, device, document):
                continue
            if kind == REPORTED:
                self._known[device] = Known() if document is None else known_in(document)
            else:
                self._wanted[device] = Wanted() if document is None else wanted_in(document)
                self._give(device)
            self._show(device)

    def _is_news(self, kind: str, device: str, document: Document | None) -> bool:
        known = self._wanted.get(device, Wanted()) if kind == DESIRED else self._known.get(device, Known())
        return known.revision != (0 if document is None else document.version)

    def attach(self, hello: Hello, deliver: Deliver) -> None:
        """Give a welcomed device what is desired of it, if that is not what it has, and every change from now on; if it takes a shadow."""
        if hello.shadow is not None:
            self._deliver[hello.device] = _Attached(deliver, hello.max_message_bytes)
            if self._wanted.get(hello.device, Wanted()).version != hello.shadow.version:
                self._give(hello.device)

    def _give(self, device: str) -> None:
        wanted, attached = self._wanted.get(device, Wanted()), self._deliver.get(device)
        if attached is None:
            return
        if fits(attached.max_bytes, wanted):
            attached.deliver(Desired(wanted.version, wanted.document))
        else:  # it took more when that was desired, or had not said how much
            _log.warning("shadow_too_large_for_device", device=device, limit=attached.max_bytes)

    def detach(self, device: str, deliver: Deliver) -> None:
        """Forget a connection, unless another has taken its place."""
        attached = self._deliver.get(device)
        if attached is not None and attached.deliver == deliver:
            del self._deliver[device]

    def reported_number(self, device: str) -> int:
        """Return the number of a device's newest report, 0 where there is none: what welcome tells it."""
        return self._known.get(device, Known()).number

    @asynccontextmanager
    async def entering(self, reports: Sequence[Report]) -> AsyncIterator[list[Document]]:
        """Give the documents that reports make, to be put together with a cursor in the block; shown once it ends without an error.

        Where one of their devices is removed meanwhile, or another node enters one, the block raises Conflict: enter them again.
        """
        async with self._changing:
            known: dict[str, Known] = {}
            for report in reports:
                record = self._registry.record(report.device)
                if record is None or report.at_us < record.created_us:
                    continue  # of a device that was removed, perhaps of the same name
                before = self._known.get(report.device, Known())
                newest = known.get(report.device, before).following(report.said, report.at_us)
                if newest is not before:
                    known[report.device] = replace(newest, revision=before.revision + 1)
            try:
                yield [each.kept(device) for device, each in known.items()]
            except Conflict:
                await self._take_in(REPORTED, list(known))
                raise
            if any(self._registry.record(device) is None for device in known):
                await self._read()
            for device, each in known.items():
                if self._registry.record(device) is not None:
                    self._known[device] = each
                    self._show(device)

    def _item(self, device: str) -> dict[str, Any]:
        return item_of(device, self._wanted.get(device, Wanted()), self._known.get(device, Known()))

    def _show(self, device: str) -> None:
        self._board.put_shadow(self._item(device))

    def _device(self, name: str) -> DeviceRecord:
        if (record := self._registry.record(name)) is None:
            raise Refusal("no_device", f"no device is called {name[:64]!r}", "see: tributary device list", 404)
        return record

    def _forget(self, device: str) -> None:
        """Forget a removed device; its documents went with it."""
        self._wanted.pop(device, None)
        self._known.pop(device, None)
