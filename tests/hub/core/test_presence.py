"""How devices are, by the time in which the hub ran and heard them; no loss is seen too early, none later than the docs say."""

from dataclasses import replace

import pytest

from devices.wire.limits import CloseCode
from devices.wire.messages import Channel, Hello
from hub.core.presence import FLAPPING_S, FLAPPING_TIMES, LOOK_S, RETURN_S, Presence, Pulse

HELLO = Hello("pump", 7, (Channel("temp", "Cel"),), interval_s=10.0)
NOW_US = 1_700_000_000_000_000


class Watched:
    """Presence of one device, looked at twice a second."""

    def __init__(self) -> None:
        self.presence = Presence()
        self.pulse = Pulse()
        self.news: list[str] = []

    def came(self, hello: Hello = HELLO) -> None:
        self.pulse = Pulse()
        self.presence.came(hello, self.pulse, NOW_US)

    def says_something(self) -> None:
        self.pulse.frames += 1
        self.pulse.heard_s, self.pulse.heard_us = self.presence.lived.now_s, NOW_US + int(self.presence.lived.now_s * 1e6)

    def passes(self, seconds: float, *, may_hear: bool = True, may_send: bool = True) -> None:
        for _ in range(round(seconds / LOOK_S)):
            if self.presence.look(LOOK_S, may_hear=may_hear, may_send=may_send):
                self.news.append(self.presence.of("pump"))

    @property
    def state(self) -> str:
        return self.presence.of("pump")


def test_silence_of_two_intervals_is_seen_within_half_a_second_and_over_with_the_next_frame() -> None:
    watched = Watched()
    watched.came()
    watched.passes(9.5)
    watched.says_something()
    watched.passes(20)
    assert watched.state == "online"
    watched.passes(LOOK_S)
    assert watched.state == "silent"
    assert watched.presence.is_connected("pump")
    watched.passes(100)
    watched.says_something()
    watched.passes(LOOK_S)
    assert watched.news == ["silent", "online"]
    watched.passes(20.5)
    assert watched.news == ["silent", "online", "silent"]


def test_a_fast_device_has_five_seconds_and_one_without_an_interval_is_never_silent() -> None:
    watched = Watched()
    watched.came(replace(HELLO, interval_s=0.1))
    watched.passes(5)
    assert watched.state == "online"
    watched.passes(LOOK_S)
    assert watched.state == "silent"
    watched.came(replace(HELLO, interval_s=None))
    watched.passes(3_600)
    assert watched.state == "online"


def test_a_device_that_reports_is_never_silent() -> None:
    watched = Watched()
    watched.came()
    for _ in range(20):
        watched.passes(19.5)
        watched.says_something()
    assert watched.news == []


@pytest.mark.parametrize("stopped_s", [5.0, 3_600.0])
def test_a_hub_that_was_stopped_judges_nobody_before_it_has_read_what_waits(stopped_s: float) -> None:
    watched = Watched()
    watched.came(replace(HELLO, interval_s=0.5))
    watched.passes(4)
    assert watched.presence.look(stopped_s) == []
    assert watched.presence.look(stopped_s) == []  # again: it was due now
    watched.says_something()  # read before the next look
    watched.passes(4.5)
    assert watched.news == []
    watched.passes(1)
    assert watched.news == ["silent"]


def test_nobody_is_silent_while_nothing_is_read_or_nothing_may_be_sent_and_each_has_its_time_after_that() -> None:
    for held in ({"may_hear": False}, {"may_send": False}):
        watched = Watched()
        watched.came()
        watched.passes(10)
        watched.passes(3_600, **held)
        assert watched.news == []
        watched.passes(9.5)
        assert watched.news == []
        watched.passes(11)
        assert watched.news == ["silent"]


def test_a_device_whose_frames_wait_for_an_ack_is_not_silent() -> None:
    watched = Watched()
    is_held = True
    watched.pulse = Pulse(lambda: is_held)
    watched.presence.came(HELLO, watched.pulse, NOW_US)
    watched.passes(3_600)
    is_held = False
    watched.passes(19)
    assert watched.news == []
    watched.passes(2)
    assert watched.news == ["silent"]


def test_a_closed_connection_is_offline_at_once_and_was_heard_of_until_then() -> None:
    watched = Watched()
    watched.came()
    watched.says_something()
    watched.passes(3)
    assert watched.presence.left("pump", CloseCode.NORMAL, NOW_US + 3_000_000) == NOW_US + 3_000_000
    assert watched.state == "offline"
    assert "connected_us" not in watched.presence.item("pump")


def test_of_a_device_that_answered_no_ping_the_last_frame_counts() -> None:
    watched = Watched()
    watched.came()
    watched.passes(3)
    watched.says_something()
    watched.passes(60)
    assert watched.presence.left("pump", CloseCode.HEARTBEAT_LOST, NOW_US + 63_000_000) == NOW_US + 3_000_000


@pytest.mark.parametrize("code", [CloseCode.NORMAL, CloseCode.HEARTBEAT_LOST])
def test_a_declared_sleeper_is_missed_only_after_its_plan_and_grace(code: CloseCode) -> None:
    watched = Watched()
    watched.came(replace(HELLO, sleep_s=600.0))
    watched.presence.left("pump", code, NOW_US)
    assert watched.state == "sleeping"
    assert watched.presence.item("pump")["expected_us"] == NOW_US + 600_000_000
    watched.passes(660)
    assert watched.state == "sleeping"
    watched.passes(LOOK_S)
    assert watched.news == ["offline"]
    assert "expected_us" not in watched.presence.item("pump")


def test_a_sleeper_that_was_cut_off_by_the_hub_does_not_sleep() -> None:
    watched = Watched()
    watched.came(replace(HELLO, sleep_s=600.0))
    watched.presence.left("pump", CloseCode.REVOKED, NOW_US)
    assert watched.state == "offline"


def test_the_end_of_the_hub_is_no_loss_of_a_device() -> None:
    watched = Watched()
    watched.came()
    watched.presence.left("pump", CloseCode.RESTART, NOW_US)
    assert watched.state == "unconfirmed"


def test_after_a_start_each_device_has_the_time_to_come_back_and_its_own_interval_and_delays_no_other() -> None:
    presence = Presence()
    for name, description in (
        ("quick", {"interval_s": 1.0}),
        ("slow", {"interval_s": 600.0}),
        ("sleeper", {"sleep_s": 100.0}),
        ("old", {}),
    ):
        presence.was_seen(name, description)
    gone_s: dict[str, float] = {}
    for _ in range(2_000):
        gone_s |= dict.fromkeys(presence.look(LOOK_S), presence.lived.now_s)
    assert gone_s == {"quick": RETURN_S + 1, "slow": RETURN_S + 600, "sleeper": RETURN_S + 135, "old": RETURN_S}


def test_who_comes_back_in_time_was_never_missed() -> None:
    watched = Watched()
    watched.presence.was_seen("pump", {"interval_s": 10.0})
    watched.passes(60)
    watched.came()
    watched.passes(19)
    assert watched.news == []


def test_a_removed_device_leaves_nothing_behind_that_time_would_find() -> None:
    for is_silent in (False, True):
        watched = Watched()
        watched.came()
        watched.passes(30 if is_silent else 1)
        watched.presence.forget("pump")
        watched.says_something()
        watched.news.clear()
        watched.passes(3_600)
        assert watched.news == []
        assert watched.presence.is_connected("pump")  # its connection is on its way out
        watched.presence.left("pump", CloseCode.RESTART, NOW_US)


def test_a_device_that_comes_five_times_in_five_minutes_flaps_until_it_no_longer_does() -> None:
    watched = Watched()
    for _ in range(FLAPPING_TIMES):
        assert not watched.presence.is_flapping("pump")
        watched.came()
        watched.presence.left("pump", CloseCode.NORMAL, NOW_US)
        watched.passes(60)
    assert watched.presence.item("pump")["flapping"] is True
    watched.news.clear()
    watched.passes(FLAPPING_S - 300 + 1)
    assert watched.news == ["offline"]  # told anew, as it flaps no more
    assert "flapping" not in watched.presence.item("pump")


def test_a_device_that_comes_every_two_minutes_does_not_flap() -> None:
    watched = Watched()
    for _ in range(20):
        watched.came()
        watched.presence.left("pump", CloseCode.NORMAL, NOW_US)
        watched.passes(120)
    assert not watched.presence.is_flapping("pump")


def test_a_device_that_was_waited_for_and_comes_without_an_interval_is_never_silent() -> None:
    watched = Watched()
    watched.presence.was_seen("pump", {"interval_s": 10.0})
    assert watched.state == "unconfirmed"
    watched.came(replace(HELLO, interval_s=None))
    watched.passes(3_600)
    assert watched.news == []
