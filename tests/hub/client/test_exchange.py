"""Files of readings through the client, over a real door."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hub.client import HubClient, HubError
from hub.client.exchange import export, exported, import_file
from hub.web.body import Body
from tests.support.api_hub import ApiHub, api_hub
from tests.support.door import Place, running_door

T = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z
CSV = b"time,temp\n2023-11-14T22:13:20Z,21.5\n2023-11-14T22:13:21Z,22.5\n"


def url_of(place: Place) -> str:
    host, port = place.address
    return f"http://{host}:{port}"


@asynccontextmanager
async def hub_client(directory: Path) -> AsyncIterator[tuple[ApiHub, HubClient]]:
    async with api_hub(directory) as hub, running_door(hub.app) as place, HubClient(url_of(place), hub.admin_token) as client:
        with trio.fail_after(30):
            yield hub, client


async def test_a_file_goes_in_with_its_progress_and_comes_out(tmp_path: Path) -> None:
    (tmp_path / "kiln.csv").write_bytes(CSV)
    told: list[tuple[str, int, int]] = []
    async with hub_client(tmp_path) as (hub, client):
        result = await import_file(client, tmp_path / "kiln.csv", lambda *each: told.append(each), create=True, device="kiln", unit=None)
        assert (result["changed"], result["readings"]) == (True, 2)
        assert told[0] == ("uploading", len(CSV), len(CSV))
        assert told[1][0] == "checking"
        await hub.is_stored()
        rows = b"".join([piece async for piece in export(client, ["kiln"], from_us=T, to_us=T + 1_000_000)]).splitlines()
        assert rows[1].startswith(b"2023-11-14T22:13:20.000000Z,kiln,temp,,gauge,21.5,")
        assert len(rows) == 2
        async with exported(client, ["kiln"], span_s=60.0, width="1min", format="parquet") as found:
            assert found.is_empty
            assert b"".join([piece async for piece in found]).endswith(b"PAR1")


async def test_what_the_hub_refuses_is_raised_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "kiln.csv").write_bytes(CSV.replace(b"22.5", b"warm"))
    async with hub_client(tmp_path) as (_, client):
        with pytest.raises(HubError, match="row 3, column temp: 'warm' is no number") as caught:
            await import_file(client, tmp_path / "kiln.csv", device="kiln")
        assert (caught.value.status, caught.value.code) == (422, "bad_file")
        with pytest.raises(HubError, match="no device is called"):
            async for _piece in export(client, ["nobody"]):
                pass
        with pytest.raises(FileNotFoundError):
            await import_file(client, tmp_path / "nowhere.csv", device="kiln")


async def test_a_pipe_goes_in_as_well(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def fill() -> None:
        (tmp_path / "pipe").write_bytes(CSV)

    async with hub_client(tmp_path) as (_, client), trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, fill)
        result = await import_file(client, tmp_path / "pipe", create=True, device="kiln")
        assert result["readings"] == 2


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large.csv").write_bytes(CSV * 100_000)
    monkeypatch.setattr("hub.web.importing.MAX_BYTES", 1_000)
    taken: list[int] = []
    take = Body.read

    async def counted(body: Body) -> bytes:
        piece = await take(body)
        taken.append(len(piece))
        return piece

    monkeypatch.setattr(Body, "read", counted)
    async with hub_client(tmp_path) as (_, client):
        with pytest.raises(HubError, match="over the limit of 1,000"):
            await import_file(client, tmp_path / "large.csv", device="kiln")
        assert sum(taken) == 0


async def test_an_answer_that_breaks_off_is_never_taken_for_whole(tmp_path: Path) -> None:
    async def short(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"time,device", "more_body": True})  # type: ignore[operator]
        raise RuntimeError("the disk is gone")

    pieces: list[bytes] = []

    async def collect(client: HubClient) -> None:
        async for piece in export(client):
            pieces.append(piece)

    async with running_door(short) as place, HubClient(url_of(place), "token") as client:
        with pytest.raises(HubError, match="broke off") as caught:
            await collect(client)
        assert caught.value.code == "broken_off"
        assert pieces == [b"time,device"]
