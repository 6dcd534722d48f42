"""The devices that may connect, and what people change of them: added, edited, disabled, given tokens, removed.

Owns these changes: each is in the state store, with who did it, before it counts. It has no sockets: device sessions report `connected`
and `disconnected`, and are told whose connection must end. Called by the door (device_of), the API and the sessions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog
import trio

from devices.wire.fields import is_device_name, shown
from devices.wire.messages import Channel, Hello
from hub.core.errors import Refusal
from hub.core.registry_channels import described
from hub.core.registry_facts import KIND, DeviceFacts
from hub.core.registry_refresh import RefreshedDevices
from hub.core.registry_set import DISABLED, GONE, OLD_TOKEN_OVER, OWN
from hub.core.registry_tokens import MAX_OVERLAP_S, NO_TOKEN, OLD_TOKEN, OldToken, new_token
from hub.core.registry_tokens import hash_token as hash_token  # of any secret the hub draws
from hub.core.shadow import KINDS as SHADOW_KINDS
from hub.ports import Audited, DeviceRecord, Document

_log: Final = structlog.get_logger(__name__)
BY_HUB: Final = "hub"  # who did it, where no person did
_LOOK_EVERY_S: Final = 1.0  # for overlaps that are over; the promise is 5


class Registry(RefreshedDevices):
    """All devices of this hub. Each change raises Refusal or StoreUnavailable with nothing done, and Refusal 404 for an unknown device."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """End the connections of devices whose replaced token is no longer good, until cancelled."""
        task_status.started()
        while True:
            if not self._tokens.old:
                self._replaced = trio.Event()
                await self._replaced.wait()
            await trio.sleep(_LOOK_EVERY_S)
            for name in self._tokens.over(self._now()):
                self._tokens.forget_old(name)  # it is good no longer whether or not its document is gone
                self._show(name)
                # Nobody knows by which token the device came. With the new one it is back at once, with the old one it is refused.
                self._end(name, OLD_TOKEN_OVER)

    async def add_device(self, name: str, *, by: str = BY_HUB) -> str:
        """Add a device and return its token, which is shown this once."""
        return (await self.add_devices([name], by=by))[name]

    async def add_devices(
        self,
        names: Iterable[str],
        facts: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        by: str = BY_HUB,
        drawn: Mapping[str, str] | None = None,
        along: Sequence[Document] = (),
    ) -> dict[str, str]:
        """Add devices, all or none, with what is said of some of them (`edit`); return the token of each.

        Tokens that were `drawn` before are taken; documents go `along` in the same transaction, which may raise Conflict.
        """
        async with self._writing:
            known = self.check_new(names, facts)
            tokens = {name: (drawn or {}).get(name) or new_token() for name in known}
            records = [DeviceRecord(name, self._now(), hash_token(token), {}) for name, token in tokens.items()]
            documents = [*along, *(facts.document(name) for name, facts in known.items() if facts.revision)]
            new = dict.fromkeys(known)
            await self._state.change(documents, devices=records, made_of=new, audited=[self._audited(by, "add", name) for name in known])
            for record in records:
                self._facts[record.name] = known[record.name]
                self._keep(record)
                self._show(record.name)
                _log.info("device_added", device=record.name)
        return tokens

    async def be_own(self, name: str, channels: tuple[Channel, ...]) -> bool:
        """Have a device of the hub's own figures, added where there is none; False where the name is somebody else's.

        It is online while the hub runs, has no token and was never seen: so no rule misses it. No tag expression means it, hence no command
        to many and no login for some devices only reaches it.
        """
        async with self._writing:
            known = self._devices.get(name)
            if known is not None and (known.token_hash != NO_TOKEN or known.last_seen_us is not None):
                return False
            description = described(Hello(name, 1, channels), known.description if known else {}, self._now(), self._bound) | {OWN: True}
            record = DeviceRecord(name, known.created_us if known else self._now(), NO_TOKEN, description)
            if record != known:
                await self._state.change(devices=[record], made_of={name: known})
            self.own = name
            self._asked.remove(name)
            self._keep(record)
            self._show(name)
        return True

    def check_new(self, names: Iterable[str], facts: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, DeviceFacts]:
        """Refuse what add_devices would refuse; return what would be known of each."""
        found: dict[str, DeviceFacts] = {}
        for name in names:
            self._check_name(name)
            said = (facts or {}).get(name)
            found[name] = DeviceFacts().edited(said) if said else DeviceFacts()
        return found

    def _check_name(self, name: str) -> None:
        if not is_device_name(name):
            rule = "a device name is 1 to 64 of A-Z a-z 0-9 . _ : - and begins with a letter or digit"
            raise Refusal("bad_name", f"{rule}; this is {shown(name)}", "choose another name", 422)
        if name in self._devices:
            raise Refusal("exists", f"device {name} exists", f"for a new token: tributary device token {name}", 409)
        if name in self.erasing:
            raise Refusal("being_deleted", f"the readings of {name} are being deleted", "try again when that is done", 409)

    async def edit(self, name: str, changes: Mapping[str, Any], *, revision: int | None = None, by: str = BY_HUB) -> None:
        """Change title, kind, tags, notes (each replaced whole) or `disabled` of a device, if it is at this revision still.

        Raises Refusal 409 where it is not, saying what it is now. A disabled device's connection ends.
        """
        async with self._writing:
            record, facts = self._record(name), self._facts.get(name, DeviceFacts())
            if revision is not None and revision != facts.revision:
                raise _conflict(name, revision, facts.item() | {"disabled": record.is_disabled}, changes)
            edited, is_disabled = facts.edited(changes), bool(changes.get("disabled", record.is_disabled))
            if replace(edited, revision=facts.revision) == facts and is_disabled == record.is_disabled:
                return
            document, changed = edited.document(name), replace(record, is_disabled=is_disabled)
            audited = [self._audited(by, "edit", name, changes)]
            await self._state.change([document], devices=[changed], made_of={name: record}, audited=audited)
            self._facts[name] = edited
            # What the device declared meanwhile stays; it is written when its turn comes.
            self._keep(replace(self._record(name), is_disabled=is_disabled))
        self._show(name)
        if is_disabled and not record.is_disabled:
            _log.info("device_disabled", device=name)
            self._end(name, DISABLED)

    async def new_token(self, name: str, *, overlap_s: float = 0.0, by: str = BY_HUB) -> str:
        """Replace a device's token and return the new one.

        The old one is good for `overlap_s` more, or no longer, and then the device's connection ends. One that an earlier overlap left
        is good no longer.
        """
        if not 0 <= overlap_s <= MAX_OVERLAP_S:
            said = f"overlap_s must be from 0 to {MAX_OVERLAP_S:,}, not {overlap_s:g}"
            raise Refusal("bad_overlap", said, "choose a shorter overlap", 422)
        token = new_token()
        had_old = await self._replace(name, hash_token(token), overlap_s, by)
        _log.info("device_token_replaced", device=name, overlap_s=overlap_s)
        if not overlap_s:
            self._end(name, GONE)
        elif had_old:
            self._end(name, OLD_TOKEN_OVER)
        return token

    async def revoke(self, name: str, *, by: str = BY_HUB) -> None:
        """Withdraw a device's tokens at once and end its connection; it needs a new one."""
        await self._replace(name, NO_TOKEN, 0.0, by)
        _log.info("device_token_revoked", device=name)
        self._end(name, GONE)

    async def _replace(self, name: str, token_hash: bytes, overlap_s: float, by: str) -> bool:
        """Put another token in the place of a device's; tell whether there was one of an earlier overlap."""
        async with self._writing:
            record = self._record(name)
            stored = await self._state.document(OLD_TOKEN, name)
            old = None
            if overlap_s and record.token_hash != NO_TOKEN:
                until_us = self._now() + int(overlap_s * 1_000_000)
                old = OldToken(record.token_hash, until_us, 1 + (stored.version if stored else 0))
            puts, deletes = ([old.document(name)], []) if old else ([], [stored] if stored else [])
            action = "token" if token_hash != NO_TOKEN else "revoke"
            audited = self._audited(by, action, name, {"overlap_s": overlap_s} if overlap_s else {})
            changed = [replace(record, token_hash=token_hash)]
            await self._state.change(puts, deletes, devices=changed, made_of={name: record}, audited=[audited])
            had_old = self._tokens.forget_old(name) is not None
            self._tokens.forget(record.token_hash)
            # What the device declared meanwhile stays; it is written when its turn comes.
            self._keep(replace(self._record(name), token_hash=token_hash))
            if old is not None:
                self._tokens.keep_old(name, old)
                self._replaced.set()
        self._show(name)
        return had_old

    async def remove_device(self, name: str, *, by: str = BY_HUB) -> None:
        """Forget a device; its readings stay in the history."""
        async with self._writing:
            self._record(name)
            await self._state.delete_device(name, (KIND, OLD_TOKEN, *SHADOW_KINDS), [self._audited(by, "remove", name)])
            self._forget(name)
        _log.info("device_removed", device=name)

    def _audited(self, by: str, action: str, name: str, detail: Mapping[str, Any] | None = None) -> Audited:
        return Audited(self._now(), by, f"{action} device", f"device {name}", dict(detail or {}))


def _conflict(name: str, revision: int, now: Mapping[str, Any], changes: Mapping[str, Any]) -> Refusal:
    theirs = ", ".join(f"{key} {shown(now.get(key, ''))}" for key in sorted(changes))
    yours = ", ".join(f"{key} {shown(value)}" for key, value in sorted(changes.items()))
    said = f"device {name} is at revision {now.get('revision', 0)}, not {revision}: it has {theirs}; you sent {yours}"
    return Refusal("conflict", said, "read the device again, then edit what it is now", 409)
