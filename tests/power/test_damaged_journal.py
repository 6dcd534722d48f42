"""A whole hub on a journal with damaged pages, and a device that sends again all that it has: everything is there, and once."""

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import open_websocket_url

from devices.wire.codec import decode_from_hub, encode
from devices.wire.messages import Ack, Channel, Hello, Unfinished, Welcome
from hub.client import HubClient
from hub.core.records import Row, RowKind
from hub.history import side
from hub.journal import SQLiteJournalFile, upkeep
from hub.journal.salvage_found import MARKS, META
from tests.power import life

PAGE = 4_096
PACKS = 30


async def lived(data: Path) -> tuple[str, set[int], list[Row]]:
    """Return the token of a device whose packs a hub has acked before it was stopped, the times of its readings, and its frames."""
    told: list[Mapping[str, Any]] = []
    begin_us = (time.time_ns() // 1_000 - 60_000_000) // 1_000_000 * 1_000_000
    async with life.hub_on(data) as client:
        token = await client.add_device("pump")
        await life.send(client.url, "pump", token, begin_us, PACKS, told.append)
        due = life.times_of([each["acked"] for each in told])
    with closing(SQLiteJournalFile(data / "journal.db")) as file:
        file.open()
        rows = [row for row in file.read(0, 10_000, 1 << 30) if row.device == "pump" and row.kind == RowKind.PACK]
    assert len(rows) == PACKS
    return token, due, rows


def bytes_of(message: str | bytes) -> bytes:
    assert isinstance(message, bytes)
    return message


async def send_again(client: HubClient, token: str, rows: list[Row]) -> None:
    """Be a device that has had no ack of these frames."""
    seqs: dict[int, list[int]] = {}
    for row in rows:
        seqs.setdefault(row.epoch, []).append(row.seq)
    last = {epoch: max(each) for epoch, each in seqs.items()}
    unfinished = tuple(Unfinished(epoch, min(each), max(each)) for epoch, each in seqs.items())
    url = client.url.replace("http", "ws", 1) + "/v1/device"
    headers = [(b"Authorization", f"Bearer {token}".encode())]
    with trio.fail_after(30):
        async with open_websocket_url(url, subprotocols=["tributary.device.v1"], extra_headers=headers) as link:
            hello = Hello("pump", 1, (Channel("c"),), unfinished=unfinished)
            await link.send_message(encode(hello))
            while not isinstance(message := decode_from_hub(bytes_of(await link.get_message())), Welcome):
                pass
            acked = dict(message.marks)
            for row in rows:
                await link.send_message(row.body)
            while any(acked.get(epoch, 0) < seq for epoch, seq in last.items()):
                message = decode_from_hub(bytes_of(await link.get_message()))
                acked |= dict(message.acks) if isinstance(message, Ack) else {}


async def found_in(client: HubClient, due: set[int]) -> list[int]:
    found = await life.found_of(client, "pump", due)
    assert all(value == life.value_at(time_us) for time_us, value in found)
    return sorted(time_us for time_us, _ in found)


def overwrite(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xee" * PAGE)


@pytest.mark.parametrize(("page", "is_stored"), [(1, True), (MARKS, True), (MARKS, False), (META, True), (-3, False)])
async def test_a_device_may_send_everything_again_to_a_hub_whose_journal_was_damaged(
    tmp_path: Path, page: int, *, is_stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    with monkeypatch.context() as patched:
        patched.setattr(upkeep, "_PERIOD_S", 3_600.0)  # nothing is trimmed
        if not is_stored:
            patched.setitem(side._GATHER_S, "journal", 3_600.0)
        token, due, rows = await lived(data)
    path = data / "journal.db"
    overwrite(path, page if page > 0 else path.stat().st_size // PAGE + page)
    async with life.hub_on(data) as client:
        await send_again(client, token, rows)
        assert await found_in(client, due) == sorted(due)
    async with life.hub_on(data) as client:
        assert await found_in(client, due) == sorted(due)
