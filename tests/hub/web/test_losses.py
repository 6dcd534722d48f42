"""What a device lost and what was refused of it, read from a real journal that real frames went into."""

import math
import struct
from pathlib import Path
from typing import Any

import pytest

from devices.wire.messages import Channel
from hub.core.records import Row, RowKind
from hub.web import losses
from tests.support.api_hub import ApiHub, api_hub, is_refusal
from tests.support.ingest_hub import now_us


async def found(hub: ApiHub, path: str) -> dict[str, Any]:
    async with hub.admin() as admin:
        answer = await admin.get(path)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said


async def test_gaps_rejected_readings_and_bad_frames_are_told_apart(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        pump = await hub.device("pump", 5)
        base_us = now_us()
        await pump.say({"e": 5, "s": 1, "op": "data", "t": base_us, "c": [0, 1, 9], "d": [0, 5, 7], "v": [1.5, math.nan, 2]})
        await pump.say({"e": 5, "s": 2, "op": "gap", "last": 7, "readings": 40, "from_us": 10, "to_us": 90, "reason": "spool_full"})
        await pump.say({"e": 5, "s": 8, "op": "data", "t": base_us, "c": [0], "d": [], "v": [1]})
        await pump.is_acked(5, 8)
        said = await found(hub, "/api/v1/devices/pump/losses")
        gap = {"position": 2, "epoch": 5, "first": 2, "last": 7, "readings": 40, "from_us": 10, "to_us": 90, "reason": "spool_full"}
        assert said["gaps"] == [{**gap, "of": None, "of_last": None}]
        assert said["rejects"][0] == {
            "position": 1,
            "epoch": 5,
            "first": 1,
            "code": "readings",
            "readings": [
                {"index": 1, "code": "not_finite", "channel": "hum", "time_us": base_us + 5},
                {"index": 2, "code": "unknown_channel", "channel": 9, "time_us": base_us + 7},
            ],
        }
        assert [said["rejects"][1][key] for key in ("first", "code")] == [8, "bad_frame"]
        assert "equally long" in said["rejects"][1]["reason"]
        assert said["next"] is None


async def test_a_hostile_frame_is_told_without_an_error_of_ours(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        pump = await hub.device("pump", 5)
        odd = [b"\xff", None, 2**64 - 1, "x", [b"\xfe"], True, -1, math.nan]
        await pump.say({"e": 5, "s": 1, "op": "data", "c": odd, "d": odd, "v": odd})  # no time either
        await pump.say({"e": 5, "s": 2, "op": "data", "t": now_us(), "c": odd, "d": odd, "v": odd})
        await pump.is_acked(5, 2)
        first, second = (await found(hub, "/api/v1/devices/pump/losses"))["rejects"]
        assert {each["code"] for each in first["readings"]} == {"no_time"}
        assert {each["code"] for each in second["readings"]} == {"unknown_channel"}
        assert {each["time_us"] for each in first["readings"]} == {None}


async def test_of_other_devices_nothing_is_told(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        pump, valve = await hub.device("pump", 5), await hub.device("valve", 6)
        await pump.data(5, 1, [math.nan])
        await pump.is_acked(5, 1)
        await valve.data(6, 1, [1.5])
        await valve.is_acked(6, 1)
        assert await found(hub, "/api/v1/devices/valve/losses") == {"gaps": [], "rejects": [], "next": None}
        async with hub.admin() as admin:
            is_refusal(await admin.get("/api/v1/devices/none/losses"), 404, "no_device")
            is_refusal(await admin.get("/api/v1/devices/pump/losses?after=-1"), 422, "bad_request")


async def test_a_long_record_is_read_page_by_page_and_each_entry_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "MAX_ENTRIES", 6)
    async with api_hub(tmp_path) as hub:
        pump = await hub.device("pump", 5)
        for seq in range(1, 11):
            await pump.data(5, seq, [math.nan, math.nan])
        await pump.is_acked(5, 10)
        after, seqs, pages = 0, [], 0
        while True:
            said = await found(hub, f"/api/v1/devices/pump/losses?after={after}")
            assert sum(len(each["readings"]) for each in said["rejects"]) <= 6
            seqs += [each["first"] for each in said["rejects"]]
            after, pages = said["next"], pages + 1
            if after is None:
                break
        assert seqs == list(range(1, 11))
        assert pages == 4
        assert (await found(hub, "/api/v1/devices/pump/losses?after=99"))["rejects"] == []


class TrimmedJournal:
    """A journal whose rows go away between the question and the reading."""

    id, first, position = "j", 1, 5

    async def read(self, after: int) -> list[Row]:
        return []

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        raise KeyError(epoch)


async def test_rows_that_are_trimmed_while_it_looks_are_passed_over() -> None:
    assert await losses.losses_of(TrimmedJournal(), "pump", 0) == {"gaps": [], "rejects": [], "next": None}


class OldJournal(TrimmedJournal):
    """A journal that no longer knows the channels of an epoch."""

    position = 1

    async def read(self, after: int) -> list[Row]:
        body = b"\x87\xa1e\x05\xa1s\x01\xa2op\xa4data\xa1t\x0a\xa1c\x91\x00\xa1d\x91\x02\xa1v\x91\xc0"
        return [Row(1, "pump", 5, 1, RowKind.DATA, 0, body, b"\x91\x92\x00\xaawrong_type")]


async def test_a_channel_of_a_forgotten_epoch_keeps_its_number() -> None:
    (reject,) = (await losses.losses_of(OldJournal(), "pump", 0))["rejects"]
    assert reject["readings"] == [{"index": 0, "code": "wrong_type", "channel": 0, "time_us": 12}]


async def test_readings_rejected_of_a_pack_are_told_with_their_times(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        pump = await hub.device("pump", 5)
        base_us = now_us()
        values = struct.pack("<3d", math.nan, 1.5, math.inf)
        await pump.say({"e": 5, "s": 1, "op": "pack", "t": base_us, "c": 1, "step_ns": 2_500, "f": "f8", "v": values})
        assert (await pump.hears("reject"))["readings"] == [[0, "not_finite"], [2, "not_finite"]]
        await pump.say({"e": 5, "s": 2, "op": "pack", "t": None, "c": 1, "step_ns": 2_500, "f": "f8", "v": values})
        assert (await pump.hears("reject"))["code"] == "no_time"
        first, second = (await found(hub, "/api/v1/devices/pump/losses"))["rejects"]
        assert first["readings"] == [
            {"index": 0, "code": "not_finite", "channel": "hum", "time_us": base_us},
            {"index": 2, "code": "not_finite", "channel": "hum", "time_us": base_us + 5},
        ]
        assert (second["code"], second["reason"]) == ("no_time", "every one of 3 readings of channel hum")
        base_us += 2 * 86_400_000_000
        await pump.say({"e": 5, "s": 3, "op": "pack", "t": base_us, "c": 1, "step_ns": 2_500, "f": "f8", "v": struct.pack("<3d", 1, 2, 3)})
        assert (await pump.hears("reject"))["code"] == "future"
        third = (await found(hub, "/api/v1/devices/pump/losses"))["rejects"][2]
        assert [third[key] for key in ("code", "channel", "from_us", "to_us")] == ["future", "hum", base_us, base_us + 5]
