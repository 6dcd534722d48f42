"""Readings of a file become numbered frames of a device: durable, once, and never in the way of devices."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgpack
import pytest
import trio

from devices.wire.messages import Channel, Data
from hub.core.epochs import IMPORTED_FROM, imported_epoch
from hub.core.errors import Refusal
from hub.core.records import RowKind
from hub.core.registry_series import SeriesBound
from hub.sessions import imports as module
from hub.sessions.imports import Imports
from tests.support.faulty_file import FaultyFile
from tests.support.ingest_hub import IngestHub, ingest_hub, now_us
from tests.support.waiting import until

CHANNELS = (Channel("temp", "Cel"),)
EPOCH = imported_epoch(b"a digest")


@dataclass
class Body:
    seq: int
    body: bytes


async def frames(*seqs: int, size: int = 0) -> AsyncIterator[Body]:
    for seq in seqs:
        said = {"e": EPOCH, "s": seq, "op": "data", "t": seq, "c": [0], "d": [0], "v": [float(seq)], "fill": bytes(size)}
        yield Body(seq, msgpack.packb(said))


async def imports_of(hub: IngestHub, device: str = "kiln") -> Imports:
    if hub.registry.record(device) is None:
        await hub.registry.add_device(device)
    return Imports(hub.journal, hub.registry, now_us)


async def seqs_in(hub: IngestHub) -> list[int]:
    return [row.seq for row in await hub.journal.read(0)] if hub.journal.position else []


def test_epochs_of_files_lie_in_their_own_range() -> None:
    assert IMPORTED_FROM <= imported_epoch(bytes(6)) <= imported_epoch(b"\xff" * 32) < 2**63


async def test_frames_are_durable_when_it_returns_and_the_same_again_changes_nothing(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        imports = await imports_of(hub)
        assert await imports.add("kiln", EPOCH, CHANNELS, frames(3, 4, 900)) == 3
        assert await seqs_in(hub) == [3, 4, 900]
        assert hub.journal.marks("kiln") == {EPOCH: 900}
        assert await imports.add("kiln", EPOCH, CHANNELS, frames(3, 4, 900)) == 0
        assert hub.journal.position == 3
    async with ingest_hub(tmp_path) as hub:
        assert await (await imports_of(hub)).add("kiln", EPOCH, CHANNELS, frames(3, 4, 900, 901)) == 1
        assert await seqs_in(hub) == [3, 4, 900, 901]


async def test_messages_are_journaled_as_a_device_would_send_them(tmp_path: Path) -> None:
    async def messages() -> AsyncIterator[Data]:
        yield Data(EPOCH, 1, 5, [0, 0], [0, 1], [1.5, 2.5])

    async with ingest_hub(tmp_path) as hub:
        assert await (await imports_of(hub)).add("kiln", EPOCH, CHANNELS, messages()) == 1
        (row,) = await hub.journal.read(0)
        assert (row.device, row.epoch, row.seq, row.kind, row.rejects) == ("kiln", EPOCH, 1, RowKind.DATA, None)
        assert msgpack.unpackb(row.body)["v"] == [1.5, 2.5]


async def test_one_that_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[Body]:
        async for each in frames(1, 2):
            yield each
        raise OSError("the upload ended")

    async with ingest_hub(tmp_path) as hub:
        imports = await imports_of(hub)
        with pytest.raises(OSError, match="the upload ended"):
            await imports.add("kiln", EPOCH, CHANNELS, broken())
        assert imports.waiting_bytes == 0
        before = hub.journal.position
        assert await imports.add("kiln", EPOCH, CHANNELS, frames(1, 2, 3)) == 3 - before
        assert await seqs_in(hub) == [1, 2, 3]


async def test_it_waits_while_the_journal_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.journal.journal._RETRY_S", 0.02)
    files: list[FaultyFile] = []

    def wrap(file: object) -> FaultyFile:
        files.append(FaultyFile(file))  # type: ignore[arg-type]
        return files[-1]

    async with ingest_hub(tmp_path, wrap) as hub, trio.open_nursery() as nursery:
        imports, done = await imports_of(hub), []
        files[0].is_full = True

        async def run() -> None:
            done.append(await imports.add("kiln", EPOCH, CHANNELS, frames(*range(1, 50))))

        nursery.start_soon(run)
        await until(lambda: hub.journal.holding == "store_full")
        assert done == []
        files[0].is_full = False
        await until(lambda: done)
        assert done == [49]
        assert await seqs_in(hub) == list(range(1, 50))


async def test_few_bytes_wait_for_a_commit_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 10_000)
    async with ingest_hub(tmp_path) as hub, trio.open_nursery() as nursery:
        imports, most = await imports_of(hub), [0]

        def look() -> None:
            most[0] = max(most[0], imports.waiting_bytes)

        async def run() -> None:
            assert await imports.add("kiln", EPOCH, CHANNELS, frames(*range(1, 101), size=1_000)) == 100
            nursery.cancel_scope.cancel()

        nursery.start_soon(run)
        while True:
            look()
            await trio.lowlevel.checkpoint()
    assert 1_000 < most[0] <= 10_000
    assert imports.waiting_bytes == 0


async def test_an_unknown_device_or_other_channels_or_the_same_at_once_is_refused(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        imports = await imports_of(hub)
        with pytest.raises(Refusal, match="no device is called") as refused:
            await imports.add("oven", EPOCH, CHANNELS, frames(1))
        assert refused.value.status == 404
        async with imports.opened("kiln", EPOCH, CHANNELS) as imported:
            await imported.put(1, b"body")
            with pytest.raises(Refusal, match="being imported now"):
                await imports.add("kiln", EPOCH, CHANNELS, frames(1))
        with pytest.raises(Refusal, match="other channels"):
            await imports.add("kiln", EPOCH, (Channel("hum", "%"),), frames(1))


async def test_a_cancelled_import_leaves_nothing_that_waits(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path) as hub:
        imports = await imports_of(hub)
        with trio.CancelScope() as scope:
            async with imports.opened("kiln", EPOCH, CHANNELS) as imported:
                await imported.put(1, b"body")
                scope.cancel()
        assert imports.waiting_bytes == 0
        assert hub.journal.statistics()["pending_rows"] == 0


async def test_an_import_that_would_make_too_many_series_is_refused_and_others_count(tmp_path: Path) -> None:
    async with ingest_hub(tmp_path, bound=SeriesBound(3)) as hub:
        imports = await imports_of(hub)
        two, three = tuple(Channel(f"a{n}") for n in range(2)), tuple(Channel(f"b{n}") for n in range(3))
        await imports.add("kiln", EPOCH, two, frames(1))
        with pytest.raises(Refusal, match=r"3 new series .* beside 2 are over max_series_per_device, 3") as refused:
            await imports.add("kiln", EPOCH + 1, three, frames(1))
        assert (refused.value.code, refused.value.status) == ("too_many_series", 409)
        await imports.add("kiln", EPOCH + 2, two, frames(1))
    async with ingest_hub(tmp_path, bound=SeriesBound(3)) as hub:
        with pytest.raises(Refusal, match="3 new series"):
            await Imports(hub.journal, hub.registry, now_us).add("kiln", EPOCH + 1, three, frames(1))
