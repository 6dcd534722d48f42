"""Looking back over a real store: what is found, what bounds hold, and that what could not be looked at is said."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from devices.wire.messages import Kind
from hub.core.errors import Refusal
from hub.core.records import Cursor, Series
from hub.rules import Preview, preview
from hub.store.duckdb import DuckDBStore
from tests.support.readings import columns_of

SECOND = 1_000_000
DAY = 86_400 * SECOND
NOW_US = 1_700_000_000 * SECOND
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
FAR = Series("pump", "temp", "[degF]", Kind.GAUGE)
SAYS = Series("fan", "says", "", Kind.TEXT)
ABOVE = {"kind": "above", "channels": ["temp"], "limit": 10}


class Fleet:
    """Two devices, one of them tagged, and the hub's own."""

    own = "tributary:hub"

    def select(self, where: str) -> list[str]:
        return ["pump"]

    def names(self) -> list[str]:
        return ["fan", "pump", self.own]


class Stays:
    """A device that was away for ten minutes."""

    async def page(self, device: str, before_us: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        if device == "fan":
            return [], None
        return [{"came_us": NOW_US - 600 * SECOND}, {"came_us": NOW_US - DAY, "left_us": NOW_US - 1_200 * SECOND}], None


@asynccontextmanager
async def looking(directory: Path, said: Sequence[tuple[Series, int, Any]]) -> AsyncIterator[Preview]:
    """Store readings (series, s before now, value), and look back."""
    store = DuckDBStore(directory / "history.duckdb")
    await store.start()
    try:
        readings = [(series, (NOW_US - int(ago_s * SECOND)) * 1_000, value) for series, ago_s, value in said]
        if readings:
            await store.append(columns_of(readings), Cursor("j", 1))
        yield Preview(store, Fleet(), Stays(), lambda: NOW_US)
    finally:
        await store.aclose()


def every_second(values: Sequence[Any], series: Series = TEMP) -> list[tuple[Series, int, Any]]:
    return [(series, len(values) - at, value) for at, value in enumerate(values)]


async def test_it_says_how_often_when_and_of_what(tmp_path: Path) -> None:
    async with looking(tmp_path, every_second([0, 20, 20, 0, 30, 0]) + every_second([0, 1], SAYS)) as look:
        found = await look.look(ABOVE | {"for_s": 1}, 7.0)
    assert (found["fired"], found["of_series"], found["series"], found["readings"], found["width_us"]) == (1, 1, 1, 6, 0)
    (only,) = found["alerts"]
    assert only["message"] == "pump temp is 20, above 10 for 1 s"
    assert (only["raised_us"], only["cleared_us"]) == (NOW_US - 4 * SECOND, NOW_US - 3 * SECOND)


async def test_a_channel_whose_unit_changed_is_judged_as_one(tmp_path: Path) -> None:
    said = [(TEMP, 9, 20), (FAR, 7, 20), (FAR, 5, 0), (TEMP, 3, 20)]
    async with looking(tmp_path, said) as look:
        assert (await look.look(ABOVE, 1.0))["fired"] == 2


async def test_silence_texts_rates_and_presence_are_looked_at(tmp_path: Path) -> None:
    said = [(TEMP, 900, 1), (TEMP, 890, 100), (TEMP, 100, 1), (SAYS, 50, "an error"), (SAYS, 40, "fine")]
    async with looking(tmp_path, said) as look:
        silent = await look.look({"kind": "no_data", "for_s": 60, "where": "wet"}, 1.0)
        assert [(each["device"], each["cleared_us"]) for each in silent["alerts"]] == [("pump", None), ("pump", NOW_US - 100 * SECOND)]
        text = await look.look({"kind": "text", "text": "*error*"}, 1.0)
        assert [(each["device"], each["value"]) for each in text["alerts"]] == [("fan", "an error")]
        assert (await look.look({"kind": "rising", "limit": 5, "channels": ["temp"]}, 1.0))["fired"] == 1
        away = await look.look({"kind": "offline", "for_s": 60}, 1.0)
        assert [each["message"] for each in away["alerts"]] == ["pump is offline for 60 s"]
        assert "newest 100 connections" in away["notes"][0]


async def test_nobody_misses_the_figures_of_the_hub_itself_and_their_values_are_looked_at(tmp_path: Path) -> None:
    own = Series(Fleet.own, "temp", "Cel", Kind.GAUGE)
    async with looking(tmp_path, [(own, 900, 1), (own, 100, 20)]) as look:
        silent = await look.look({"kind": "no_data", "for_s": 60}, 1.0)
        assert (silent["series"], silent["fired"]) == (0, 0)
        assert (await look.look(ABOVE, 1.0))["fired"] == 1


async def test_pages_of_the_store_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = every_second([0, 20, 0, 20, 0, 20, 0]) + every_second(["x", "error", "x", "error"], SAYS)
    async with looking(tmp_path, said) as look:
        whole = [await look.look(body, 1.0) for body in (ABOVE, {"kind": "text", "text": "error"}, {"kind": "no_data", "for_s": 2})]
        for page in (1, 2, 3):
            monkeypatch.setattr(preview, "_PAGE", page)
            assert [
                await look.look(body, 1.0) for body in (ABOVE, {"kind": "text", "text": "error"}, {"kind": "no_data", "for_s": 2})
            ] == whole


async def test_of_too_many_readings_buckets_are_looked_at_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "MAX_READINGS", 50)
    said = every_second([0] * 60 + [20] + [0] * 60)
    async with looking(tmp_path, said) as look:
        found = await look.look(ABOVE, 1.0)
        assert (found["fired"], found["width_us"] > 0) == (1, True)
        assert any("there may have been more alerts" in note for note in found["notes"])
        falling = await look.look({"kind": "falling", "limit": 5}, 1.0)
        assert falling["width_us"] == 0
        assert any("Only the newest" in note for note in falling["notes"])
        assert falling["looked_from_us"] > falling["from_us"]


async def test_nothing_stored_is_nothing_to_look_at(tmp_path: Path) -> None:
    async with looking(tmp_path, []) as look:
        found = await look.look(ABOVE, 7.0)
        assert (found["fired"], found["series"], found["alerts"]) == (0, 0, [])
        with pytest.raises(Refusal, match="limit is missing"):
            await look.look({"kind": "above"}, 7.0)
