"""Imports one at a time: what is left of one that is cut off, and what goes on without who asked for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hub.core.errors import Refusal
from hub.core.exchange.options import ImportOptions
from hub.sessions.imports import ImportedEpoch
from hub.web.importing import Importer
from tests.support.api_hub import api_hub
from tests.support.waiting import until

OPTIONS = ImportOptions(device="kiln", time_format="us")
ROWS = b"ts,temp\n" + b"".join(b"%d,%d\n" % (10**15 + at, at) for at in range(9_000))


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


def importer_of(hub: object) -> Importer:
    importer = hub.api.importer  # type: ignore[attr-defined]
    assert isinstance(importer, Importer)
    return importer


async def test_a_body_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield ROWS
        raise OSError("the client is gone")

    async with api_hub(tmp_path) as hub:
        importer = importer_of(hub)
        with pytest.raises(OSError, match="gone"):
            await importer.begin(broken(), OPTIONS, may_create=True)
        assert list((tmp_path / "imports").iterdir()) == []
        job = await importer.begin(pieces(ROWS), OPTIONS, may_create=True)  # the next one may begin
        assert (await job.outcome())["changed"]


async def test_one_that_nobody_waits_for_ends_while_it_is_checked(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        importer = importer_of(hub)
        job = await importer.begin(pieces(ROWS * 30), OPTIONS, may_create=True)
        with trio.move_on_after(0):
            await job.outcome()
        with trio.fail_after(30):
            await job.ended.wait()
        assert isinstance(job.error, Refusal)
        assert hub.parts.journal.position == 0
        assert list((tmp_path / "imports").iterdir()) == []


async def test_one_that_is_being_stored_goes_on_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release, put = trio.Event(), ImportedEpoch.put

    async def slow(imported: ImportedEpoch, seq: int, body: bytes) -> None:
        await put(imported, seq, body)
        await release.wait()

    monkeypatch.setattr(ImportedEpoch, "put", slow)
    async with api_hub(tmp_path) as hub:
        job = await importer_of(hub).begin(pieces(ROWS), OPTIONS, may_create=True)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(job.outcome)
                await until(lambda: hub.parts.journal.position > 0)
                scope.cancel()
        assert job.phase == "importing"
        release.set()
        with trio.fail_after(30):
            await job.ended.wait()
        assert (job.error, job.result["readings"]) == (None, 9_000)


async def test_one_that_the_end_of_the_hub_cut_off_is_finished_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = ImportedEpoch.put

    async def stuck(imported: ImportedEpoch, seq: int, body: bytes) -> None:
        await put(imported, seq, body)
        if imported.new == 2:
            await trio.sleep_forever()

    with monkeypatch.context() as patch:
        patch.setattr(ImportedEpoch, "put", stuck)
        async with api_hub(tmp_path) as hub:
            job = await importer_of(hub).begin(pieces(ROWS), OPTIONS, may_create=True)
            await until(lambda: hub.parts.journal.position >= 2)
        assert isinstance(job.error, Refusal)
        assert job.error.code == "cut_off"
    async with api_hub(tmp_path) as hub:
        job = await importer_of(hub).begin(pieces(ROWS), OPTIONS, may_create=False)
        assert (await job.outcome())["devices"][0]["state"] == "completed"
        await hub.is_stored()
        (series,) = await hub.store.list_series()
        answer = await hub.store.query([series], 0, 2 * 10**15, 0, 100_000)
        assert [reading.value for reading in answer.raw[series]] == list(range(9_000))


async def test_what_a_killed_hub_left_is_deleted_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "imports").mkdir(parents=True)
    (tmp_path / "imports" / "left.file").write_bytes(b"x")
    async with api_hub(tmp_path):
        assert not (tmp_path / "imports").exists()
