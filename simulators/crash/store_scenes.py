"""The scenes of the history store: the hub killed while the history writes its files, a database server killed and stopped under load.

Owns the order of faults, drawn from the seed; judges nothing. As scenes.py, called by simulators/crash/__main__.py.
"""

from pathlib import Path

import trio

from simulators.crash.fleet import Fleet
from simulators.crash.scenes import Stage
from simulators.victoria_process import VictoriaProcess

LOOK_EVERY_S = 0.002
FILES_TIMEOUT_S = 20.0  # so long the history is waited for to write files; then the hub is killed as it stands
SOON_S = 0.25  # after new files were seen: while they are written, named, merged or swept
CHANGES = (1, 1, 2, 5, 12, 30)  # a flush makes some ten, as does a merge
# Bursts that fill the hot tables every few seconds: 5 devices, 20 packs a second of each.
BULK = {"pack_every": 1, "pack_values": 4_000, "pack_step_us": 10}
BULK_DEVICES, BULK_FRAMES_PER_S = 5, 100
# What VictoriaMetrics tells apart.
COARSE = {"resolution_us": 1_000}


def files_in(folder: Path) -> set[str]:
    """Return the names of files of readings in a folder, also of those that are being written; nothing where there is none."""
    return {path.name for path in folder.iterdir() if ".parquet" in path.name} if folder.is_dir() else set()


async def changes(folder: Path, count: int) -> bool:
    """Wait until files have come or gone so many times; False: they do not any more."""
    before = files_in(folder)
    with trio.move_on_after(FILES_TIMEOUT_S):
        while count:
            await trio.sleep(LOOK_EVERY_S)  # another process's files: there is nothing to be woken by
            if (now := files_in(folder)) != before:
                before, count = now, count - 1
    return count == 0


async def store_kills(stage: Stage, fleet: Fleet) -> None:
    """Kill the hub just after something changed among the history's files: in a first flush, or when there are some to be merged."""
    folder, seen = stage.hub.data_dir / "history", 0
    for number in range(stage.plan.store_kills):
        await stage.a_while()
        seen += await changes(folder, stage.dice.choice([each for each in CHANGES if each <= stage.plan.most_changes]))
        await trio.sleep(stage.dice.uniform(0, SOON_S))
        await stage.kill_hub()
        files = len(files_in(folder))
        await stage.start_hub()
        stage.say(f"{stage.name}: kill {number + 1} beside {files} files, the hub listened again after {stage.restarts_s[-1]:.2f} s")
    stage.say(f"{stage.name}: {seen} of {stage.plan.store_kills} kills fell while files were written")


async def server_kills(stage: Stage, fleet: Fleet, server: VictoriaProcess) -> None:
    """Kill or stop the database server, sometimes the hub with it, and start it again after a while."""
    for number in range(stage.plan.server_kills):
        await stage.a_while()
        is_killed, is_hub_too = stage.dice.random() < 0.6, stage.dice.random() < 0.3
        await trio.to_thread.run_sync(server.kill if is_killed else server.stop)
        if is_hub_too:
            await stage.kill_hub()
            await stage.start_hub()
        await stage.a_while()
        await trio.to_thread.run_sync(server.start)
        how = "killed" if is_killed else "stopped"
        stage.say(f"{stage.name}: server {how} {number + 1}{', and the hub killed' if is_hub_too else ''}")
