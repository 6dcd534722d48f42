"""The hub's own figures as a device: there to be charted and alerted on, and none of the fleet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from trio.testing import MockClock

from hub.core.errors import Refusal
from hub.core.readings import readable_columns
from hub.core.records import Row
from hub.layers import layer
from hub.sessions.own_device import CHANNELS, PERIOD_S, OwnDevice
from tests.support.ingest_hub import IngestHub, ingest_hub, now_us
from tests.support.waiting import until

NAME = "tributary:hub"


class Figures:
    """What the parts would say."""

    def __init__(self) -> None:
        self.values: dict[str, float | None] = {"device_to_hub.p99": 12.5, "viewers": 2, "sent_to_painted.p50": None}

    def __call__(self) -> dict[str, float | None]:
        return self.values


@asynccontextmanager
async def own_device(hub: IngestHub, figures: Figures, name: str = NAME) -> AsyncIterator[OwnDevice]:
    own = OwnDevice(name, hub.journal, hub.registry, figures, now_us)
    async with layer(own.run):
        yield own


async def rows_of(hub: IngestHub, count: int) -> list[Row]:
    await until(lambda: hub.journal.position >= count, timeout_s=10 * PERIOD_S)
    return await hub.journal.read(0)


async def test_its_readings_are_journaled_every_ten_seconds_and_what_has_no_value_is_a_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.sessions.own_device.PERIOD_S", 0.02)
    async with ingest_hub(tmp_path) as hub:
        figures = Figures()
        async with own_device(hub, figures):
            await rows_of(hub, 1)
            figures.values["sent_to_painted.p50"] = 140.0
            rows = await rows_of(hub, 5)
        assert {row.device for row in rows} == {NAME}
        columns = readable_columns(rows, hub.journal.channels)
        found = {columns.series[at].channel: value for at, value in zip(columns.index, columns.num, strict=True)}
        assert found == {"device_to_hub.p99": 12.5, "viewers": 2.0, "sent_to_painted.p50": 140.0}
        assert {(each.name, each.unit) for each in CHANNELS} >= {("hub_to_durable.p99", "ms"), ("journal", "By"), ("lag.history", "")}


async def test_it_is_online_and_shown_and_no_device_of_the_fleet(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        await hub.registry.add_device("pump")
        members = hub.registry.members("not kind=test")
        async with own_device(hub, Figures()):
            await until(lambda: hub.registry.record(NAME))
            item = hub.registry.item(NAME)
            assert item is not None
            assert (item["presence"], item["own"], len(item["channels"])) == ("online", True, len(CHANNELS))
            assert "last_seen_us" not in item  # so that no rule of absence ever hears of it
            assert hub.registry.fleet_size() == 1
            assert hub.registry.select("not kind=test") == ["pump"]
            assert members.names == {"pump"}


async def test_nobody_gives_it_a_token_or_takes_it_away(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        async with own_device(hub, Figures()):
            await until(lambda: hub.registry.own)
            for change in (hub.registry.new_token, hub.registry.revoke, hub.registry.remove_device):
                with pytest.raises(Refusal, match="the hub's own device") as refused:
                    await change(NAME)
                assert (refused.value.code, refused.value.status) == ("own_device", 409)
            with pytest.raises(Refusal):
                await hub.registry.edit(NAME, {"disabled": True})
            with pytest.raises(Refusal, match="exists"):
                await hub.registry.add_device(NAME)
        hub.registry.own = ""  # as after a start with the setting empty
        await hub.registry.remove_device(NAME)


async def test_a_device_that_has_its_name_stays_what_it_is(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        token = await hub.registry.add_device(NAME)
        async with own_device(hub, Figures()) as own:
            await until(own.notes)
            assert "choose another with the setting own_device" in own.notes()[0]
        assert hub.registry.device_of(token) == NAME
        assert hub.registry.fleet_size() == 1
        assert hub.journal.position == 0


async def test_without_a_name_there_is_none(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with ingest_hub(tmp_path) as hub, own_device(hub, Figures(), name="") as own:
        assert own.notes() == []
        assert hub.registry.names() == []


async def test_it_goes_on_where_it_was_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sessions.own_device.PERIOD_S", 0.02)
    for life in (1, 2):
        async with ingest_hub(tmp_path) as hub:
            await hub.registry.load()
            before = hub.journal.position
            async with own_device(hub, Figures()):
                await until(lambda hub=hub, before=before: hub.journal.position > before)  # type: ignore[misc]
            assert len(hub.journal.marks(NAME)) == life
