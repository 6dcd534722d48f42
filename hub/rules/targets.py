"""The desk of targets: what people change of who is told of alerts, a test notice, and the delivery log.

Owns the checks against what is there now, and that a secret is shown once. web/targets.py calls it; outbox.py sends.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.notices import DELIVERED, GIVEN_UP, Event, Target, TargetKind, delivery, new_secret, notice, target_in, tried
from hub.core.rules import checked_name
from hub.ports import Audited, Now
from hub.rules.book import NOTICE, TARGET, Bodies, Book, by_number
from hub.rules.outbox import Keeper, Outbox, Sender

MAX_TARGETS: Final = 50
MAX_OVERLAP_S: Final = 30 * 86_400.0


class CheckingSender(Sender, Protocol):
    """A sender that knows what it cannot reach."""

    def check(self, target: Target) -> None:
        """Check a target as far as that goes without sending. Raises Refusal."""


class TargetDesk:
    """All targets of this hub. Every change raises StoreUnavailable, with nothing done, while the state store is away."""

    def __init__(self, book: Book, keeper: Keeper, outbox: Outbox, sender: CheckingSender, now: Now) -> None:
        self._book, self._keeper, self._outbox, self._sender, self._now = book, keeper, outbox, sender, now

    def targets(self) -> list[dict[str, Any]]:
        """Return all targets by name, without their secrets."""
        return [self.target(name) for name in self._book.targets()]

    def target(self, name: str) -> dict[str, Any]:
        """Return one target. Raises Refusal."""
        target, version = self._known(name)
        return {"target": name, "version": version, **target.item()}

    def _known(self, name: str) -> tuple[Target, int]:
        found = self._book.target(name)
        if found is None:
            raise Refusal("no_target", f"no target is called {shown(name)}", "see: tributary target list", 404)
        return found

    async def put_target(self, name: str, body: Mapping[str, Any], version: int | None, who: str) -> dict[str, Any]:
        """Make a target (version None), whose `secret` is shown this once, or replace the version that is named. Raises Refusal."""
        target = target_in(checked_name(name, "a target"), body)
        self._sender.check(target)
        secret = new_secret()

        def make() -> Bodies:
            known = self._book.target(name)
            if version is None and known is not None:
                raise Refusal("exists", f"there is a target {name}", "edit it, or choose another name", 409)
            if version is not None and version != self._known(name)[1]:
                now = self.target(name)
                said = f"target {name} is at version {now['version']}, not {version}: it is {now}, you sent {target.item()}"
                raise Refusal("conflict", said, "read the target again, then edit what it is now", 409)
            if known is None and len(self._book.targets()) >= MAX_TARGETS:
                raise Refusal("too_many_targets", f"there are {MAX_TARGETS} targets, which is the limit", "delete one first", 409)
            old = Target(name, target.kind, secret=secret) if known is None else known[0]
            kept = replace(target, secret=old.secret, old_secret=old.old_secret, old_secret_until_us=old.old_secret_until_us)
            return {(TARGET, name): kept.body()}

        # An address may hold a secret of its receiver's: the log has where it goes, and no more.
        told = target.item() | ({"url": urlsplit(target.url).netloc} if target.url else {})
        await self._keeper.keep(make, [Audited(self._now(), who, "edit target" if version else "create target", f"target {name}", told)])
        self._outbox.wake(name)
        return self.target(name) | ({} if version or target.kind is not TargetKind.WEBHOOK else {"secret": secret})

    async def delete_target(self, name: str, who: str) -> None:
        """Delete a target; what waits for it is given up. Raises Refusal."""

        def make() -> Bodies:
            self._known(name)
            return {(TARGET, name): None}

        await self._keeper.keep(make, [Audited(self._now(), who, "delete target", f"target {name}", {})])
        self._outbox.wake(name)

    async def new_secret(self, name: str, overlap_s: float, who: str) -> str:
        """Draw a new secret, shown this once; for `overlap_s` notices are signed with the old one as well. Raises Refusal."""
        secret, until_us = new_secret(), self._now() + int(overlap_s * 1e6)

        def make() -> Bodies:
            known = self._known(name)[0]
            old = (known.secret, until_us) if overlap_s else ("", 0)
            return {(TARGET, name): replace(known, secret=secret, old_secret=old[0], old_secret_until_us=old[1]).body()}

        audit = Audited(self._now(), who, "replace secret", f"target {name}", {"overlap_s": overlap_s})
        await self._keeper.keep(make, [audit])
        return secret

    async def test(self, name: str, who: str) -> dict[str, Any]:
        """Send a test notice now, once, and return how that ended; one that arrives has what waits tried at once. Raises Refusal."""
        target = self._known(name)[0]
        body = notice(name, Event.TEST, None, self._book.next_number(self._now()), self._now(), 0.0)
        outcome = await self._sender.send(target, body)
        body = tried(body, DELIVERED if outcome.is_delivered else GIVEN_UP, self._now(), outcome.status, outcome.error, 0.0)
        audit = Audited(self._now(), who, "test target", f"target {name}", {"delivered": outcome.is_delivered})
        await self._keeper.keep(lambda: {(NOTICE, body["id"]): body}, [audit])
        if outcome.is_delivered:
            self._outbox.wake(name)
        return delivery(body)

    def deliveries(self) -> list[dict[str, Any]]:
        """Return all notices, newest first, as the log shows them."""
        found = [*self._book.notices(is_waiting=False), *self._book.notices(is_waiting=True)]
        return [delivery(each) for each in sorted(found, key=by_number, reverse=True)]
