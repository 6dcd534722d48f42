"""The whole hub in this process: it says where it listens, stops in order, and refuses a directory that another one uses."""

import json
import stat
from pathlib import Path

import httpx
import pytest
import trio

from hub.config import Settings
from hub.datadir import DataDirError
from hub.main import serve


def settings_for(directory: Path) -> Settings:
    return Settings(port=0, data_dir=directory)


def said_in(directory: Path) -> dict[str, object]:
    path = directory / "hub.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said: dict[str, object] = json.loads(path.read_text())
    return said


async def test_a_hub_says_where_it_listens_and_leaves_nothing_of_it_when_it_stops(tmp_path: Path) -> None:
    for _ in range(2):  # the second one finds what the first one left
        async with trio.open_nursery() as nursery:
            url = await nursery.start(serve, settings_for(tmp_path))
            assert said_in(tmp_path)["url"] == url
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"{url}/healthz")).status_code == 200
                assert (await client.get(f"{url}/readyz")).status_code == 200
            nursery.cancel_scope.cancel()
        assert not await trio.Path(tmp_path / "hub.json").exists()
        with pytest.raises(OSError, match="attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))


async def test_a_second_hub_is_refused_a_directory_in_use_by_one_plain_error(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, settings_for(tmp_path))
        with pytest.RaisesGroup(DataDirError):
            async with trio.open_nursery() as other:
                await other.start(serve, settings_for(tmp_path))
        assert said_in(tmp_path)["pid"]
        nursery.cancel_scope.cancel()
