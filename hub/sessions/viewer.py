"""One viewer's connection: everything there is on entering, then updates at the pace the viewer draws them.

Owns the order of messages on one socket (docs/protocol.md part B): one task reads, one sends. What waits is in mailboxes that merge;
entities wait as the newest of each. Made by live.py for each connection that the door let in.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import trio

from devices.link import Link, LinkClosed
from devices.wire import limits
from devices.wire.limits import CloseCode
from hub.core.entities import Entities
from hub.core.errors import Refusal
from hub.core.lines import Lines
from hub.core.selector import Request, read_id, read_subscribe
from hub.ports import StoreUnavailable
from hub.sessions.cursors import JournalRange, resume_after
from hub.sessions.encoding import ViewerEnd, decoded, encoded, first_end
from hub.sessions.snapshot import Painter
from hub.sessions.subscription import Message, Subscription

MAX_SUBSCRIPTIONS: Final = 64
MAX_REQUESTS: Final = 128  # that wait to be answered; a viewer that asks faster waits to be read
_PLURALS: Final = {"device": "devices", "command": "commands"}


class Feed(Protocol):
    """The live part of the hub, as a viewer's connection sees it."""

    position: int
    stored: int
    hub_name: str
    lines: Lines
    entities: Entities
    painter: Painter

    @property
    def journal(self) -> JournalRange:
        """The journal: its id, first and last position."""

    def now(self) -> int:
        """Return the wall clock in µs."""

    def register(self, subscription: Subscription, viewer: "ViewerConnection") -> None:
        """Feed a subscription from now on."""

    def unregister(self, subscription: Subscription) -> None:
        """Feed it no more."""


class ViewerConnection:
    """A viewer on one link."""

    def __init__(self, link: Link, encoding: str, role: str, feed: Feed) -> None:
        self._link = link
        self._is_json = encoding == "json"
        self._role = role
        self._feed = feed
        self._subscriptions: dict[str, Subscription] = {}
        self._requests: deque[Request] = deque()
        self._errors: deque[Message] = deque(maxlen=MAX_REQUESTS)
        self._entities: dict[tuple[str, str], Mapping[str, Any]] = {}  # the newest of each that is not sent yet
        self._has_room = trio.Event()
        self._wake = trio.Event()

    def wake(self) -> None:
        """Look for something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Serve the viewer until it leaves or breaks a rule, or the hub stops (Cancelled: 1012)."""
        end: tuple[int, str] = (CloseCode.RESTART, "the hub is stopping")
        unwatch = self._feed.entities.watch(self._entity_changed)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send_loop)
                await self._read_loop()
        except* LinkClosed:
            end = (CloseCode.NORMAL, "")
        except* ViewerEnd as group:
            end = first_end(group)
        finally:
            unwatch()
            for subscription in self._subscriptions.values():
                self._feed.unregister(subscription)
            with trio.CancelScope(deadline=trio.current_time() + limits.CLOSE_TIMEOUT_S, shield=True):
                await self._link.aclose(*end)

    def _entity_changed(self, what: str, item: Mapping[str, Any]) -> None:
        self._entities[what, str(item.get("device" if what == "device" else "id", ""))] = item
        self._wake.set()

    async def _read_loop(self) -> None:
        while True:
            message = decoded(await self._link.receive(), is_json=self._is_json)
            try:
                self._take(message)
            except Refusal as refusal:
                self._refuse(message, refusal)
            while len(self._requests) >= MAX_REQUESTS:
                self._has_room = trio.Event()
                await self._has_room.wait()

    def _take(self, message: Mapping[str, Any]) -> None:
        match message.get("op"):
            case "subscribe":
                request = read_subscribe(message)
                others = self._subscriptions.keys() | {waiting.id for waiting in self._requests}
                if request.id not in others and len(others) >= MAX_SUBSCRIPTIONS:
                    raise Refusal("too_many", f"{MAX_SUBSCRIPTIONS} subscriptions are open, which is the limit", "end one first")
                self._requests.append(request)
            case "unsubscribe":
                self._end_subscription(read_id(message))
            case "drawn":
                self._drawn(message)
            case op:
                raise Refusal("unknown_op", f"op {str(op)[:40]!r} is not known", "send subscribe, unsubscribe or drawn")
        self._wake.set()

    def _drawn(self, message: Mapping[str, Any]) -> None:
        n = message.get("n")
        if type(n) is not int:
            raise Refusal("bad_request", "`n` must be the number of an update", "send the `n` of the last update drawn")
        subscription = self._subscriptions.get(read_id(message))
        if subscription is not None:
            subscription.drawn(n)

    def _end_subscription(self, name: str) -> None:
        self._requests = deque(waiting for waiting in self._requests if waiting.id != name)
        subscription = self._subscriptions.pop(name, None)
        if subscription is not None:
            self._feed.unregister(subscription)

    def _refuse(self, message: Mapping[str, Any], refusal: Refusal) -> None:
        said = {"op": "error", "code": refusal.code, "message": refusal.message, "hint": refusal.hint}
        self._errors.append(said | ({"id": message["id"]} if isinstance(message.get("id"), str) else {}))
        self._wake.set()

    async def _send_loop(self) -> None:
        await self._greet()
        while True:
            self._wake = trio.Event()
            await self._send_entities()
            while self._requests:
                await self._subscribe(self._requests.popleft())
                self._has_room.set()
            next_s = await self._send_updates()
            with trio.CancelScope(deadline=next_s):
                await self._wake.wait()

    async def _greet(self) -> None:
        feed = self._feed
        name, _, version = feed.hub_name.partition(" ")
        ready = {"op": "ready", "time_us": feed.now(), "hub": {"name": name, "version": version}, "journal": feed.journal.id}
        await self._send({**ready, "role": self._role})
        # What changes while this is being sent comes again with a higher version.
        await self._send({"op": "devices", "items": feed.entities.devices()})
        await self._send({"op": "commands", "items": feed.entities.commands()})
        await self._send({"op": "system", **feed.entities.system()})

    async def _send_entities(self) -> None:
        while self._errors:
            await self._send(self._errors.popleft())
        waiting, self._entities = self._entities, {}
        for what, op in _PLURALS.items():
            items = [item for (kind, _), item in waiting.items() if kind == what]
            if items:
                await self._send({"op": op, "items": items})
        for (kind, _), item in waiting.items():
            if kind == "system":
                await self._send({"op": "system", **item})

    async def _subscribe(self, request: Request, reason: str = "new") -> None:
        """Replace a subscription: going on from its cursor where that is possible, else by a snapshot that says why."""
        picture = after = None
        try:
            if request.cursor is not None:
                after = resume_after(self._feed.journal, request.cursor)
                reason = "cursor_unknown" if after is None else "too_far"
                picture = await self._feed.painter.resumed(request, after) if after is not None else None
            is_resumed = picture is not None
            picture = picture or await self._feed.painter.whole(request)
        except Refusal as refusal:
            self._refuse({"id": request.id}, refusal)
            return
        except StoreUnavailable as error:
            self._refuse(
                {"id": request.id}, Refusal("store_unavailable", f"the history cannot be read now: {error}", "subscribe again soon")
            )
            return
        old = self._subscriptions.pop(request.id, None)
        subscription = Subscription(request, picture, self._feed.lines, self._feed.journal.id)
        self._feed.register(subscription, self)  # in the same step as the picture's end: nothing between is missed or doubled
        self._subscriptions[request.id] = subscription
        if old is not None:
            self._feed.unregister(old)
        messages = subscription.resumed(picture, after or 0) if is_resumed else subscription.snapshot(picture, reason)
        await self._send_of(subscription, messages)

    async def _send_updates(self) -> float:
        """Send what is due; return when the next is."""
        next_s = float("inf")
        for subscription in list(self._subscriptions.values()):
            if subscription.mailbox.is_overrun:
                if subscription.is_slow(trio.current_time()):
                    next_s = min(next_s, trio.current_time() + 1.0)
                else:
                    await self._subscribe(replace(subscription.request, cursor=None), "too_far")
                continue
            await self._send_of(subscription, subscription.changed(self._feed.stored))
            now_s = trio.current_time()
            if subscription.due_s(now_s) <= now_s:
                await self._send_of(subscription, subscription.update(self._feed.position, now_s, self._feed.now()))
            next_s = min(next_s, subscription.due_s(trio.current_time()))
        return next_s

    async def _send_of(self, subscription: Subscription, messages: Iterable[Message]) -> None:
        for message in messages:
            size_bytes = await self._send(message)
            subscription.sent(message, size_bytes, trio.current_time())

    async def _send(self, message: Mapping[str, Any]) -> int:
        raw = encoded(message, is_json=self._is_json)
        with trio.move_on_after(limits.SEND_TIMEOUT_S) as scope:
            await self._link.send(raw)
        if scope.cancelled_caught:
            raise ViewerEnd(CloseCode.SLOW_VIEWER, f"nothing could be written for {limits.SEND_TIMEOUT_S:g} s")
        return len(raw)
