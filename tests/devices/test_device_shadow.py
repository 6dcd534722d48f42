"""A device applies what is desired, reports it until the hub has it, and survives kills, cuts, full spools and hubs that forgot."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from devices import Channel, Device
from devices.client import Unreachable
from devices.link import Link, LinkClosed
from devices.spool import ShadowEntry, open_spool
from devices.wire.codec import decode_from_hub, encode
from devices.wire.messages import Desired, Gap, Reported, ShadowState, Welcome
from tests.support.little_hub import TIME_US, LittleHub
from tests.support.waiting import until

NOW_MS = TIME_US // 1_000


class ShadowHub(LittleHub):
    """A little hub with a shadow: it says in welcome which report it has, and then what is desired."""

    def __init__(self) -> None:
        super().__init__()
        self.desired = Desired(0, {})
        self.lost_reports = 0  # of the first ones, which it forgot

    async def serve(self, link: Link) -> None:
        """Serve one connection until it ends."""
        await super().serve(ShadowLink(link, self))

    def reports(self) -> list[Reported]:
        """Return every durable report that is not forgotten."""
        return [frame for frame in self.frames if isinstance(frame, Reported)][self.lost_reports :]

    async def desire(self, version: int, document: dict[str, Any]) -> None:
        """Desire something else from now on, and say so where a device is there."""
        self.desired = Desired(version, document)
        if self.current is not None:
            with suppress(LinkClosed):
                await self.current.link.send(encode(self.desired))


class ShadowLink:
    """The hub's end of a connection, which adds to welcome."""

    def __init__(self, link: Link, hub: ShadowHub) -> None:
        self._link = link
        self._hub = hub
        self.remote, self.receive, self.ping, self.aclose = link.remote, link.receive, link.ping, link.aclose

    async def send(self, message: bytes | str) -> None:
        """Send a message, and after welcome what is desired."""
        assert isinstance(message, bytes)
        said, has = decode_from_hub(message), self._hub.hellos[-1].shadow
        if not isinstance(said, Welcome) or has is None:
            await self._link.send(message)
            return
        number = max((report.number for report in self._hub.reports()), default=0)
        await self._link.send(encode(replace(said, reported=number)))
        if has.version != self._hub.desired.version:
            await self._link.send(encode(self._hub.desired))


@asynccontextmanager
async def shadow_hub() -> AsyncIterator[ShadowHub]:
    """Run a hub whose `connect` a device is given."""
    hub = ShadowHub()
    async with trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        yield hub
        nursery.cancel_scope.cancel()


Calls = list[tuple[dict[str, Any], dict[str, Any]]]


def device_of(hub: ShadowHub, calls: Calls | None = None, **options: Any) -> Device:
    merged: dict[str, Any] = {"now": lambda: TIME_US, "connect": hub.connect, "channels": [Channel("temp")]} | options
    device = Device("memory", "d1", "token", **merged)
    if calls is not None:

        @device.on_desired
        async def apply(document: dict[str, Any], delta: dict[str, Any]) -> None:
            calls.append((document, delta))
            if document.get("bad"):
                raise ValueError("cannot be so")

    return device


def last(hub: ShadowHub) -> tuple[int, Mapping[str, Any], str | None] | None:
    return (hub.reports()[-1].version, hub.reports()[-1].document, hub.reports()[-1].error) if hub.reports() else None


async def test_what_is_desired_is_applied_on_coming_and_on_change_and_reported(autojump_clock: trio.testing.MockClock) -> None:
    calls: Calls = []
    async with shadow_hub() as hub:
        await hub.desire(5, {"a": 1, "net": {"dhcp": True}})
        async with device_of(hub, calls) as device:
            await hub.until(lambda: last(hub) == (5, {"a": 1, "net": {"dhcp": True}}, None))
            await device.report({"serial": "x", "net": {"ip": "10.0.0.1"}})
            await hub.desire(6, {"a": 2, "net": {"dhcp": True}})
            await hub.until(lambda: last(hub) == (6, {"a": 2, "serial": "x", "net": {"dhcp": True, "ip": "10.0.0.1"}}, None))
            assert calls == [
                ({"a": 1, "net": {"dhcp": True}}, {"a": 1, "net": {"dhcp": True}}),
                ({"a": 2, "net": {"dhcp": True}}, {"a": 2}),
            ]
            await device.report({"serial": None})
            await hub.until(lambda: "serial" not in hub.reports()[-1].document)
            numbers = [report.number for report in hub.reports()]
            assert numbers == list(range(NOW_MS, NOW_MS + len(numbers)))
            assert hub.hellos[0].shadow == ShadowState(0, 0)
            await hub.cut()
            await hub.until(lambda: len(hub.hellos) == 2)
            assert hub.hellos[1].shadow == ShadowState(6, numbers[-1])
        assert len(calls) == 2  # what it has is not sent again


async def test_a_device_without_the_function_takes_no_shadow_and_may_report(autojump_clock: trio.testing.MockClock) -> None:
    async with shadow_hub() as hub, device_of(hub) as device:
        await hub.desire(5, {"a": 1})
        await device.report({"a": 0})
        await device.report({"a": 0})
        await device.drained(60)
        assert hub.hellos[0].shadow is None
        assert [(report.version, report.document) for report in hub.reports()] == [(0, {"a": 0})]


async def test_what_cannot_be_applied_is_reported_and_tried_again_at_the_next_connection(autojump_clock: trio.testing.MockClock) -> None:
    calls: Calls = []
    async with shadow_hub() as hub, device_of(hub, calls) as device:
        await hub.desire(5, {"a": 1})
        await hub.until(lambda: last(hub) == (5, {"a": 1}, None))
        await hub.desire(6, {"bad": True})
        await hub.until(lambda: last(hub) == (6, {"a": 1}, "ValueError: cannot be so"))
        await device.report({"b": 2})
        await hub.until(lambda: last(hub) == (6, {"a": 1, "b": 2}, "ValueError: cannot be so"))
        await hub.cut()
        await hub.until(lambda: len(hub.hellos) == 2)
        assert hub.hellos[1].shadow == ShadowState(0, hub.reports()[-1].number)
        await until(lambda: len(calls) == 3)
        await hub.desire(5, {"a": 1})  # back to what it has
        await hub.until(lambda: last(hub) == (5, {"a": 1, "b": 2}, None))


async def test_a_function_that_reports_what_is_no_document_says_so(autojump_clock: trio.testing.MockClock) -> None:
    async with shadow_hub() as hub:
        device = device_of(hub)
        device.on_desired(lambda document, delta: {"much": "x" * 9_000})
        await hub.desire(5, {"a": 1})
        async with device:
            await hub.until(lambda: last(hub) is not None)
            version, document, error = last(hub) or (0, {}, "")
            assert (version, document) == (5, {})
            assert "it was applied, but what it reports cannot be sent: a report of" in str(error)
            with pytest.raises(ValueError, match="over the limit of 8,192"):
                await device.report({"much": "x" * 9_000})
            with pytest.raises(ValueError, match="neither bool"):
                await device.report({"raw": b"x"})
        assert len(hub.reports()) == 1


async def test_killed_between_apply_and_report_it_applies_again_at_the_next_start_also_without_a_hub(tmp_path: Path) -> None:
    applied, calls = list[object](), Calls()
    async with shadow_hub() as hub:
        await hub.desire(5, {"a": 1})
        device = device_of(hub, spool_dir=tmp_path)

        @device.on_desired
        async def apply(document: object, delta: object) -> None:
            applied.append(document)
            await trio.sleep_forever()  # it ends before it could report

        async with device:
            await until(lambda: bool(applied))
        assert hub.reports() == []
        hub.down = Unreachable("down")
        async with device_of(hub, calls, spool_dir=tmp_path):
            await until(lambda: bool(calls))
            assert calls == [({"a": 1}, {"a": 1})]
        async with device_of(hub, calls, spool_dir=tmp_path):
            await until(lambda: len(calls) == 2)
            assert calls[1] == ({"a": 1}, {})  # a program that starts is told, though it was applied
            hub.down = None
            await hub.until(lambda: last(hub) == (5, {"a": 1}, None))
    assert len(hub.reports()) == 1
    assert hub.hellos[-1].shadow == ShadowState(5, NOW_MS)


async def test_a_hub_that_went_back_to_a_backup_is_told_again(autojump_clock: trio.testing.MockClock) -> None:
    calls: Calls = []
    async with shadow_hub() as hub, device_of(hub, calls) as device:
        await hub.desire(5, {"a": 1})
        await hub.until(lambda: last(hub) == (5, {"a": 1}, None))
        await device.drained(60)
        hub.lost_reports = len(hub.reports())
        hub.desired = Desired(4, {"a": 0})  # a lower version: it is what holds now
        await hub.cut()
        await hub.until(lambda: last(hub) == (4, {"a": 0}, None))
        assert [document for document, _ in calls] == [{"a": 1}, {"a": 0}]
        await device.drained(60)
        hub.lost_reports += len(hub.reports())
        await hub.cut()
        await hub.until(lambda: last(hub) == (4, {"a": 0}, None))


async def test_a_device_with_a_new_disk_counts_on_from_what_the_hub_has(autojump_clock: trio.testing.MockClock) -> None:
    calls: Calls = []
    async with shadow_hub() as hub:
        hub.frames.append(Reported(1, 1, NOW_MS + 1_000, 5, {"a": 1, "old": True}))
        await hub.desire(5, {"a": 1})
        hub.down = Unreachable("down")
        async with device_of(hub, calls) as device:
            await device.report({"b": 1})
            hub.down = None
            await hub.until(lambda: last(hub) == (5, {"a": 1, "b": 1}, None))
            assert hub.reports()[-1].number > NOW_MS + 1_000


async def test_a_full_spool_keeps_the_newest_report(autojump_clock: trio.testing.MockClock) -> None:
    async with shadow_hub() as hub:
        hub.down = Unreachable("down")
        async with device_of(hub, spool_max_bytes=20_000) as device:
            for number in range(50):
                await device.report({"a": number, "filler": "x" * 2_000})
            for number in range(1_000):
                await device.send({"temp": number})
            assert device.statistics().dropped_readings > 0
            hub.down = None
            await hub.until(lambda: last(hub) is not None and hub.reports()[-1].document["a"] == 49)
            await device.drained(60)
        assert len(hub.reports()) < 10
        assert any(isinstance(frame, Gap) for frame in hub.frames)


async def test_a_report_of_an_epoch_that_is_given_up_is_written_again(tmp_path: Path) -> None:
    async with shadow_hub() as hub:
        hub.down = Unreachable("down")
        async with device_of(hub, spool_dir=tmp_path) as device:
            await device.report({"a": 1})
        for _ in range(70):  # more boots than a hello can list
            async with device_of(hub, spool_dir=tmp_path) as device:
                await device.send({"temp": 1})
        hub.down = None
        async with device_of(hub, spool_dir=tmp_path) as device:
            await device.drained(100)
    assert [report.document for report in hub.reports()] == [{"a": 1}]


async def test_only_one_function_applies() -> None:
    device = Device("ws://127.0.0.1:1", "d1", "token", channels=[Channel("temp")])
    device.on_desired(lambda document, delta: None)
    with pytest.raises(ValueError, match="on_desired is there already"):
        device.on_desired(lambda document, delta: None)


async def test_a_report_of_an_epoch_that_is_renumbered_is_still_known_as_unacked() -> None:
    spool = open_spool(None)
    await spool.open_epoch(1, [])
    await spool.report(ShadowEntry(number=5, document={"a": 1}))
    await spool.renumber(1, 2)
    assert spool.is_report_unacked()
    await spool.ack({2: 1})
    assert not spool.is_report_unacked()
    spool.close()
