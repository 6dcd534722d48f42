"""One viewer's connection: everything there is on entering, then updates at the pace the viewer draws them.

Owns the order of messages on one socket (docs/protocol.md part B): one task reads, one sends. What waits is in mailboxes that merge;
entities wait as the newest of each. Made by live.py for each connection that the door let in.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import trio

from devices.link import LinkClosed, ServerLink
from devices.wire import limits
from devices.wire.limits import CloseCode
from hub.core.actions import check_live
from hub.core.errors import Refusal
from hub.core.reach import Reach
from hub.core.selector import Request, is_id, read_id, read_subscribe
from hub.sessions.beginning import begun
from hub.sessions.columns import Message
from hub.sessions.drawn import count_painted, read_drawn
from hub.sessions.encoding import ViewerEnd, decoded, first_end
from hub.sessions.feed import Feed
from hub.sessions.greeting import EntityMail
from hub.sessions.in_reach import InReach
from hub.sessions.outlet import Outlet
from hub.sessions.picture import Picture
from hub.sessions.subscription import Subscription
from hub.sessions.updates import Updates, Wish

MAX_SUBSCRIPTIONS: Final = 64
MAX_ERRORS: Final = 64  # that wait; the oldest are forgotten


class ViewerConnection:
    """A viewer on one link."""

    def __init__(self, link: ServerLink, encoding: str, role: str, feed: Feed, reach: Reach | None = None) -> None:
        self._link = link
        self._outlet = Outlet(link, is_json=encoding == "json")
        self._is_json = encoding == "json"
        self._role, self._reach, self._feed = role, reach, feed  # no reach: its login is for the whole hub
        self._subscriptions: dict[str, Subscription] = {}
        self._requests: dict[str, Request] = {}  # by id, the newest of each; at most MAX_SUBSCRIPTIONS
        self._building: str | None = None  # the id of the one that is being answered
        self._errors: deque[Message] = deque(maxlen=MAX_ERRORS)
        self._entities = EntityMail(self.wake, link.try_send, is_json=self._is_json, in_reach=InReach.of(reach, feed.entities))
        self._wake = trio.Event()

    @property
    def subscriptions(self) -> int:
        """How many subscriptions are open."""
        return len(self._subscriptions)

    def is_conflated(self, now_s: float) -> bool:
        """Tell whether the viewer is slow, so that it gets merged buckets."""
        return any(subscription.undrawn.is_slow(now_s) for subscription in self._subscriptions.values())

    def figures(self, now_s: float) -> dict[str, int | bool]:
        """Return what is on its way to it."""
        updates = [each.updates for each in self._subscriptions.values() if each.updates is not None]
        waiting_bytes = sum(each.mailbox.waiting_bytes for each in updates)
        return {"subscriptions": len(self._subscriptions), "waiting_bytes": waiting_bytes, "is_conflated": self.is_conflated(now_s)}

    def wake(self) -> None:
        """Look for something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Serve the viewer until it leaves or breaks a rule, or the hub stops (Cancelled: 1012)."""
        end: tuple[int, str] = (CloseCode.INTERNAL, "the hub failed")
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._send_loop)
                nursery.start_soon(self._outlet.hurry_at_the_end)
                await self._read_loop()
        except* LinkClosed:
            end = (CloseCode.NORMAL, "")
        except* ViewerEnd as group:
            end = first_end(group)
        finally:
            self._link.hand_to(None)
            self._feed.news.remove(self._entities)
            for subscription in self._subscriptions.values():
                self._leave(subscription)
            if trio.current_effective_deadline() == float("-inf"):  # we are being cancelled
                end = (CloseCode.RESTART, "the hub is stopping")
            with trio.CancelScope(deadline=trio.current_time() + limits.CLOSE_TIMEOUT_S, shield=True):
                await self._link.aclose(*end)

    async def _read_loop(self) -> None:
        self._link.hand_to(self._heard)
        while True:
            self._heard(await self._link.receive())

    def _heard(self, raw: bytes | str) -> None:
        message = decoded(raw, is_json=self._is_json)
        try:
            self._take(message)
        except Refusal as refusal:
            self._refuse(message.get("id"), refusal)

    def _take(self, message: Mapping[str, Any]) -> None:
        check_live(self._role, op := message.get("op"))
        match op:
            case "subscribe":
                request = (self._reach.request if self._reach is not None else read_subscribe)(message, self._feed.members)
                others = {*self._subscriptions, *self._requests, *filter(None, [self._building])}
                if request.id not in others and len(others) >= MAX_SUBSCRIPTIONS:
                    raise Refusal("too_many", f"{MAX_SUBSCRIPTIONS} subscriptions are open, which is the limit", "end one first")
                self._requests[request.id] = request
            case "unsubscribe":
                self._end_subscription(read_id(message))
            case "drawn":
                self._drawn(message)
                return
        self._wake.set()

    def _drawn(self, message: Mapping[str, Any]) -> None:
        drawn = read_drawn(message)
        subscription = self._subscriptions.get(drawn.id)
        if subscription is not None:
            subscription.drawn(drawn.n)
            if drawn.sent_us is not None:
                count_painted(drawn, self._feed.hops, self._feed.now(), self._feed.round_trip_s(self._link))
            if subscription.updates is not None:
                self._wake.set()  # it may be slow no more

    def _end_subscription(self, name: str) -> None:
        self._requests.pop(name, None)
        if self._building == name:
            self._building = None
        subscription = self._subscriptions.pop(name, None)
        if subscription is not None:
            self._leave(subscription)

    def _leave(self, subscription: Subscription) -> None:
        subscription.unwatch()
        self._feed.groups.leave(subscription)
        if subscription.updates is not None:
            self._feed.unregister(subscription.updates)

    def _refuse(self, name: object, refusal: Refusal) -> None:
        said = {"op": "error", "code": refusal.code, "message": refusal.message, "hint": refusal.hint}
        self._errors.append(said | ({"id": name} if is_id(name) else {}))
        self._wake.set()

    async def _send_loop(self) -> None:
        await self._greet()
        while True:
            self._wake = trio.Event()
            while self._errors:
                await self._outlet.send(self._errors.popleft())
            for message in self._entities.take():
                await self._outlet.send(message)
            while self._requests:
                await self._subscribe(self._requests.pop(next(iter(self._requests))))
            next_s = await self._send_updates()
            with trio.CancelScope(deadline=next_s):
                await self._wake.wait()

    async def _greet(self) -> None:
        feed = self._feed
        ready = {"op": "ready", "time_us": feed.now(), "hub": feed.hub_name, "journal": feed.journal.id}
        await self._outlet.send({**ready, "role": self._role})
        feed.news.add(self._entities)
        for message in self._entities.greeting(feed.entities):
            await self._outlet.send(message)
        self._entities.greeted()

    async def _subscribe(self, request: Request, reason: str = "new") -> None:
        """Replace a subscription: going on from its cursor where that is possible, else by a snapshot that says why.

        One that is refused leaves the one before it, but where that can go on no more: then the viewer hears that it has ended.
        """
        self._building, request, is_new = request.id, request.settled(), reason == "new"
        try:
            picture, reason = await begun(self._feed, request, reason)
        except Refusal as refusal:
            self._refuse(request.id, refusal)
            if not is_new:
                self._end_subscription(request.id)
            return
        finally:
            is_wanted, self._building = self._building is not None, None
        if not is_wanted:  # it was ended meanwhile
            return
        updates = self._replace(request, picture, is_whole=bool(reason))
        subscription = self._subscriptions[request.id]
        await self._send_backlog(subscription)
        if reason:
            await self._send_of(subscription, updates.snapshot(picture, reason))
        else:
            await self._send_of(subscription, updates.resumed(picture, request.cursor or "", self._feed.now()))

    def _replace(self, request: Request, picture: Picture, *, is_whole: bool) -> Updates:
        """Begin a subscription, in the same step as the picture's end: nothing between is missed or doubled."""
        feed = self._feed
        wish = Wish(request.selector, request.span_us, picture.width_us)
        from_us = picture.from_us if is_whole else feed.now() - request.span_us
        updates = Updates(wish, picture, feed.lines, feed.places.marks_at, from_us, feed.groups.numbering(wish))
        old = self._subscriptions.pop(request.id, None)
        if old is not None:
            updates.follow_on(feed.groups.updates_of(old))
            self._leave(old)
        subscription = Subscription(request, updates, self.wake, self._link.try_send, is_json=self._is_json, now_s=trio.current_time())
        feed.register(updates, subscription)
        if old is not None:
            subscription.backlog = old.backlog  # a message of which the viewer has the first parts is ended first
        self._subscriptions[request.id] = subscription
        return updates

    async def _send_updates(self) -> float:
        """Send what is due to subscriptions that are served alone; return when the next is."""
        next_s = float("inf")
        for subscription in list(self._subscriptions.values()):
            feed, now_s = self._feed, trio.current_time()
            if self._subscriptions.get(subscription.request.id) is not subscription:
                continue  # it ended while another was served
            settle_s = subscription.settle_s(now_s)
            if settle_s <= now_s:
                await self._subscribe(replace(subscription.request, cursor=None), "members")
                next_s = now_s
                continue
            next_s = min(next_s, settle_s)
            if subscription.updates is None or subscription.due_s(now_s, feed.stored) > now_s:
                next_s = min(next_s, subscription.due_s(now_s, feed.stored))
                continue
            feed.groups.leave(subscription)
            if subscription.updates.mailbox.is_overrun:
                await self._subscribe(replace(subscription.request, cursor=None), subscription.updates.anew)
            else:
                await self._send_backlog(subscription)
                await self._send_of(subscription, subscription.due(feed.position, trio.current_time(), feed.now(), feed.stored))
            next_s = now_s
        return next_s

    async def _send_backlog(self, subscription: Subscription) -> None:
        while subscription.backlog:
            await self._outlet.send_raw(subscription.backlog[0].message)
            subscription.backlog.popleft()

    async def _send_of(self, subscription: Subscription, messages: Iterable[Message]) -> None:
        for message in messages:
            size_bytes = await self._outlet.send({**message, "id": subscription.request.id})
            subscription.sent(message, size_bytes, trio.current_time())
        if self._subscriptions.get(subscription.request.id) is subscription:  # it was not ended meanwhile
            self._feed.groups.join(subscription, trio.current_time())
