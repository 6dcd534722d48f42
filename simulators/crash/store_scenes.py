"""The scenes of the history store: the hub killed while the history writes its files, a database server killed and stopped under load.

Owns the order of faults, drawn from the seed; judges nothing. As scenes.py, called by simulators/crash/__main__.py.
"""

from pathlib import Path

import trio

from simulators.crash.fleet import Fleet
from simulators.crash.scenes import Stage
from simulators.victoria_process import VictoriaProcess

LOOK_EVERY_S = 0.002
FILES_TIMEOUT_S = 10.0  # so long the history is waited for to write files; then the hub is killed as it stands
SOON_S = 0.25  # after new files were seen: while they are written, named, merged or swept
# Bursts that fill the hot tables every few seconds: 5 devices, 20 packs a second of each.
BULK = {"pack_every": 1, "pack_values": 4_000, "pack_step_us": 10}
BULK_DEVICES, BULK_FRAMES_PER_S = 5, 100
# What VictoriaMetrics tells apart.
COARSE = {"resolution_us": 1_000}


def names_in(folder: Path) -> set[str]:
    """Return what a folder holds, nothing where there is none."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


async def store_kills(stage: Stage, fleet: Fleet) -> None:
    """Kill the hub just after something changed among the history's files."""
    folder, seen = stage.hub.data_dir / "history", 0
    for number in range(stage.plan.store_kills):
        await stage.a_while()
        before = names_in(folder)
        with trio.move_on_after(FILES_TIMEOUT_S):
            while names_in(folder) == before:  # noqa: ASYNC110
                await trio.sleep(LOOK_EVERY_S)  # another process's files: there is nothing to be woken by
            seen += 1
        await trio.sleep(stage.dice.uniform(0, SOON_S))
        await stage.kill_hub()
        await stage.start_hub()
        files = len(names_in(folder))
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
