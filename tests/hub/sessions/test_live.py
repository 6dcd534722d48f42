"""What a viewer ends up with is the truth: across splits, lags, reconnects, restarts, late readings. Journal and store are real."""

import itertools
import math
import random
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from devices.link import memory_link_pair
from tests.support.live_hub import SECOND, LiveHub, Screen, Source, live_hub
from tests.support.point_store import PointStore
from tests.support.waiting import until

TEMP = ("pump", "temp")


async def subscribe(screen: Screen, width_us: int = 0, **other: object) -> None:
    before = len(screen.of("snapshot")) + len(screen.of("update")) + len(screen.of("error"))
    await screen.say(**({"op": "subscribe", "id": "a", "devices": ["*"], "width_us": width_us, "span_s": 3_600} | other))
    await until(lambda: len(screen.of("snapshot")) + len(screen.of("update")) + len(screen.of("error")) > before)


async def shows(screen: Screen, *sources: Source, name: tuple[str, str] = TEMP) -> None:
    """Wait until the screen holds what was made, no less and no more."""
    values = [value for source in sources for _, value in source.made]

    def is_shown() -> bool:
        count, total = screen.picture.totals(name)
        return count == len(values) and math.isclose(total, sum(values), rel_tol=1e-9)

    try:
        await until(is_shown)
    except trio.TooSlowError:
        assert screen.picture.totals(name) == (len(values), sum(values))


async def test_a_viewer_is_greeted_with_everything(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        hub.entities.put_device({"device": "pump", "presence": "online"})
        hub.entities.put_system({"credit": "open"})
        screen = hub.screen()
        await until(lambda: screen.of("system"))
        told = ["ready", "devices", "commands", "group_commands", "alerts", "shadows", "dashboards", "system"]
        assert [message["op"] for message in screen.messages] == told
        assert screen.messages[0]["hub"] == "tributary 0"
        hub.entities.put_device({"device": "pump", "presence": "offline"})
        await until(lambda: len(screen.of("devices")) == 2)
        assert screen.of("devices")[1]["items"][0]["presence"] == "offline"


@pytest.mark.parametrize("width_us", [0, SECOND // 10, SECOND, 60 * SECOND])
async def test_history_and_live_join_without_gap_or_overlap(tmp_path: Path, width_us: int) -> None:
    async with live_hub(tmp_path) as hub:
        source = await hub.source()
        for at in range(50):
            source.put((hub.now_us + at * 20_000, float(at)), arrived_us=hub.now_us)
        await source.is_durable()
        await hub.is_stored()
        screens = []
        for at in range(50, 150):
            source.put((hub.now_us + at * 20_000, float(at)), arrived_us=hub.now_us)
            if at % 25 == 0:
                screens.append(hub.screen())
                await subscribe(screens[-1], width_us)
        for screen in screens:
            await shows(screen, source)


@pytest.mark.parametrize("width_us", [0, SECOND])
async def test_a_viewer_that_comes_back_goes_on_from_its_cursor(tmp_path: Path, width_us: int) -> None:
    async with live_hub(tmp_path) as hub:
        source, rest = await hub.source(), random.Random(5)
        screen = hub.screen()
        await subscribe(screen, width_us)
        for _ in range(4):
            put_some(hub, source, rest)
            await shows(screen, source)
            await screen.link.aclose()
            put_some(hub, source, rest)
            await source.is_durable()
            picture, screen = screen.picture, hub.screen()
            screen.picture = picture
            picture.comes_back()
            await subscribe(screen, width_us, cursor=picture.cursor)
            assert not screen.of("snapshot")
        await shows(screen, source)


@pytest.mark.parametrize("width_us", [0, SECOND])
async def test_a_viewer_goes_on_across_a_restart_of_the_hub(tmp_path: Path, width_us: int) -> None:
    async with live_hub(tmp_path) as hub:
        first, rest = await hub.source(), random.Random(7)
        screen = hub.screen()
        await subscribe(screen, width_us)
        put_some(hub, first, rest)
        await shows(screen, first)
        picture = screen.picture
        put_some(hub, first, rest)
        await first.is_durable()
    async with live_hub(tmp_path) as hub:
        hub._epochs += 50
        second = await hub.source()
        put_some(hub, second, rest)
        await second.is_durable()
        screen = hub.screen()
        screen.picture = picture
        picture.comes_back()
        await subscribe(screen, width_us, cursor=picture.cursor)
        put_some(hub, second, rest)
        await shows(screen, first, second)
        assert not screen.of("snapshot")


@pytest.mark.parametrize("cursor", ["other:1", "nonsense", "", "{journal}:999", "{journal}:-1"])
async def test_a_cursor_that_means_nothing_gets_a_snapshot_that_says_so(tmp_path: Path, cursor: str) -> None:
    async with live_hub(tmp_path) as hub:
        source = await hub.source()
        source.put((hub.now_us, 1.0), arrived_us=hub.now_us)
        await source.is_durable()
        screen = hub.screen()
        await subscribe(screen, cursor=cursor.format(journal=hub.journal.id))
        assert screen.picture.reasons == ["cursor_unknown"]
        await shows(screen, source)


@pytest.mark.parametrize("width_us", [0, SECOND])
async def test_a_slow_viewer_keeps_the_spike_and_every_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width_us: int) -> None:
    monkeypatch.setattr("hub.sessions.undrawn.MAX_UNDRAWN_S", 0.1)
    monkeypatch.setattr("hub.sessions.subscription.SLOW_PACE_S", 0.1)
    async with live_hub(tmp_path) as hub:
        source = await hub.source()
        screen = hub.screen()
        await subscribe(screen, width_us)
        screen.is_frozen = True
        for at in range(40):
            readings = [(hub.now_us + at * SECOND + n * 1_000, 1.0) for n in range(100)]
            readings[50] = (readings[50][0], 99.0 if at == 20 else 1.0)
            source.put(*readings, arrived_us=hub.now_us)
            await source.is_durable()
        await shows(screen, source)
        assert screen.picture.extremes(TEMP) == (1.0, 99.0)
        if not width_us:
            assert any(column["w"] for update in screen.of("update") for column in update["data"])


async def test_a_viewer_that_never_reads_costs_a_bounded_amount_and_nobody_else(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source, good = await hub.source(), hub.screen()
        await subscribe(good, SECOND)
        ours, theirs = memory_link_pair(1)
        hub.nursery.start_soon(hub.live.serve, theirs, "json", "admin")
        await ours.send('{"op": "subscribe", "id": "a", "devices": ["*"], "width_us": 0}')
        for at in range(60):
            source.put(*[(hub.now_us + at * SECOND + n * 10_000, float(n)) for n in range(100)], arrived_us=hub.now_us)
            await source.is_durable()
        await shows(good, source)
        assert hub.live.statistics()["waiting_bytes"] < 200_000


async def test_updates_count_for_the_third_hop_to_each_viewer_that_keeps_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.undrawn.MAX_UNDRAWN_S", 0.05)
    async with live_hub(tmp_path) as hub:
        source = await hub.source()
        quick, other, frozen = hub.screen(), hub.screen(), hub.screen()
        frozen.is_frozen = True
        for screen in (quick, other, frozen):
            await subscribe(screen)
        counts = hub.metrics.hops["durable_to_sent"].counts

        async def puts(number: int) -> None:
            source.put((hub.now_us + number, float(number)), arrived_us=hub.now_us)
            await shows(quick, source)

        number = 0
        with trio.fail_after(30):
            while hub.live.statistics()["conflated_viewers"] == 0:  # the one that says nothing has left the others
                number += 1
                await puts(number)
        await shows(other, source)
        before = sum(counts)
        for more in range(10):
            await puts(number + 1 + more)
            await shows(other, source)
        assert 10 <= sum(counts) - before <= 20


async def test_what_a_viewer_has_painted_counts_for_the_fourth_hop(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source, screen = await hub.source(), hub.screen()
        await subscribe(screen)
        source.put((hub.now_us, 1.0), arrived_us=hub.now_us)
        await until(lambda: screen.of("update"))
        update = screen.of("update")[-1]
        hub.now_us += 300_000
        await screen.say(op="drawn", id="a", n=update["n"], sent_us=update["sent_us"], ago_us=100_000)
        histogram = hub.metrics.hops["sent_to_painted"]
        await until(lambda: sum(histogram.counts) == 1)
        assert histogram.sum_s == pytest.approx(0.2)


async def test_late_readings_are_told_once_the_store_shows_them(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source = await hub.source()
        for at in range(200):
            source.put((hub.now_us - at * SECOND, 1.0), arrived_us=hub.now_us)
        await source.is_durable()
        await hub.is_stored()
        screen = hub.screen()
        await subscribe(screen, SECOND)
        late_us = hub.now_us - 190 * SECOND - 1
        source.put((late_us, 5.0), arrived_us=hub.now_us)
        await until(lambda: screen.changed)
        (changed,) = screen.changed
        assert changed["from_us"] <= late_us < changed["to_us"]
        await subscribe(screen, SECOND)
        await shows(screen, source)


async def test_what_is_older_than_the_viewer_shows_is_not_told(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source, screens = await hub.source(), [hub.screen(), hub.screen()]
        for screen, width_us in zip(screens, (0, SECOND), strict=True):
            await subscribe(screen, width_us, span_s=60)
        source.put((hub.now_us - 600 * SECOND, 5.0), arrived_us=hub.now_us)
        await source.is_durable()
        await hub.is_stored()
        source.made.clear()
        source.put((hub.now_us, 1.0), arrived_us=hub.now_us)
        for screen in screens:
            await shows(screen, source)
            assert not screen.changed


async def test_a_series_that_begins_later_joins(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        screen = hub.screen()
        await subscribe(screen, SECOND)
        for name in ("pump", "fan"):
            source = await hub.source(name)
            source.put((hub.now_us, 3.0), arrived_us=hub.now_us)
            await shows(screen, source, name=(name, "temp"))


async def test_who_may_be_shown_wrong_begins_anew_and_hears_why_and_nobody_does_who_was_shown_before(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        source, screen = await hub.source("pump"), hub.screen()
        await subscribe(screen, SECOND, devices=["pump"])
        source.put((hub.now_us, 1.0), arrived_us=hub.now_us)
        await shows(screen, source)
        hub.live.rewound({"fan"}, float("-inf"))
        hub.live.rewound({"pump"}, trio.current_time() + 1.0)
        source.put((hub.now_us + 1, 1.0), arrived_us=hub.now_us)
        await shows(screen, source)
        assert [each["reason"] for each in screen.of("snapshot")] == ["new"]
        for times, devices in enumerate([{"pump", "fan"}, None], 2):
            hub.live.rewound(devices, float("-inf"))
            await until(lambda: len(screen.of("snapshot")) == times)  # noqa: B023
            source.put((hub.now_us + times, 1.0), arrived_us=hub.now_us)
            await shows(screen, source)
        assert [each["reason"] for each in screen.of("snapshot")] == ["new", "nodes", "nodes"]


async def test_only_what_was_asked_for_comes(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        pump, fan = await hub.source("pump"), await hub.source("fan")
        screen = hub.screen()
        await subscribe(screen, devices=["pump"], channels=["temp"])
        fan.put((hub.now_us, 1.0), arrived_us=hub.now_us)
        pump.put((hub.now_us, 2.0), arrived_us=hub.now_us)
        await shows(screen, pump)
        assert set(screen.picture.raw) == {TEMP}


@pytest.mark.parametrize(
    "message",
    [
        {"op": "sing"},
        {"op": "subscribe", "id": "", "devices": ["*"]},
        {"op": "subscribe", "id": "a"},
        {"op": "subscribe", "id": "a", "devices": ["*"], "width_us": 7},
        {"op": "subscribe", "id": "a", "devices": ["*"], "span_s": -1},
        {"op": "drawn", "id": "a", "n": "x"},
    ],
)
async def test_a_bad_request_is_answered_and_the_connection_goes_on(tmp_path: Path, message: dict[str, object]) -> None:
    async with live_hub(tmp_path) as hub:
        screen = hub.screen()
        await screen.say(**message)
        await until(lambda: screen.of("error"))
        assert all(screen.of("error")[0][key] for key in ("code", "message", "hint"))
        await subscribe(screen)
        assert screen.of("snapshot")


@pytest.mark.parametrize(("raw", "code"), [(b"\x80", 1003), ("{", 1007), ("[]", 1007)])
async def test_garbage_ends_the_connection_with_its_code(tmp_path: Path, raw: bytes | str, code: int) -> None:
    async with live_hub(tmp_path) as hub:
        screen = hub.screen()
        await screen.link.send(raw)
        await until(lambda: screen.end)
        assert screen.end is not None
        assert screen.end.code == code


@pytest.mark.parametrize("width_us", [0, SECOND // 10, SECOND, 60 * SECOND])
@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_the_screen_ends_up_with_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, width_us: int
) -> None:
    """Splits, lags, cut connections, late readings, all at random; the bounds are small so that each of them is met."""
    make_bounds_small(monkeypatch)
    async with live_hub(tmp_path) as hub:
        await live_through(hub, random.Random(seed), width_us)


@pytest.mark.parametrize("width_us", [0, SECOND, 60 * SECOND])
@pytest.mark.parametrize("seed", range(2))
async def test_a_store_without_transactions_that_goes_away_ends_up_with_the_truth_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, width_us: int
) -> None:
    """It shows a part of each batch before its cursor moves, or dies in the middle of one, and is away now and then."""
    make_bounds_small(monkeypatch)
    monkeypatch.setattr("hub.followers.MAX_PAUSE_S", 0.02)
    monkeypatch.setattr("hub.sessions.snapshot.MAX_TAIL_ROWS", 200)
    rest = random.Random(seed)
    store = PointStore(joint_back_us=rest.choice([0, SECOND, 100 * SECOND]))
    store.dawdles = lambda: rest.choice([0, 0, 1, 7])
    async with live_hub(tmp_path, store=store) as hub:
        store.joint_us = lambda from_us, to_us: hub.now_us - rest.choice([0, 1, 100]) * SECOND
        with capture_logs():
            await live_through(hub, rest, width_us, store)


def make_bounds_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.mailbox.MAX_BUCKETS", 20)
    monkeypatch.setattr("hub.sessions.mailbox.MAX_BYTES", 1_000)
    monkeypatch.setattr("hub.sessions.undrawn.MAX_UNDRAWN_S", 0.05)
    monkeypatch.setattr("hub.sessions.subscription.SLOW_PACE_S", 0.05)
    monkeypatch.setattr("hub.sessions.updates.CHANGED_EVERY_S", 0.05)
    monkeypatch.setattr("hub.sessions.stored.MAX_POINTS", 400)
    monkeypatch.setattr("hub.core.buckets.MAX_RECENT", 16)


async def live_through(hub: LiveHub, rest: random.Random, width_us: int, store: PointStore | None = None) -> None:
    source, screen = await hub.source(), hub.screen()
    screen.asks_again = True
    await subscribe(screen, width_us)
    for _ in range(40):
        put_some(hub, source, rest)
        match rest.randrange(8 if store is not None else 6):
            case 0:
                screen = await come_back(hub, screen, width_us)
            case 1 if store is None:
                await hub.is_stored()
            case 1 if store is not None:
                await until(lambda: store.down or hub.journal.cursor("history").applied == hub.journal.position)
            case 2:
                screen.is_frozen = not screen.is_frozen
            case 3:
                source.put((hub.now_us - rest.randrange(600) * SECOND, rest.random()), arrived_us=hub.now_us)
            case 4:
                await source.is_durable()
            case 6 if store is not None:
                store.down = None if store.down else "it is away"
            case 7 if store is not None and store.down is None:
                store.dies_after = rest.randrange(20)
    if store is not None:
        store.down = store.dies_after = None
    screen.is_frozen = False
    await shows(screen, source)


@pytest.mark.parametrize("width_us", [0, SECOND])
async def test_of_many_that_ask_for_the_same_each_ends_up_with_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width_us: int
) -> None:
    """Links that are often busy, lags, cut connections, late readings, all at random."""
    monkeypatch.setattr("hub.sessions.mailbox.MAX_BYTES", 2_000)
    monkeypatch.setattr("hub.sessions.undrawn.MAX_UNDRAWN_S", 0.05)
    monkeypatch.setattr("hub.sessions.subscription.SLOW_PACE_S", 0.05)
    monkeypatch.setattr("hub.sessions.subscription.FIRST_REST_S", 0.001)
    monkeypatch.setattr("hub.sessions.updates.CHANGED_EVERY_S", 0.05)
    monkeypatch.setattr("hub.sessions.updates.PART_POINTS", 10)
    rest = random.Random(2)
    async with live_hub(tmp_path) as hub:
        source = await hub.source()
        screens = [hub.screen(buffer) for buffer in (1, 2, 4, 1_000, 1_000)]
        for screen in screens:
            screen.asks_again = True
            await subscribe(screen, width_us)
        for _ in range(60):
            put_some(hub, source, rest)
            at = rest.randrange(len(screens))
            match rest.randrange(6):
                case 0 if at > 2:
                    screens[at] = await come_back(hub, screens[at], width_us)
                case 1:
                    await hub.is_stored()
                case 2:
                    screens[at].is_frozen = not screens[at].is_frozen
                case 3:
                    source.put((hub.now_us - rest.randrange(600) * SECOND, rest.random()), arrived_us=hub.now_us)
                case _:
                    await source.is_durable()
        for screen in screens:
            screen.is_frozen = False
        for screen in screens:
            await shows(screen, source)


async def come_back(hub: LiveHub, screen: Screen, width_us: int) -> Screen:
    """Cut a viewer's connection, and go on from its cursor on another one."""
    await screen.link.aclose()
    await until(lambda: screen.end)
    again = hub.screen()
    again.is_frozen, again.asks_again, again.picture = screen.is_frozen, True, screen.picture
    screen.picture.comes_back()
    # Who was told that something changed and had no whole snapshot since has to begin anew.
    told = [message["op"] for message in screen.messages if message["op"] in ("changed", "snapshot") and not message.get("more")]
    await subscribe(again, width_us, cursor=None if told[-1:] == ["changed"] else screen.picture.cursor)
    return again


async def test_far_behind_the_store_a_hole_is_shown_and_filled_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.snapshot.MAX_TAIL_ROWS", 10)
    async with live_hub(tmp_path, has_writer=False) as hub:
        source = await hub.source()
        for at in range(30):
            source.put((hub.now_us + at, 1.0), arrived_us=hub.now_us + at)
        await source.is_durable()
        screen = hub.screen()
        await subscribe(screen)
        (snapshot,) = screen.of("snapshot")
        assert snapshot["hole"] == [hub.now_us, hub.now_us + 20]
        assert screen.picture.totals(TEMP)[0] == 10
        await hub.writer.apply(await hub.journal.read(0))
        await until(lambda: screen.changed)
        await subscribe(screen)
        await shows(screen, source)


def put_some(hub: LiveHub, source: Source, rest: random.Random) -> None:
    """Submit some frames, a few of them late."""
    for _ in range(rest.randrange(1, 30)):
        hub.now_us += rest.randrange(400_000)
        t_us = hub.now_us - (rest.randrange(5 * SECOND) if rest.random() < 0.2 else 0)
        source.put(*[(t_us + n, rest.random()) for n in range(rest.randrange(1, 4))], arrived_us=hub.now_us)


@pytest.mark.parametrize(("kept_from_us", "is_told"), [(None, False), (-(10**15), False), (-60_000_000, True)])
async def test_what_the_store_has_given_up_of_a_span_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_from_us: int | None, is_told: bool
) -> None:
    async with live_hub(tmp_path) as hub:
        query = hub.store.query

        async def with_less(*args: Any) -> Any:
            answer = await query(*args)
            answer.kept_from_us = None if kept_from_us is None else hub.now_us + kept_from_us
            return answer

        monkeypatch.setattr(hub.store, "query", with_less)
        screen = hub.screen()
        await subscribe(screen)
        (snapshot,) = screen.of("snapshot")
        assert snapshot.get("kept_from_us") == (hub.now_us + (kept_from_us or 0) if is_told else None)


async def test_a_hub_that_sheds_load_updates_viewers_less_often_and_loses_nothing(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        turns_s: list[float] = []

        def rest_s() -> float:
            turns_s.append(trio.current_time())
            return 0.2

        hub.live.least_rest_s = rest_s
        source, screen = await hub.source(), hub.screen()
        await subscribe(screen)
        for at in range(30):
            source.put((hub.now_us + at, float(at)), arrived_us=hub.now_us)
            await source.is_durable()
        await shows(screen, source)
        assert len(turns_s) >= 2
        assert all(later - earlier >= 0.2 for earlier, later in itertools.pairwise(turns_s))
