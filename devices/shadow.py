"""The shadow on the device: what is desired is kept before it is applied, and applied again at each start; what is reported is kept.

Owns the order of that (docs/protocol.md section 8) and the numbers of reports; it knows nothing of connections. devices.client puts
what arrives into `desired` and `welcomed`, and runs `run` as long as the device lives.
"""

import inspect
import logging
import sqlite3
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import trio

from devices.spool import ShadowEntry, Spool
from devices.wire.documents import checked_document, delta, is_same, merged
from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_REASON_BYTES
from devices.wire.messages import Desired, ShadowState

_log = logging.getLogger("tributary.device")


class Shadow:
    """The shadow of one device."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._function: Callable[..., Any] | None = None
        self._desired: Desired | None = None  # the newest that came and is not kept yet
        self._hub_number: int | None = None  # of the newest report that the hub has, until that is looked at
        self._floor = 0  # numbers up to this one are the hub's already
        self._came = trio.Event()
        self._reporting = trio.Lock()  # a report is made of the one before

    def set(self, function: Callable[..., Any]) -> None:
        """Take the function that applies what is desired. Raises ValueError where there is one."""
        if self._function is not None:
            raise ValueError("on_desired is there already; apply everything in one function")
        self._function = function

    def state(self, entry: ShadowEntry) -> ShadowState | None:
        """Return what hello says of the shadow; None: this device takes none."""
        return None if self._function is None else ShadowState(_applied(entry) or 0, entry.number)

    def desired(self, message: Desired) -> None:
        """Take what the hub desires now; it stands in the place of what came before and is not applied yet."""
        self._desired = message
        self._came.set()

    def welcomed(self, number: int | None) -> None:
        """Take the word of the hub which report of this device it has as the newest."""
        self._hub_number = number
        self._came.set()

    async def run(self, spool: Spool) -> None:
        """Apply what is desired until cancelled, first what was kept: a program that starts does not know it. Sends what the hub lost."""
        is_due = spool.shadow.wanted_version != 0
        while True:
            number, self._hub_number = self._hub_number, None
            desired, self._desired = self._desired, None
            try:
                if number is not None:
                    await self._compare(spool, number)
                if desired is not None and desired.version != _applied(spool.shadow):
                    await spool.keep_desired(desired.version, desired.document)
                    is_due = True
                if is_due:
                    await self._apply(spool)
            except sqlite3.OperationalError as error:  # a full disk: the hub sends it again at the next connection
                _log.error("what is desired is neither kept nor reported, the spool takes no more: %s", error)
            is_due = False
            await self._came.wait()
            self._came = trio.Event()

    async def report(self, spool: Spool, patch: Mapping[str, Any]) -> None:
        """Merge into what is reported, None removing, and report that where it changes anything. Raises ValueError with nothing done."""
        async with self._reporting:
            document = _reportable(spool.shadow, patch)
            if not is_same(document, spool.shadow.document):
                await spool.report(replace(spool.shadow, number=self._number(spool), document=document))

    async def _apply(self, spool: Spool) -> None:
        wanted = spool.shadow
        if self._function is None:
            return  # an earlier program of this device took a shadow, this one does not
        problem, patch = await _said_by(self._function, wanted)
        async with self._reporting:
            before = spool.shadow
            try:
                document = before.document if problem is not None else _reportable(before, patch)
            except ValueError as error:
                document, problem = before.document, _short(f"it was applied, but what it reports cannot be sent: {error}")
            if problem is None:
                after = replace(before, version=wanted.wanted_version, document=document, error=None, failed=0)
            else:
                after = replace(before, error=problem, failed=wanted.wanted_version)
            if _said(after) != _said(before) or not is_same(after.document, before.document):
                await spool.report(replace(after, number=self._number(spool)))

    async def _compare(self, spool: Spool, number: int) -> None:
        """Report again where the hub lacks the newest report (it went back to a backup), or has one from before this spool."""
        async with self._reporting:
            entry = spool.shadow
            is_ahead, self._floor = number > entry.number, max(self._floor, number)
            if entry.number and number != entry.number and (is_ahead or not spool.is_report_unacked()):
                await spool.report(replace(entry, number=self._number(spool)))

    def _number(self, spool: Spool) -> int:
        """Draw a number above all before; by the clock, so that it is above those of a spool that was lost, too."""
        return max(spool.shadow.number + 1, self._floor + 1, self._now() // 1_000)


async def _said_by(function: Callable[..., Any], wanted: ShadowEntry) -> tuple[str | None, Any]:
    """Return what was wrong, and what the function reports."""
    try:
        said = function(deepcopy(dict(wanted.wanted)), delta(wanted.wanted, wanted.document))
        if inspect.isawaitable(said):
            said = await said
    except Exception as error:  # the caller's own function: whatever it raises is reported, and the device lives on
        _log.warning("version %d of what is desired was not applied: %r", wanted.wanted_version, error, exc_info=True)
        return _short(f"{type(error).__name__}: {error}"), None
    return None, wanted.wanted if said is None else said


def _short(text: str) -> str:
    return text.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore")


def _applied(entry: ShadowEntry) -> int | None:
    """Return the version that was applied, None where what came last was not."""
    return entry.version if entry.version == entry.wanted_version and entry.error is None else None


def _said(entry: ShadowEntry) -> tuple[int, int, str | None]:
    return entry.version, entry.failed, entry.error


def _reportable(entry: ShadowEntry, patch: object) -> dict[str, Any]:
    """Return what is reported after a patch. Raises ValueError with the limit."""
    try:
        return checked_document(merged(entry.document, checked_document(patch, "a report", is_patch=True)), "what is reported")
    except BadMessage as error:
        raise ValueError(str(error)) from None
