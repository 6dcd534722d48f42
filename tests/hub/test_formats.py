"""Data directories that hubs before this one have left: all that they knew is there when this one opens them.

Of each format of state.db and journal.db there is one (tests/support/older_hubs.py); newer formats are refused: test_datadir.py.
"""

from contextlib import closing
from pathlib import Path

import msgpack
import pytest

from hub.auth import Auth
from hub.core.registry_tokens import hash_token
from hub.datadir import FILE_FORMATS, DataDir
from hub.journal import SQLiteJournalFile
from hub.ports import CommandsWanted
from hub.state.sqlite import SQLiteStateStore
from tests.support.older_hubs import LEFT, SENT, formats_of, left_by


def test_of_each_format_that_is_read_there_is_a_directory() -> None:
    state, journal, _ = zip(*LEFT.values(), strict=True)
    assert set(state) == set(range(1, FILE_FORMATS["state.db"] + 1))
    assert max(journal) == FILE_FORMATS["journal.db"]


@pytest.mark.parametrize("number", sorted(LEFT))
async def test_what_an_older_hub_knew_is_known(tmp_path: Path, number: int) -> None:
    *formats, token = LEFT[number]
    folder = left_by(number, tmp_path / "data")
    assert formats_of(folder) == tuple(formats)
    with DataDir(folder) as data:
        state = SQLiteStateStore(data.state)
        await state.start()
        (device,) = await state.devices()
        assert (device.name, device.token_hash) == ("pump", hash_token(token))
        assert [each["name"] for each in device.description["channels"]] == ["temp"]
        if number > 1:
            await _knows_people_and_rules(state, folder)
        await state.put_device(device)  # and it takes what it took
        await state.aclose()
    assert formats_of(folder) == (FILE_FORMATS["state.db"], formats[1])


async def _knows_people_and_rules(state: SQLiteStateStore, folder: Path) -> None:
    commands, _ = await state.commands(CommandsWanted(), 10)
    assert sorted((each.state, each.args["n"], each.value) for each in commands) == [("done", 3, {"blinked": 3}), ("queued", 9, None)]
    assert [each.key for each in await state.documents("rule")] == ["hot"]
    assert (await state.documents("device"))[0].body["tags"] == ["floor=2"]
    auth = Auth(state, folder / "admin.token", lambda token: None, lambda: 1_795_310_000_000_000)
    await auth.start()
    assert await auth.log_in("ann", "correct horse", "10.0.0.9")
    assert [each["name"] for each in auth.tokens.items()] == ["grafana"]


@pytest.mark.parametrize("number", sorted(LEFT))
def test_what_an_older_hub_acked_is_in_the_journal_and_numbers_go_on(tmp_path: Path, number: int) -> None:
    folder = left_by(number, tmp_path / "data")
    with closing(SQLiteJournalFile(folder / "journal.db")) as file:
        state = file.open()
        rows = file.read(0, 1_000, 1_000_000)
    bodies = [msgpack.unpackb(row.body) for row in rows if row.body]
    assert [(body["t"], body["v"][0]) for body in bodies if body["op"] == "data"] == SENT
    assert state.last == rows[-1].position
    assert max(mark.seq for mark in state.marks) == 5
    assert formats_of(folder)[1] == FILE_FORMATS["journal.db"]
