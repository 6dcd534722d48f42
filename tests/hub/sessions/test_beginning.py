"""Subscriptions by a tag expression: who joins comes with its history, who leaves goes, and nothing is missing or doubled."""

import random
from pathlib import Path
from typing import Any

import pytest
import trio

from hub.core.records import RangeAnswer
from tests.support.live_hub import SECOND, LiveHub, Screen, Source, live_hub
from tests.support.waiting import until

PACE = "hub.sessions.subscription.SETTLE_EVERY_S"


def shown(screen: Screen) -> dict[str, tuple[int, float]]:
    """Return what the screen has of each device: count and sum."""
    return {device: screen.picture.totals((device, channel)) for device, channel in {*screen.picture.names.values()}}


async def put(hub: LiveHub, source: Source, *values: float) -> None:
    hub.now_us += len(values)
    source.put(*((hub.now_us + at, value) for at, value in enumerate(values)), arrived_us=hub.now_us)
    await source.is_durable()


@pytest.mark.parametrize("width_us", [0, SECOND])
async def test_a_device_that_joins_comes_with_its_history_and_one_that_leaves_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width_us: int
) -> None:
    monkeypatch.setattr(PACE, 0.1)
    async with live_hub(tmp_path) as hub:
        pump, fan = await hub.source("pump"), await hub.source("fan")
        await put(hub, pump, 1.0)
        await put(hub, fan, 10.0, 20.0)
        await hub.is_stored()
        hub.asked.put("pump", {"floor": "2"})
        screen = hub.screen()
        await screen.say(op="subscribe", id="a", where="floor=2", width_us=width_us)
        await until(lambda: shown(screen) == {"pump": (1, 1.0)})
        await put(hub, fan, 30.0)
        hub.asked.put("fan", {"floor": "2"})
        await until(lambda: shown(screen) == {"pump": (1, 1.0), "fan": (3, 60.0)})
        await put(hub, fan, 40.0)
        await put(hub, pump, 2.0)
        await until(lambda: shown(screen) == {"pump": (2, 3.0), "fan": (4, 100.0)})
        hub.asked.put("pump", {"floor": "3"})
        await until(lambda: shown(screen) == {"fan": (4, 100.0)})
        await put(hub, pump, 3.0)
        hub.asked.remove("fan")
        await until(lambda: not shown(screen))
        assert [(each["reason"], each["devices"]) for each in screen.of("snapshot")] == [
            ("new", 1), ("members", 2), ("members", 1), ("members", 0),
        ]  # fmt: skip
        assert not any(series["device"] == "fan" for series in screen.of("snapshot")[0]["series"])
        numbers = [each["n"] for each in screen.messages if "n" in each]
        assert numbers == sorted(set(numbers))  # so that a late `drawn` is never taken for a newer message


async def test_an_expression_that_means_nothing_is_said_and_is_no_error(tmp_path: Path) -> None:
    async with live_hub(tmp_path) as hub:
        screen = hub.screen()
        await screen.say(op="subscribe", id="a", where="floor=9")
        await until(lambda: screen.of("snapshot"))
        (snapshot,) = screen.of("snapshot")
        assert (snapshot["devices"], snapshot["series"], snapshot["data"]) == (0, [], [])
        await screen.say(op="subscribe", id="b", where="floor=")
        await until(lambda: screen.of("error"))
        (error,) = screen.of("error")
        assert (error["code"], error["id"]) == ("bad_where", "b")
        assert "after character 6" in error["message"]


@pytest.mark.parametrize("is_changed", [False, True])
async def test_a_viewer_that_comes_back_goes_on_unless_other_devices_are_meant_by_then(tmp_path: Path, is_changed: bool) -> None:
    async with live_hub(tmp_path) as hub:
        pump, fan = await hub.source("pump"), await hub.source("fan")
        await put(hub, pump, 1.0)
        await put(hub, fan, 10.0)
        await hub.is_stored()
        hub.asked.put("pump", {"floor": "2"})
        first, second = hub.screen(), hub.screen()
        await first.say(op="subscribe", id="a", where="floor=2")
        await until(lambda: shown(first) == {"pump": (1, 1.0)})
        await first.link.aclose()
        if is_changed:
            hub.asked.put("fan", {"floor": "2"})
        await put(hub, pump, 2.0)
        second.picture = first.picture
        second.picture.comes_back()
        await second.say(op="subscribe", id="a", where="floor=2", cursor=first.picture.cursor)
        await until(lambda: shown(second) == {"pump": (2, 3.0)} | ({"fan": (1, 10.0)} if is_changed else {}))
        assert [each["reason"] for each in second.of("snapshot")] == (["members"] if is_changed else [])


async def test_what_was_painted_while_a_node_came_back_is_painted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_hub(tmp_path) as hub:
        pump = await hub.source("pump")
        await put(hub, pump, 1.0)
        await hub.is_stored()
        query, turns = hub.store.query, list[int]()

        async def lacking_at_first(*args: Any) -> RangeAnswer:
            answer = await query(*args)
            turns.append(hub.live.places.turn)
            if len(turns) == 1:
                answer.raw.clear()
                hub.live.places.turn += 1
            return answer

        monkeypatch.setattr(hub.store, "query", lacking_at_first)
        screen = hub.screen()
        await screen.say(op="subscribe", id="a", devices=["*"])
        await until(lambda: shown(screen) == {"pump": (1, 1.0)})
        assert (turns, len(screen.of("snapshot"))) == ([0, 1], 1)


async def test_one_that_grows_over_the_limit_ends_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.stored.MAX_SERIES", 1)
    monkeypatch.setattr(PACE, 0.02)
    async with live_hub(tmp_path) as hub:
        pump, fan = await hub.source("pump"), await hub.source("fan")
        await put(hub, pump, 1.0)
        await put(hub, fan, 10.0)
        await hub.is_stored()
        hub.asked.put("pump", {"floor": "2"})
        screen = hub.screen()
        await screen.say(op="subscribe", id="a", where="floor=2")
        await until(lambda: shown(screen) == {"pump": (1, 1.0)})
        hub.asked.put("fan", {"floor": "2"})
        await until(lambda: screen.of("error"))
        (error,) = screen.of("error")
        assert (error["code"], error["id"]) == ("too_much", "a")
        await until(lambda: not hub.live._owners)
        await put(hub, pump, 2.0)
        await screen.say(op="subscribe", id="b", devices=["pump"])
        await until(lambda: screen.of("snapshot")[-1]["id"] == "b")
        assert not [each for each in screen.of("update") if each["id"] == "a"]


async def test_whatever_joins_and_leaves_the_screen_is_the_truth_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PACE, 0.01)
    chance = random.Random(5)
    async with live_hub(tmp_path) as hub:
        sources = {name: await hub.source(name) for name in ("a", "b", "c", "d")}
        screens = [hub.screen() for _ in range(4)]
        for at, screen in enumerate(screens):
            await screen.say(op="subscribe", id=f"s{at % 2}", where="floor=2", width_us=(0, SECOND)[at % 2])
        for _ in range(60):
            name = chance.choice(list(sources))
            if chance.random() < 0.5:
                await put(hub, sources[name], *(chance.random() for _ in range(chance.randint(1, 3))))
            else:
                hub.asked.put(name, {"floor": chance.choice("23")})
            for _ in range(chance.randint(0, 20)):
                await trio.lowlevel.checkpoint()
        truth = {name: sources[name].totals() for name in hub.asked.select("floor=2") if sources[name].made}

        def is_true(screen: Screen) -> bool:
            found = shown(screen)
            return found.keys() == truth.keys() and all(found[name] == pytest.approx(truth[name]) for name in truth)

        await until(lambda: all(map(is_true, screens)))
