"""A hub on a state store with damaged pages: refused in a line that says how to go on, and what it says is true."""

import re
from pathlib import Path

import pytest

from hub.backup.restoring import restore
from hub.client.backup import take_backup
from hub.ports import StoreUnavailable
from tests.power import life


@pytest.mark.parametrize("at", [0, 100, 4_096])
async def test_a_damaged_state_names_the_newest_backup_and_the_command_that_restores_it(tmp_path: Path, at: int) -> None:
    data = tmp_path / "data"
    async with life.hub_on(data) as client:
        for name in ("pump", "fan"):
            await client.add_device(name)
            said = await take_backup(client, tmp_path / name, lambda step: None)
    with (data / "state.db").open("r+b") as file:
        file.seek(at)
        file.write(b"\xee" * 4_000)
    with pytest.raises(BaseExceptionGroup) as refused:
        async with life.hub_on(data):
            pass
    told = refused.value
    while isinstance(told, BaseExceptionGroup):
        told = told.exceptions[0]
    assert isinstance(told, StoreUnavailable)
    command = re.search(r"is damaged: .*; restore the newest backup: tributary restore (\S+) --data-dir (\S+) --force", str(told))
    assert command is not None, told
    assert (command[1], command[2]) == (said["backup"], str(data))
    restore(Path(command[1]), Path(command[2]), lambda step, done, whole: None, is_forced=True)
    async with life.hub_on(data) as client:
        assert {each["device"] for each in await client.devices()} >= {"pump", "fan"}
