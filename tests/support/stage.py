"""A room full of viewers without a hub: groups, lines and mailboxes, fed batch by batch on a clock of one's own.

Owns the truth, links that can refuse, and a screen for each viewer that obeys docs/protocol.md; no I/O. For tests of hub/sessions/group.py.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from devices.link import Prepared
from devices.wire.messages import Kind
from hub.core.fanout import Fanout
from hub.core.lines import Lines
from hub.core.records import Columns, Series
from hub.core.selector import Request, Selector
from hub.metrics import Metrics
from hub.sessions.batch import Batch
from hub.sessions.group import Group, Moment
from hub.sessions.groups import Groups
from hub.sessions.picture import Picture
from hub.sessions.subscription import Owner, Subscription
from hub.sessions.updates import Updates, Wish
from tests.support.picture import ViewerPicture

SECOND = 1_000_000
SERIES = [Series("pump", name, "", Kind.GAUGE) for name in ("temp", "hum")]
Reading = tuple[int, int, float]  # which series, t_us, value


class Seat:
    """A viewer with one subscription; `room` says how many messages its link takes without waiting."""

    def __init__(self, stage: "Stage", *, name: str = "a", alone: bool = False, draws: bool = True) -> None:
        self.screen = ViewerPicture()
        self.room = 1_000_000
        self.draws = draws
        self.messages: list[dict[str, Any]] = []
        self._stage = stage
        self._alone = alone
        self._name = name
        self.subscription: Subscription
        self.subscribe("new")

    def wake(self) -> None:
        """Do nothing: the stage asks everybody."""

    def subscribe(self, reason: str) -> None:
        """Begin anew with a snapshot of the truth."""
        stage, picture = self._stage, self._stage.picture()
        wish = Wish(Selector(None, None), 10_000 * SECOND, picture.width_us)
        updates = Updates(wish, picture, stage.lines, lambda position: {"journal": position}, 0, stage.groups.numbering(wish))
        if self.messages:
            self.leave()
            self._send_backlog()
        request = Request(self._name, wish.selector, wish.span_us, wish.width_us, None)
        self.subscription = Subscription(request, updates, self.wake, self.try_send, is_json=True)
        stage.register(updates, self.subscription)
        self._send(updates.snapshot(picture, reason))

    def leave(self) -> None:
        """End the subscription."""
        self._stage.groups.leave(self.subscription)
        if self.subscription.updates is not None:
            self._stage.unregister(self.subscription.updates)

    def try_send(self, prepared: Prepared) -> bool:
        """Take a message where there is room."""
        if self.room <= 0:
            return False
        self.room -= 1
        self._draw(json.loads(prepared.message))
        return True

    def turn(self) -> None:
        """Do what a viewer's own task does: send what is due, however long it takes."""
        if self.room <= 0:
            return  # it waits for the link
        stage, subscription = self._stage, self.subscription
        while subscription.updates is not None and subscription.due_s(stage.now_s, stage.stored) <= stage.now_s:
            stage.groups.leave(subscription)
            if subscription.updates.mailbox.is_overrun:
                self.subscribe("too_far")
                return
            self._send_backlog()
            self._send(subscription.due(stage.position, stage.now_s, 0, stage.stored))
        if any(message["op"] == "changed" for message in self.messages):
            self.messages = [message for message in self.messages if message["op"] != "changed"]
            self.subscribe("new")

    def _send_backlog(self) -> None:
        while self.subscription.backlog:
            self._draw(json.loads(self.subscription.backlog.popleft().message))

    def _send(self, messages: Any) -> None:
        for message in messages:
            self._draw({**message, "id": self._name})
            self.subscription.sent(message, 200 * len(message.get("data", [])), self._stage.now_s)
            if self.draws and "n" in message:
                self.subscription.drawn(message["n"])
        if not self._alone:
            self._stage.groups.join(self.subscription, self._stage.now_s)

    def _draw(self, message: dict[str, Any]) -> None:
        assert message["id"] == self._name
        self.messages.append(message)
        if message["op"] != "changed":
            self.screen.apply(message)
            if self.draws and hasattr(self, "subscription"):
                self.subscription.drawn(message["n"])


class Stage:
    """Everybody who watches, and what there is to see."""

    def __init__(self, width_us: int) -> None:
        self.width_us = width_us
        self.lines = Lines()
        self.truth: dict[Series, dict[int, float]] = {}
        self.position = self.stored = 0
        self.now_s = 0.0
        self.seats: list[Seat] = []
        self.owners: dict[Updates, Owner] = {}
        self.hops = Metrics()
        self.groups = Groups(self, lambda: None)
        self._fanout: Fanout[Updates] = Fanout()
        self._batch: Batch | None = None  # which those who are alone have not got yet

    def seat(self, *, name: str = "a", alone: bool = False, draws: bool = True) -> Seat:
        """Let a viewer in."""
        self.seats.append(Seat(self, name=name, alone=alone, draws=draws))
        return self.seats[-1]

    def picture(self) -> Picture:
        """Return the truth as a snapshot."""
        self.settle_others()
        picture = Picture(0, 0, self.position, {series: dict(points) for series, points in self.truth.items()})
        if self.width_us:
            picture.widen(self.width_us)
        picture.floors_us = dict.fromkeys(self.truth, 0)
        return picture

    def register(self, updates: Updates, owner: Owner) -> None:
        """Feed a mailbox from now on."""
        self._fanout.add(updates, updates.wish.selector)
        self.owners[updates] = owner

    def unregister(self, updates: Updates) -> None:
        """Feed it no more."""
        if self.owners.pop(updates, None) is not None:
            self._fanout.remove(updates)
            updates.leave()

    def put(self, *readings: Reading) -> None:
        """Commit a batch of readings."""
        self.position += 1
        index = np.array([at for at, _, _ in readings], np.int32)
        keys = [t_us * 1_000 + (self.position * 37 + at) % 1_000 for at, (_, t_us, _) in enumerate(readings)]
        columns = Columns(SERIES, index, np.array(keys, np.int64), np.array([value for _, _, value in readings], np.float64))
        for (at, _, value), key in zip(readings, keys, strict=True):
            self.truth.setdefault(SERIES[at], {})[key] = value
        self.settle_others()
        self._batch = Batch(columns, 1, self.position, self._fanout, self.lines)
        self._wake(self._batch.put(lambda updates: isinstance(self.owners[updates], Group)))

    def settle_others(self) -> None:
        """Feed those who are alone, as live.py does: after the groups are served, or as soon as anything else may run."""
        if self._batch is not None:
            batch, self._batch = self._batch, None
            self._wake(batch.put(lambda updates: not isinstance(self.owners[updates], Group)))

    def _wake(self, fed: Iterable[Updates]) -> None:
        for updates in fed:
            self.owners[updates].wake()

    async def turn(self, seconds: float = 0.0, *, is_stored: bool = True) -> None:
        """Let time go by, then let the groups and everybody's own task send what is due."""
        self.now_s += seconds
        if is_stored:
            self.stored = self.position
            for owner in [owner for updates, owner in self.owners.items() if updates.mailbox.late]:
                owner.wake()
        await self.groups.turn(Moment(self.position, self.now_s, 0, self.stored, self.settle_others))
        self.settle_others()
        for seat in self.seats:
            seat.turn()

    async def settle(self) -> None:
        """Let everybody read and draw, until all is told."""
        for seat in self.seats:
            seat.room, seat.draws = 1_000_000, True
            seat.subscription.drawn(seat.screen.last_n)
        for _ in range(5):
            await self.turn(100)

    def check(self, seat: Seat) -> None:
        """Compare a screen with the truth."""
        for series, points in self.truth.items():
            name, values = (series.device, series.channel), list(points.values())
            count, total = seat.screen.totals(name)
            assert count == len(values)
            assert abs(total - sum(values)) < 1e-6
            assert seat.screen.extremes(name) == (min(values), max(values))
