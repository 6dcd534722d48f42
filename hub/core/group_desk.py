"""One command to many devices: made whole or not at all, sent to those that are there, counted until all have ended, cancelled.

Owns who of those that are meant is commanded, and the order of writing and sending. Each device's command is one like any other
(commands.py); the tally is tallies.py's. Called by the API.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import trio

from devices.wire.messages import CommandState
from hub.core import ledger
from hub.core.command_book import CommandBook, breathe
from hub.core.command_sending import Sending
from hub.core.errors import Refusal
from hub.core.group import REFUSALS, Group, Refused, refusals_document, refusals_in
from hub.core.wanted_group import WantedGroup
from hub.ports import Audited, CommandRecord

_TOLD: Final = 5  # devices that one refusal names


class CancelCounts(NamedTuple):
    """What became of the wish to cancel a group: how many commands were cancelled, are asked for at their devices, had ended."""

    cancelled: int
    asked: int
    ended: int


class GroupDesk:
    """All group commands of this hub. Its methods raise StoreUnavailable with nothing done."""

    def __init__(self, book: CommandBook, sending: Sending) -> None:
        self._book = book
        self._sending = sending

    async def create(self, wanted: WantedGroup) -> tuple[Group, list[Refused]]:
        """Queue a command for each device that takes it, all in one transaction, and send it to those that are there.

        Return the group, or the one that its key stands for, with the devices that cannot take it. Raises Refusal. Once it is queued a
        cancellation waits until it is sent.
        """
        book, group_id = self._book, wanted.new_id()

        async def decide() -> list[Refused]:
            if wanted.each.key is not None and (earlier := await self._earlier(wanted, group_id)) is not None:
                return await self.refused(earlier)
            records, refused = await self._checked(wanted, group_id)
            book.inbox.check_room(records)
            group = _group_of(wanted, group_id, records, refused)
            puts = [group.document(), *([refusals_document(group_id, refused)] if refused else [])]
            detail = {"name": group.name, "devices": group.devices, "where": group.where, "args_bytes": group.args_bytes}
            with trio.CancelScope(shield=True):
                await book.put(records, puts=puts, audited=[self._audited(group.by, "send command", group, detail)], group=group)
                await self._sending.send(records)
            return refused

        refused = await book.settle(decide)
        return self.known(group_id), refused

    async def _earlier(self, wanted: WantedGroup, group_id: str) -> Group | None:
        """Return the group that a key stands for. Raises Refusal where it stands for another, or for one whose tally is deleted."""
        tallies = self._book.tallies
        if (group := tallies.get(group_id)) is None and await self._book.state.group_tally(group_id):
            await tallies.take_in([group_id])
            if (group := tallies.get(group_id)) is None:
                said = f"this idempotency key stands for the group command {group_id}, whose tally is no longer kept"
                raise Refusal("key_used", said, f"its commands are: GET /api/v1/commands?group={group_id}; send another key", 409)
            await tallies.count_anew()  # another node has made it just now
        if (group := tallies.get(group_id)) is not None:
            wanted.check_same(group)
        return group

    async def _checked(self, wanted: WantedGroup, group_id: str) -> tuple[list[CommandRecord], list[Refused]]:
        """Return the commands, and the devices that cannot take theirs. Raises Refusal where none can, or one cannot and all should."""
        wanted.each.check_ttl()
        names, now_us = wanted.names(self._book.registry), self._book.now()
        records, refused = list[CommandRecord](), list[Refused]()
        for at, name in enumerate(names):
            try:
                record = wanted.each.record_for(self._book.known(name), wanted.command_id(group_id, name), now_us)
                self._book.inbox.check_device(record)
                records.append(replace(record, group=group_id))
            except Refusal as refusal:
                refused.append(Refused(name, refusal.code, refusal.message))
            await breathe(at)
        if refused and (wanted.is_all_or_nothing or not records):
            raise _not_for_all(refused, len(names))
        return records, refused

    def known(self, group_id: str) -> Group:
        """Return a group. Raises Refusal 404."""
        if (group := self._book.tallies.get(group_id)) is None:
            raise Refusal("no_group", f"no group command has the id {group_id[:64]!r}", "see: GET /api/v1/group-commands", 404)
        return group

    async def refused(self, group: Group) -> list[Refused]:
        """Return the devices that were meant and could not take the command."""
        return refusals_in(await self._book.state.document(REFUSALS, group.id)) if group.refused else []

    def page(self, limit: int, after: tuple[int, str] | None = None) -> tuple[list[Group], tuple[int, str] | None]:
        """Return groups, newest first, behind `after`; and where the rest begins, None where that is all."""
        groups = [group for group in self._book.tallies.all() if after is None or (group.created_us, group.id) < after]
        found = groups[:limit]
        return found, (found[-1].created_us, found[-1].id) if len(groups) > limit else None

    async def cancel(self, group_id: str, by: str) -> tuple[Group, CancelCounts]:
        """Cancel a group's commands: those never sent at once and in one transaction; of the others each device is asked until it answers.

        Waits for no device: the tally tells. Raises Refusal.
        """
        book = self._book

        async def decide() -> CancelCounts:
            group, now_us = self.known(group_id), book.now()
            waits, runs = list[CommandRecord](), list[CommandRecord]()
            for record in book.inbox.of_group(group_id):
                if not book.cancels.is_too_late(record.id):
                    (waits if record.state == CommandState.QUEUED else runs).append(record)
            counts = CancelCounts(len(waits), len(runs), group.devices - len(waits) - len(runs))
            ended = [ledger.cancelled(record, now_us, by) for record in waits]
            again = [ledger.moved(record, CommandState(record.state), now_us, record.reason) for record in runs]
            wishes = [document for record in runs for document in book.cancels.wish(record, by)]
            if waits or runs:
                audited = self._audited(
                    by, "cancel command", group, {"name": group.name, "cancelled": counts.cancelled, "asked": counts.asked}
                )
                with trio.CancelScope(shield=True):
                    await book.put([*ended, *again], puts=wishes, audited=[audited])
                    await self._sending.ask_back(runs)
            return counts

        counts = await book.settle(decide)
        return self.known(group_id), counts

    def _audited(self, by: str, action: str, group: Group, detail: dict[str, Any]) -> Audited:
        return Audited(self._book.now(), by, action, f"group {group.id}", detail)


def _group_of(wanted: WantedGroup, group_id: str, records: Sequence[CommandRecord], refused: Sequence[Refused]) -> Group:
    each = wanted.each
    return Group(
        id=group_id,
        name=each.name,
        by=each.by,
        fingerprint=wanted.fingerprint(),
        where=wanted.where,
        devices=len(records),
        refused=len(refused),
        args_bytes=each.args_bytes(),
        created_us=records[0].created_us,
        expires_us=records[0].expires_us,
        counts={CommandState.QUEUED.value: len(records)},
    )


def _not_for_all(refused: Sequence[Refused], count: int) -> Refusal:
    told = "; ".join(f"{each.device}: {each.message}" for each in refused[:_TOLD])
    more = f"; and {len(refused) - _TOLD:,} more" if len(refused) > _TOLD else ""
    said = f"{len(refused):,} of {count:,} devices cannot take it, and nothing is sent: {told}{more}"
    return Refusal("not_for_all", said, "correct it, or choose other devices", 422)
