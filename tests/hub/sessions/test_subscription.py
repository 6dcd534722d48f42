"""Tests of hub/sessions/subscription.py, with the mailbox and the lines behind it and the viewer's rules before it; no clock, no I/O."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.fanout import Fanout
from hub.core.lines import Lines
from hub.core.members import Asked
from hub.core.records import Columns, Series
from hub.core.selector import Request, Selector
from hub.sessions import mailbox as mailbox_module
from hub.sessions.batch import Batch
from hub.sessions.numbering import Numbering
from hub.sessions.picture import Picture
from hub.sessions.subscription import HELD_PACE_S, Subscription
from hub.sessions.undrawn import SWAMPED_BYTES
from hub.sessions.updates import CHANGED_EVERY_S, Updates, Wish
from tests.support.picture import ViewerPicture

SECOND = 1_000_000
ALL = Selector(None, None)
SERIES = [Series("pump", name, "", Kind.GAUGE) for name in ("temp", "hum")]
Reading = tuple[int, int, float]  # which series, t_us, value


def columns_of(readings: list[Reading], first_ns: int = 0) -> Columns:
    """Return readings as a batch; each gets a point key of its own."""
    index = np.array([at for at, _, _ in readings], np.int32)
    t_ns = np.array([t_us * 1_000 + (first_ns + at) % 1_000 for at, (_, t_us, _) in enumerate(readings)], np.int64)
    return Columns(SERIES, index, t_ns, np.array([value for _, _, value in readings], np.float64))


def updates_of(picture: Picture, lines: Lines, span_us: int = 10_000 * SECOND) -> Updates:
    """Return the updates that follow on a picture."""
    return Updates(Wish(ALL, span_us, picture.width_us), picture, lines, lambda position: {"journal": position}, 0, Numbering())


class Stage:
    """One subscription, everything it is fed, and its viewer's screen."""

    def __init__(self, width_us: int, span_s: int = 10_000) -> None:
        self.request = Request("a", ALL, span_s * SECOND, width_us, None)
        self.lines = Lines()
        self.fanout: Fanout[Updates] = Fanout()
        self.screen = ViewerPicture()
        self.truth: dict[Series, dict[int, float]] = {}
        self.position = 0
        self.now_s = 0.0
        self.last_n = 0
        self.sizes: list[int] = []
        self.subscription: Subscription
        self.updates: Updates
        self.subscribe("new")

    def subscribe(self, reason: str) -> None:
        """Begin anew with a snapshot of the truth."""
        picture = Picture(0, 0, self.position, {series: dict(points) for series, points in self.truth.items()})
        if self.request.width_us:
            picture.widen(self.request.width_us)
        picture.floors_us = dict.fromkeys(self.truth, 0)
        updates = updates_of(picture, self.lines, self.request.span_us)
        if len(self.fanout):
            self.fanout.remove(self.updates)
            self.updates.leave()
        self.updates = updates
        self.subscription = Subscription(self.request, updates, lambda: None, lambda _: False, is_json=True)
        self.fanout.add(updates, ALL)
        self.show(updates.snapshot(picture, reason))

    def put(self, readings: list[Reading]) -> None:
        """Commit a batch."""
        self.position += 1
        columns = columns_of(readings, self.position * 37)
        for at, t_ns, value in zip(columns.index.tolist(), columns.t_ns.tolist(), columns.num.tolist(), strict=True):
            self.truth.setdefault(SERIES[at], {})[t_ns] = value
        Batch(columns, 1, self.position, self.fanout, self.lines).put()

    def show(self, messages: Any) -> None:
        """Send messages to the screen."""
        asks_again = False
        for message in messages:
            self.subscription.sent(message, 200 * len(message.get("data", [])), self.now_s)
            asks_again = asks_again or message["op"] == "changed"
            if message["op"] != "changed":
                self.screen.apply(message)
                self.last_n = message["n"]
                self.sizes.append(sum(len(column["t"]) for column in message["data"]))
        if asks_again:
            self.subscribe("new")

    def pass_time(self, seconds: float, *, draws: bool, stored: int | None = None) -> None:
        """Let time go by and send what is due."""
        self.now_s += seconds
        if draws:
            self.subscription.undrawn.drawn(self.last_n)
        at = self.position if stored is None else stored
        if self.subscription.due_s(self.now_s, at) <= self.now_s:
            if self.updates.mailbox.is_overrun:
                self.subscribe("too_far")
            else:
                self.show(self.subscription.due(self.position, self.now_s, 0, at))

    def settle(self) -> None:
        """Send everything."""
        for _ in range(4):
            self.pass_time(CHANGED_EVERY_S + 60, draws=True)

    def check(self) -> None:
        """Compare the screen with the truth."""
        for series, points in self.truth.items():
            if points:
                count, total = self.screen.totals((series.device, series.channel))
                assert count == len(points)
                assert total == pytest.approx(sum(points.values()))
                values = list(points.values())
                assert self.screen.extremes((series.device, series.channel)) == (min(values), max(values))


BATCHES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 400), st.sampled_from([1.0, 2.0, -5.0, 99.0])), min_size=1, max_size=12)
STEPS = st.lists(st.tuples(st.integers(0, 9), BATCHES, st.sampled_from([0.01, 0.3, 3.0]), st.booleans(), st.booleans()), max_size=25)


@pytest.mark.parametrize("width_us", [0, SECOND // 10, SECOND])
@pytest.mark.parametrize(("max_buckets", "max_bytes"), [(1_000, 1 << 16), (6, 200)])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_screen_ends_up_with_the_truth_whatever_is_slow_or_late(
    monkeypatch: pytest.MonkeyPatch, steps: list[Any], max_buckets: int, max_bytes: int, width_us: int
) -> None:
    monkeypatch.setattr(mailbox_module, "MAX_BUCKETS", max_buckets)
    monkeypatch.setattr(mailbox_module, "_BUCKETS_OF_SERIES", 1)
    monkeypatch.setattr(mailbox_module, "MAX_BYTES", max_bytes)
    monkeypatch.setattr("hub.core.buckets.MAX_RECENT", 8)
    stage, base_us = Stage(width_us), 1_000 * SECOND
    for leap, batch, seconds, draws, is_stored in steps:
        base_us += leap * SECOND // 2
        stage.put([(at, base_us + back * SECOND // 20 - 10 * SECOND, value) for at, back, value in batch])
        stage.pass_time(seconds, draws=draws, stored=None if is_stored else 0)
    stage.settle()
    stage.check()


def test_raw_points_are_sent_as_they_are_while_the_viewer_keeps_up() -> None:
    stage = Stage(0)
    for at in range(20):
        stage.put([(0, at * 1_000, float(at))])
        stage.pass_time(0.1, draws=True)
    assert stage.screen.raw["pump", "temp"].keys() == stage.truth[SERIES[0]].keys()


def test_slow_viewer_keeps_the_spike() -> None:
    stage = Stage(0)
    for at in range(500):
        stage.put([(0, at * 10_000, 1_000.0 if at == 333 else 1.0)])
        stage.pass_time(0.01, draws=False)
    stage.settle()
    assert stage.screen.buckets["pump", "temp"]
    stage.check()


def test_viewer_that_says_nothing_gets_the_slow_pace() -> None:
    stage = Stage(0)
    for at in range(1_000):
        stage.put([(0, at * 10_000, 1.0)])
        stage.pass_time(0.01, draws=False)
    assert 4 <= len(stage.sizes) - len([size for size in stage.sizes if size <= 6]) <= 8  # one each 2 s once 2 s have gone by
    stage.settle()
    stage.check()


def test_viewer_with_far_too_much_before_it_is_left_alone_until_it_draws() -> None:
    stage = Stage(0)
    stage.put([(0, 0, 1.0)])
    stage.pass_time(1, draws=True)
    stage.subscription.undrawn.drawn(stage.last_n)
    stage.subscription.undrawn.sent(1_000, 10 << 20, stage.now_s)
    stage.put([(0, 1, 1.0)])
    sent = len(stage.sizes)
    stage.pass_time(20, draws=False)
    assert len(stage.sizes) == sent
    stage.subscription.undrawn.drawn(1_000)
    stage.pass_time(0, draws=False)
    assert len(stage.sizes) == sent + 1


def test_late_stretches_are_told_together_and_not_more_often_than_they_can_be_asked_for() -> None:
    stage = Stage(SECOND)
    told: list[Mapping[str, Any]] = []
    for at in range(100):
        stage.updates.mailbox.add_late(SERIES[at % 2], at * SECOND, (at + 1) * SECOND, at)
        told += [message for message in stage.subscription.due(0, at * 0.1, 0, at) if message["op"] == "changed"]
    assert [(message["from_us"] // SECOND, message["to_us"] // SECOND) for message in told] == [(0, 1), (1, 51)]


def test_cursor_says_how_wide_the_buckets_are_that_the_viewer_holds() -> None:
    stage = Stage(0)
    stage.put([(0, 1, 1.0)])
    stage.pass_time(1, draws=True)
    assert (stage.screen.cursor or "").endswith(":1:0")
    stage.subscription.undrawn.sent(9, 100 << 10, stage.now_s)
    stage.put([(0, 2, 1.0)])
    stage.pass_time(10, draws=False)
    assert (stage.screen.cursor or "").endswith(f":2:{SECOND // 10}")


def test_cursor_stays_below_what_is_late_until_it_was_told() -> None:
    stage = Stage(SECOND)
    stage.put([(0, 100 * SECOND, 1.0)])
    stage.pass_time(1, draws=True, stored=0)
    stage.updates.mailbox.add_late(SERIES[0], 0, SECOND, 2)
    for _ in range(2):
        stage.put([(0, 100 * SECOND, 1.0)])
        stage.pass_time(1, draws=True, stored=0)
        assert (stage.screen.cursor or "").startswith("journal:1:")
    stage.pass_time(1, draws=True, stored=3)
    assert (stage.screen.cursor or "").startswith("journal:3:")


def test_series_are_named_once_and_before_their_data() -> None:
    stage = Stage(SECOND)
    seen: list[int] = []
    for at in (1, 0, 1, 0):
        stage.put([(at, at * SECOND, 1.0)])
        stage.now_s += 1
        for message in stage.subscription.due(stage.position, stage.now_s, 0, 0):
            seen += [series["s"] for series in message["series"]]
    assert seen == [0, 1]


def test_leaving_gives_every_line_back() -> None:
    stage = Stage(0)
    stage.put([(0, 1, 1.0), (1, 1, 1.0)])
    assert len(stage.lines) == 2
    stage.updates.leave()
    assert len(stage.lines) == 0


def test_devices_that_come_and_go_all_the_time_are_told_every_two_seconds_and_to_a_slow_viewer_more_seldom() -> None:
    stage, asked, woken = Stage(0), Asked(), list[int]()
    request = replace(stage.request, members=asked.members("floor=2")).settled()
    subscription = Subscription(request, stage.updates, lambda: woken.append(1), lambda _: True, is_json=True, now_s=10.0)
    assert subscription.settle_s(11.0) == float("inf")
    asked.put("pump", {"floor": "2"})
    assert (len(woken), subscription.settle_s(11.0)) == (1, 12.0)
    subscription.drawn(0)
    subscription.undrawn.sent(1, SWAMPED_BYTES + 1, 11.0)
    assert subscription.settle_s(11.0) == 10.0 + HELD_PACE_S
    asked.remove("pump")
    assert (len(woken), subscription.settle_s(11.0)) == (2, float("inf"))
    subscription.unwatch()
    asked.put("pump", {"floor": "2"})
    assert len(woken) == 2
