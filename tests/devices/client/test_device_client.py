"""A device keeps what was sent until the hub has it, over cuts, restarts and refusals."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import Channel, Device, DeviceRefused, Kind, Reject
from devices.client import Unreachable
from devices.link import Link
from devices.wire.limits import CloseCode
from devices.wire.messages import Command, Credit, Data, Frame, Window
from tests.support.little_hub import HELD, OPEN, TIME_US, LittleHub, little_hub

CHANNELS = [Channel("temp", "Cel"), Channel("on", kind=Kind.STATE)]


def device_of(hub: LittleHub, **options: Any) -> Device:
    merged: dict[str, Any] = {"rng": random.Random(1), "now": lambda: TIME_US, "connect": hub.connect, "channels": CHANNELS} | options
    return Device("memory", "d1", "token", **merged)


async def test_what_is_sent_arrives_and_is_acked(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub, device_of(hub, firmware="f 1", interval_s=2.0) as device:
        await device.send({"temp": 21.5, "on": True}, time_us=TIME_US)
        await device.send_many([(TIME_US + at, {"temp": at}) for at in range(3)])
        await device.log("warning", "hot")
        await device.drained(10)
        assert hub.values() == [21.5, True, 0, 1, 2]
        assert [(line.level, line.text) for line in hub.logs()] == [("warning", "hot")]
        statistics = device.statistics()
        assert (statistics.spooled_frames, statistics.acked_frames, statistics.unacked_frames) == (3, 3, 0)
        assert (statistics.in_flight_frames, statistics.connects, statistics.is_connected) == (0, 1, True)
        (hello,) = hub.hellos
        assert (hello.device, hello.firmware, hello.interval_s, hello.channels) == ("d1", "f 1", 2.0, tuple(CHANNELS))


async def test_each_connection_opens_an_epoch_and_new_readings_overtake_old_ones(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.down = Unreachable("down")
        async with device_of(hub) as device:
            for number in range(500):
                await device.send({"temp": number})
            hub.down = None
            await hub.until(lambda: hub.hellos)
            await device.send({"temp": -1})
            await device.drained(60)
        hello = hub.hellos[0]
        assert [entry.last for entry in hello.unfinished] == [500]
        assert hello.epoch != hello.unfinished[0].epoch
        assert hub.values().index(-1) < 100
        assert sorted(hub.values()) == list(range(-1, 500))


async def test_reconnects_are_spread_by_full_jitter_up_to_a_minute(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.down = Unreachable("down")
        async with device_of(hub) as device:
            await trio.sleep(3_600)
            assert device.statistics().last_error == "down"
        waits = [after - before for before, after in zip(hub.connected_s, hub.connected_s[1:], strict=False)]
        assert all(wait <= min(60, 2**attempt) for attempt, wait in enumerate(waits))
        assert max(waits) > 45
        assert 20 < sum(waits[6:]) / len(waits[6:]) < 40


async def test_the_retry_hint_of_a_busy_hub_is_obeyed(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.down = Unreachable("busy", 30.0)
        async with device_of(hub):
            await trio.sleep(32)
        assert len(hub.connected_s) == 2
        assert 30 <= hub.connected_s[1] <= 31


async def test_a_bye_says_when_to_come_back(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.hints = {CloseCode.RESTART: (7.0, 3.0)}
        async with device_of(hub) as device:
            await hub.until(lambda: hub.hellos)
            assert hub.current is not None
            left_s = trio.current_time()
            await hub.current.end(CloseCode.RESTART, "stopping")
            await hub.until(lambda: len(hub.hellos) == 2)
            assert 7 <= trio.current_time() - left_s <= 10
            await trio.testing.wait_all_tasks_blocked()
            assert device.statistics().connects == 2


async def until_ended(hub: LittleHub, code: CloseCode) -> None:
    await hub.until(lambda: hub.hellos)
    assert hub.current is not None
    await hub.current.end(code, "no such thing")
    await trio.sleep_forever()


@pytest.mark.parametrize(("code", "hint"), [(4500, "correct"), (4501, "token that was made for"), (4502, "new token"), (4503, "update")])
async def test_a_device_that_only_a_person_can_help_is_refused(code: int, hint: str, autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        with pytest.raises(DeviceRefused, match=f"{code}.*no such thing.*{hint}") as refusal:
            async with device_of(hub):
                await until_ended(hub, CloseCode(code))
        assert refusal.value.code == code


async def test_a_refusal_at_the_door_ends_the_block(autojump_clock: trio.testing.MockClock) -> None:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Any]:
        await trio.lowlevel.checkpoint()
        raise DeviceRefused(401, "unknown token", "make a new one")
        yield

    with pytest.raises(DeviceRefused, match=r"401.*unknown token; make a new one"):
        async with Device("memory", "d1", "token", channels=CHANNELS, connect=connect):
            await trio.sleep_forever()


async def test_an_error_of_the_block_comes_out_of_it_as_it_is(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        with pytest.raises(KeyError, match="mine"):
            async with device_of(hub):
                raise KeyError("mine")


async def test_an_epoch_that_was_used_is_drawn_again_at_once(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.hints = {CloseCode.EPOCH_USED: (5.0, 5.0)}
        first = random.Random(1).randint(1, 2**63 - 1)
        hub.marks = {first: 3}
        async with device_of(hub) as device:
            began_s = trio.current_time()
            await hub.until(lambda: hub.hellos)
            await device.send({"temp": 1})
            await device.drained(10)
            assert trio.current_time() - began_s < 1
            assert hub.values() == [1]
            assert [hello.epoch == first for hello in hub.hellos] == [True, False]


async def test_a_frame_the_hub_stumbles_over_twice_is_declared_lost(autojump_clock: trio.testing.MockClock) -> None:
    def is_poison(frame: Frame) -> bool:
        return isinstance(frame, Data) and 3 in frame.values

    async with little_hub() as hub:
        hub.is_unreadable = is_poison
        async with device_of(hub) as device:
            for number in range(6):
                await device.send({"temp": number})
            await device.drained(60)
            assert sorted(hub.values()) == [0, 1, 2, 4, 5]
            assert [(gap.readings, gap.reason) for gap in hub.gaps()] == [(1, "bad_frame")]
            assert len(hub.hellos) == 3
            assert device.statistics().gaps == 1


async def test_a_jump_that_a_hole_in_the_spool_makes_is_declared_a_gap(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.down = Unreachable("down")
        async with device_of(hub) as device:
            for number in range(6):
                await device.send({"temp": number})
            spool = device._existing_spool()
            spool._shelf._tables._db.execute("DELETE FROM frames WHERE (key & 255) = 3")  # as a damaged file may
            spool._shelf._tail.clear()
            hub.down = None
            await hub.until(lambda: len(hub.gaps()) == 1)
            assert sorted(hub.values()) == [0, 1, 3, 4, 5]


async def test_credit_is_never_exceeded_and_none_means_hold(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.credit = HELD
        async with device_of(hub) as device:
            for number in range(300):
                await device.send({"temp": number})
            await trio.sleep(30)
            assert hub.frames == []
            assert device.statistics().in_flight_frames == 0
            await hub.set_credit(OPEN)
            await device.drained(60)
            assert len(hub.hellos) == 1  # the hub's own arithmetic closes on anything above the window
            assert sorted(hub.values()) == list(range(300))


async def test_a_full_spool_drops_the_oldest_and_says_how_many(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.down = Unreachable("down")
        async with device_of(hub, spool_max_bytes=20_000) as device:
            for number in range(1_000):
                await device.send({"temp": number})
            hub.down = None
            await device.drained(200)
            lost = sum(gap.readings for gap in hub.gaps())
            assert {gap.reason for gap in hub.gaps()} == {"spool_full"}
            assert sorted(hub.values()) == list(range(lost, 1_000))
            assert (device.statistics().dropped_readings, device.statistics().gaps) == (lost, 1)


class CuttableLink:
    """A link whose cable can be pulled: what is said goes nowhere, and nothing comes, not even an end."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.remote = link.remote
        self.is_pulled = False

    async def send(self, message: bytes | str) -> None:
        if self.is_pulled:
            await trio.lowlevel.checkpoint()
        else:
            await self._link.send(message)

    async def receive(self) -> bytes | str:
        message = await self._link.receive()
        if self.is_pulled:
            await trio.sleep_forever()
        return message

    async def ping(self) -> None:
        if self.is_pulled:
            await trio.sleep_forever()
        await self._link.ping()

    async def aclose(self, code: int = 1000, reason: str = "") -> None:
        await self._link.aclose(code, reason)


async def test_a_pulled_cable_is_noticed_within_three_heartbeats_and_nothing_is_lost(autojump_clock: trio.testing.MockClock) -> None:
    links: list[CuttableLink] = []
    async with little_hub() as hub:

        @asynccontextmanager
        async def connect() -> AsyncIterator[Link]:
            async with hub.connect() as link:
                links.append(CuttableLink(link))
                yield links[-1]

        async with device_of(hub, connect=connect) as device:
            await device.send({"temp": 1})
            await device.drained(10)
            links[0].is_pulled = True
            pulled_s = trio.current_time()
            for number in range(2, 200):
                await device.send({"temp": number})
            await hub.until(lambda: len(hub.hellos) == 2)
            assert 20 < trio.current_time() - pulled_s < 62
            assert device.statistics().last_error == "4001 nothing heard for 40 s"
            await device.drained(10)
            assert sorted(hub.values()) == list(range(1, 200))


async def test_a_quiet_connection_lives_on_its_pings(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub, device_of(hub) as device:
        await trio.sleep(600)
        assert device.statistics().connects == 1


async def test_rejected_readings_are_told_and_not_sent_again(autojump_clock: trio.testing.MockClock) -> None:
    told: list[Reject] = []
    async with little_hub() as hub:
        hub.reject = lambda frame: Reject(frame.epoch, frame.seq, "readings", "one", ((0, "future"),))
        async with device_of(hub, on_reject=told.append) as device:
            await device.send({"temp": 1})
            await device.drained(10)
            await trio.testing.wait_all_tasks_blocked()
            assert [reject.readings for reject in told] == [((0, "future"),)]
            assert device.statistics().rejected == 1


async def test_drained_gives_up_after_its_timeout_and_keeps_what_is_left(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.credit = HELD
        async with device_of(hub) as device:
            await device.send({"temp": 1})
            with pytest.raises(trio.TooSlowError):
                await device.drained(5)
            assert device.statistics().unacked_frames == 1


async def test_from_sixteen_unfinished_epochs_on_the_newest_goes_on(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        hub.credit = HELD
        async with device_of(hub) as device:
            for number in range(30):
                await hub.until(lambda: hub.hellos)
                await device.send({"temp": number})
                hub.hellos.clear()
                await hub.cut()
            await hub.until(lambda: hub.hellos)
            hello = hub.hellos[-1]
            assert len(hello.unfinished) == 16
            assert hello.epoch == hello.unfinished[-1].epoch
            await hub.set_credit(OPEN)
            await device.drained(60)
            assert sorted(hub.values()) == list(range(30))


async def test_more_epochs_than_a_hello_can_list_are_given_up_by_a_gap(tmp_path: Path) -> None:
    async with little_hub() as hub:
        hub.down = Unreachable("down")
        for number in range(70):  # so many boots without a hub
            async with device_of(hub, spool_dir=tmp_path, rng=random.Random(number)) as device:
                await device.send({"temp": number})
        hub.down = None
        async with device_of(hub, spool_dir=tmp_path, rng=random.Random(70)) as device:
            await device.send({"temp": 70})
            await device.drained(20)
        given_up = [gap for gap in hub.gaps() if gap.of is not None]
        assert len(hub.hellos[0].unfinished) == 64
        assert {gap.reason for gap in given_up} == {"too_many_epochs"}
        assert sorted(hub.values()) == list(range(len(given_up), 71))


async def test_a_command_runs_and_its_value_comes_back(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        device = device_of(hub)

        @device.command("double", description="twice", args={"number": {"type": "integer"}})
        async def double(number: int) -> int:
            await device.progress(0.5)
            return 2 * number

        async with device:
            await hub.until(lambda: hub.hellos)
            await hub.say(Command("c1", "double", {"number": 21}, 60.0, TIME_US))
            await hub.until(lambda: "done" in hub.outcomes("c1"))
            assert hub.outcomes("c1") == ["accepted", "running", "done"]
            assert hub.result("c1").value == 42
            assert hub.hellos[0].commands[0].name == "double"


async def test_a_command_that_runs_is_named_at_each_connection(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub:
        device, go_on = device_of(hub), trio.Event()

        @device.command("wait")
        async def wait() -> None:
            await go_on.wait()

        async with device:
            await hub.until(lambda: hub.hellos)
            await hub.say(Command("c1", "wait", {}, 60.0, TIME_US))
            await hub.until(lambda: hub.outcomes("c1") == ["accepted"])
            await device.drained(60)
            await hub.cut()
            await hub.until(lambda: len(hub.hellos) == 2)
            await hub.cut()
            await hub.until(lambda: len(hub.hellos) == 3)
            assert [[(each.id, each.state) for each in hello.results] for hello in hub.hellos[1:]] == [[("c1", "accepted")]] * 2
            go_on.set()
            await hub.until(lambda: "done" in hub.outcomes("c1"))
            await device.drained(60)
            await hub.cut()
            await hub.until(lambda: len(hub.hellos) == 4)
            assert hub.hellos[3].results == ()


async def test_a_new_interval_is_told_at_the_next_connection(autojump_clock: trio.testing.MockClock) -> None:
    async with little_hub() as hub, device_of(hub) as device:
        await hub.until(lambda: hub.hellos)
        device.interval_s = 30.0
        await hub.cut()
        await hub.until(lambda: len(hub.hellos) == 2)
        assert [hello.interval_s for hello in hub.hellos] == [1.0, 30.0]


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ([Channel("a"), Channel("a")], "occur twice: a"),
        ([Channel("")], "name must be 1 to 64 bytes"),
        ([Channel("x" * 60, "u" * 60)] * 0, None),
    ],
)
async def test_what_the_hub_would_refuse_is_refused_here(channels: list[Channel], message: str | None) -> None:
    async with little_hub() as hub:
        if message is None:
            async with device_of(hub, channels=channels):
                return
        with pytest.raises(ValueError, match=message):
            async with device_of(hub, channels=channels):
                pass


async def test_sending_before_entering_says_what_to_do() -> None:
    async with little_hub() as hub:
        with pytest.raises(RuntimeError, match="async with"):
            await device_of(hub).send({"temp": 1})


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:8080"):
        Device("localhost:8080", "d1", "token", channels=CHANNELS)


async def _send_all(device: Device, numbers: range, rng: random.Random) -> None:
    for number in numbers:
        await device.send({"temp": number})
        if rng.random() < 0.3:
            await trio.sleep(rng.uniform(0, 0.4))


async def _trouble(hub: LittleHub, rng: random.Random) -> None:
    while True:
        await trio.sleep(rng.uniform(0, 3))
        what = rng.randrange(6)
        if what == 0:
            hub.down = None if hub.down else Unreachable("down", rng.choice([None, 1.0]))
        elif what == 1:
            await hub.set_credit(rng.choice([OPEN, HELD, Credit(Window(1, 100), Window(1, 1)), Credit(Window(5, 900), Window(0, 0))]))
        elif what == 2 and hub.current is not None:
            await hub.current.end(rng.choice([CloseCode.RESTART, CloseCode.HUB_FAILING]), "trouble")
        else:
            await hub.cut()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_reading_arrives_exactly_once_whatever_happens_to_the_connection(seed: int) -> None:
    rng = random.Random(seed)

    async def main() -> None:
        async with little_hub() as hub, device_of(hub, rng=rng) as device:
            hub.commit_s = rng.choice([0.001, 0.05, 2.0])
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_trouble, hub, rng)
                await _send_all(device, range(300), rng)
                nursery.cancel_scope.cancel()
            hub.down, hub.commit_s = None, 0.05
            await hub.set_credit(OPEN)
            await device.drained(1_000)
            assert sorted(hub.values()) == list(range(300))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_reading_arrives_exactly_once_over_restarts_of_the_device(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    rng, folder = random.Random(seed), tmp_path_factory.mktemp("spool")

    async def main() -> None:
        async with little_hub() as hub:
            for start in range(0, 200, 40):
                async with device_of(hub, rng=rng, spool_dir=folder) as device, trio.open_nursery() as nursery:
                    nursery.start_soon(_trouble, hub, rng)
                    await _send_all(device, range(start, start + 40), rng)
                    nursery.cancel_scope.cancel()
            hub.down, hub.credit = None, OPEN
            async with device_of(hub, rng=rng, spool_dir=folder) as device:
                await device.drained()
            assert sorted(hub.values()) == list(range(200))

    # The spool works in threads, for which virtual time does not wait: it gets some ms before a jump.
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.002))


async def test_a_much_longer_interval_is_told_at_once_and_a_shorter_one_at_the_next_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with little_hub() as hub, device_of(hub, interval_s=1.0) as device:
        await device.send({"temp": 1})
        await device.drained(10)
        await device.send({"temp": 2})
        device.interval_s = 60.0
        await hub.until(lambda: len(hub.hellos) == 2, 10)
        assert hub.hellos[1].interval_s == 60.0
        await device.drained(10)
        await trio.testing.wait_all_tasks_blocked()
        device.interval_s = 0.5
        await trio.sleep(60)
        assert len(hub.hellos) == 2
        assert hub.values() == [1, 2]
