"""Devices that register themselves: the keys that let them, and what each key allows. Without a key nobody registers.

Owns the keys' documents, of which the secret is kept as a hash only, and the token that a registration gives. The registry adds the
device, in one transaction with the key's count. Called by web/provisioning.py.

A lost answer must not leave a device without a token. So the token is not drawn but derived, from the key, a salt that only the hub knows,
the device's name and a nonce that the device drew and kept before it asked: the same request gives the same token, however often it comes,
until the device has used it. The hub keeps nothing that could be given twice, two answers on their way never differ, and another device
with the same key, which does not know the nonce, gets nothing. A name that is taken is never given anew: a key is in the hands of every
device of a series, and whoever reads it out of one of them must not be able to take the place of another.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import trio

from devices.wire.fields import is_device_name, shown
from hub.core.audit import AuditLog
from hub.core.errors import Refusal, TooOften
from hub.core.guessing import Guessing
from hub.core.registry import Registry, hash_token
from hub.core.registry_facts import DeviceFacts
from hub.ports import Conflict, Document, Now, StateStore

KIND: Final = "provisioning"
MAX_KEYS: Final = 100
MAX_DAYS: Final = 3_650
MAX_DEVICES: Final = 1_000_000  # of one key
MAX_A_MINUTE: Final = 600  # registrations, with all keys: each is a synced transaction
PREFIX: Final = "tribkey_"  # so that a key left lying in a file or a log can be searched for
_NONCE: Final = re.compile(r"[!-~]{16,128}", re.ASCII)
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class ProvisioningKey:
    """A key, without the secret."""

    name: str
    key_hash: bytes
    salt: bytes
    prefix: str  # of the names that may register
    kind: str  # what becomes of them
    tags: tuple[str, ...]
    max_devices: int
    registered: int  # so far; a device that is removed gives nothing back
    by: str
    created_us: int
    expires_us: int
    version: int = 1

    def item(self) -> dict[str, Any]:
        """Return what may be told of a key."""
        becomes = {"prefix": self.prefix, "kind": self.kind, "tags": list(self.tags)}
        counts = {"max_devices": self.max_devices, "registered": self.registered}
        return {"name": self.name, **becomes, **counts, "by": self.by, "created_us": self.created_us, "expires_us": self.expires_us}

    def token_of(self, secret: str, device: str, nonce: str) -> str:
        """Return the token that this registration gives, 43 characters."""
        said = "\n".join((secret, device, nonce)).encode()  # none of them holds a line end
        return base64.urlsafe_b64encode(hmac.digest(self.salt, said, "sha256")).rstrip(b"=").decode()


class Provisioning:
    """All keys; `load` reads them once, each change is kept before it counts."""

    def __init__(self, state: StateStore, registry: Registry, audit: AuditLog, now: Now) -> None:
        self._state = state
        self._registry = registry
        self._audit = audit
        self._now = now
        self._keys: dict[str, ProvisioningKey] = {}
        self._changing = trio.Lock()  # one registration or change at a time, each made of what is known when its turn comes
        self._wrong = Guessing(free_tries=100, max_wait_s=60.0)  # from everywhere together; right keys pass all the same
        self._minute_s = float("-inf")
        self._in_minute = 0

    async def load(self) -> None:
        """Read the keys. Raises StoreUnavailable."""
        self._keys = {document.key: _key(document) for document in await self._state.documents(KIND)}

    async def reload(self) -> None:
        """Take in all keys as they are kept. Raises StoreUnavailable."""
        async with self._changing:
            await self.load()

    def items(self) -> list[dict[str, Any]]:
        """Return what may be told of each, by name; also of those that are over."""
        return [self._keys[name].item() for name in sorted(self._keys)]

    async def make(
        self, name: str, who: str, *, prefix: str, days: float, max_devices: int, kind: str, tags: tuple[str, ...]
    ) -> tuple[str, ProvisioningKey]:
        """Make a key and return its secret, which nobody can ask for again. Raises Refusal, StoreUnavailable."""
        self._check_new(name, prefix, days, max_devices)
        facts = DeviceFacts().edited({"kind": kind, "tags": tags})
        secret = PREFIX + secrets.token_urlsafe(32)
        at_us = self._now()
        given: dict[str, Any] = {"prefix": prefix, "kind": facts.kind, "tags": facts.tags, "max_devices": max_devices, "registered": 0}
        times: dict[str, Any] = {"created_us": at_us, "expires_us": at_us + int(days * _DAY_US)}
        key = ProvisioningKey(name, hash_token(secret), secrets.token_bytes(32), by=who, **given, **times)
        said = {"prefix": prefix, "max_devices": max_devices, "expires_us": key.expires_us}
        entry = self._audit.entry(who, "make provisioning key", f"provisioning key {name}", **said)
        async with self._changing:
            if name in self._keys:
                raise _exists(name)
            try:
                await self._state.change([_document(key)], audited=[entry])
            except Conflict:
                raise _exists(name) from None
            self._keys[name] = key
        return secret, key

    async def revoke(self, name: str, who: str) -> None:
        """Revoke a key at once; the devices that it registered stay. Raises Refusal, StoreUnavailable."""
        async with self._changing:
            if (key := self._keys.get(name)) is None:
                raise _unknown(name)
            entry = self._audit.entry(who, "revoke provisioning key", f"provisioning key {name}", registered=key.registered)
            try:
                await self._state.change(deletes=[_document(key)], audited=[entry])
            except Conflict:
                raise Refusal("conflict", f"provisioning key {name} was changed meanwhile", "try again", 409) from None
            del self._keys[name]

    def is_known(self, secret: str) -> bool:
        """Tell whether there is a key with this secret, good or not."""
        return self._found(secret) is not None

    def _found(self, secret: str) -> ProvisioningKey | None:
        found, given = None, hash_token(secret)
        for key in self._keys.values():
            if secrets.compare_digest(key.key_hash, given):
                found = key
        return found

    def check(self, secret: str, now_s: float) -> ProvisioningKey:
        """Return the key with this secret. Raises Refusal: 401 where there is none, 403 where it or all are over, 429."""
        found = self._found(secret)
        if found is not None and found.expires_us > self._now():
            return found
        if all(key.expires_us <= self._now() for key in self._keys.values()):
            hint = "ask an administrator for one: tributary provisioning add NAME"
            raise Refusal("provisioning_off", "no provisioning key is good here now: devices do not register themselves", hint, 403)
        if found is not None:
            raise Refusal("key_over", f"the provisioning key {found.name} is over", "ask an administrator for a new one", 403)
        if wait_s := self._wrong.wait_s("", now_s):
            raise TooOften("too_many_tries", "there were too many wrong provisioning keys", wait_s)
        self._wrong.tried("", now_s)
        raise Refusal("wrong_key", "no provisioning key is like this", "it may have been revoked; ask an administrator", 401)

    async def register(self, secret: str, device: str, nonce: str, said: Mapping[str, str], now_s: float) -> tuple[str, bool]:
        """Add a device, or find that this very request did so before; return its token and whether it is new.

        `said` may hold `title` and `notes`; kind and tags are the key's, as tags decide who sees and commands a device. Raises Refusal,
        StoreUnavailable: nothing was done.
        """
        if not _NONCE.fullmatch(nonce):
            rule = "nonce is 16 to 128 printable ASCII characters without blanks"
            raise Refusal("bad_nonce", rule, "draw 128 random bits once, keep them, and send them as hex", 422)
        async with self._changing:
            key = self.check(secret, now_s)
            if not is_device_name(device) or not device.startswith(key.prefix):
                said_of = f"{key.prefix}..." if key.prefix else "1 to 64 of A-Z a-z 0-9 . _ : - and a letter or digit first"
                raise Refusal("bad_name", f"this key registers names like {said_of}, not {shown(device)}", "choose another name", 422)
            token = key.token_of(secret, device, nonce)
            if (record := self._registry.record(device)) is not None:
                if record.last_seen_us is None and secrets.compare_digest(record.token_hash, hash_token(token)):
                    return token, False
                hint = f"it needs its own token; an administrator makes a new one: tributary device token {device}"
                raise Refusal("exists", f"device {device} is registered already", hint, 409)
            await self._add(key, device, token, said, now_s)
        return token, True

    async def _add(self, key: ProvisioningKey, device: str, token: str, said: Mapping[str, str], now_s: float) -> None:
        if key.registered >= key.max_devices:
            said_of = f"the provisioning key {key.name} has registered {key.registered:,} devices, which is its limit"
            raise Refusal("key_used_up", said_of, "ask an administrator for another key", 409)
        self._keep_pace(now_s)
        facts: dict[str, Any] = {**said, "kind": key.kind, "tags": key.tags}
        facts = {name: value for name, value in facts.items() if value}
        counted = replace(key, registered=key.registered + 1, version=key.version + 1)
        along = [_document(counted)]
        try:
            await self._registry.add_devices([device], {device: facts}, by=f"key:{key.name}", drawn={device: token}, along=along)
        except Conflict:
            raise Refusal("busy", f"provisioning key {key.name} is being changed", "try again", 503) from None
        self._keys[key.name] = counted

    def _keep_pace(self, now_s: float) -> None:
        if now_s - self._minute_s >= 60:
            self._minute_s, self._in_minute = now_s, 0
        if self._in_minute >= MAX_A_MINUTE:
            said = f"{MAX_A_MINUTE} devices have registered within a minute, which is the limit"
            raise TooOften("too_many_registrations", said, self._minute_s + 60 - now_s)
        self._in_minute += 1

    def _check_new(self, name: str, prefix: str, days: float, max_devices: int) -> None:
        rule = "1 to 64 of A-Z a-z 0-9 . _ : - and a letter or digit first"
        if not is_device_name(name):
            raise Refusal("bad_request", f"{name[:80]!r} is no name of a provisioning key", rule, 422)
        if prefix and not is_device_name(prefix):
            raise Refusal("bad_request", f"no device name begins with {prefix[:80]!r}", rule, 422)
        if not 0 < days <= MAX_DAYS:
            raise Refusal("bad_request", f"a key cannot be good for {days:g} days", f"more than 0 and at most {MAX_DAYS:,}", 422)
        if not 0 < max_devices <= MAX_DEVICES:
            raise Refusal("bad_request", f"a key cannot register {max_devices:,} devices", f"from 1 to {MAX_DEVICES:,}", 422)
        if len(self._keys) >= MAX_KEYS:
            raise Refusal("too_many_keys", f"there are {MAX_KEYS} provisioning keys, which is the limit", "revoke some first", 409)


def _exists(name: str) -> Refusal:
    return Refusal("key_exists", f"there is a provisioning key {name!r} already", "revoke it first, or take another name", 409)


def _unknown(name: str) -> Refusal:
    return Refusal("no_key", f"no provisioning key is called {name[:64]!r}", "see: tributary provisioning list", 404)


def _document(key: ProvisioningKey) -> Document:
    hidden = {"hash": key.key_hash.hex(), "salt": key.salt.hex()}
    return Document(KIND, key.name, key.version, {name: value for name, value in key.item().items() if name != "name"} | hidden)


def _key(document: Document) -> ProvisioningKey:
    said = dict(document.body)
    key_hash, salt = bytes.fromhex(said.pop("hash")), bytes.fromhex(said.pop("salt"))
    return ProvisioningKey(document.key, key_hash, salt, **(said | {"tags": tuple(said["tags"])}), version=document.version)
