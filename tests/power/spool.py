"""A device's spool with sync="power" through power cuts: frames, acks, outcomes of commands, a fence, one epoch after the other.

Owns the program that is cut off and what must hold of each image of its folder. A subject of tests/power/__main__.py.
"""

import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import trio

from devices.spool import open_spool
from devices.spool.records import Draft, FrameKind
from devices.spool.spool import Spool
from devices.wire.messages import Channel, CommandState, Data, Outcome

_STEPS: Final = 90  # of each of its lives
_LIVES: Final = 4
_CHANNELS: Final = (Channel("c"),)
Tell = Callable[[Mapping[str, Any]], None]


def draft(number: int) -> Draft:
    """Return a frame of one reading with this value."""
    return Draft(FrameKind.DATA, lambda epoch, seq: Data(epoch, seq, number, (0,), (0,), (number,)), 1, number, number)


def play(folder: Path, tell: Tell, scale: float) -> None:
    """Lead a spool through its lives, and tell what was promised."""
    number = 0
    for life in range(1, _LIVES + 1):
        number = trio.run(_life, folder, life, number, int(_STEPS * scale), tell)


async def _life(folder: Path, life: int, number: int, steps: int, tell: Tell) -> int:
    spool, dice = open_spool(folder, sync="power"), random.Random(life)
    await spool.open_epoch(life, _CHANNELS)
    sent = 0
    for step in range(1, steps + 1):
        count = dice.choice((1, 1, 2, 9))
        await spool.append([draft(number + more) for more in range(1, count + 1)])
        number, sent = number + count, sent + count
        tell({"made": number, "epoch": life, "seq": sent, "first": number - count + 1})
        if step % 6 == 0:
            name = f"{life}-{step}"
            await spool.record(Outcome(name, CommandState.RUNNING), 2**62)
            sent += 1
            tell({"command": name})
        if step % 20 == 0:
            acked = {epoch.epoch: epoch.last - (3 if epoch.epoch == life else 0) for epoch in spool.unfinished()}
            tell({"acking": acked})
            await spool.ack(acked)
            await spool.settle()
            await spool.keep_fence(step + life * 1_000)
            await spool.record(Outcome(f"{life}-{step}-after", CommandState.RUNNING), 2**62)
            sent += 1
            tell({"fence": step + life * 1_000, "command": f"{life}-{step}-after"})
    spool.close()
    return number


def check(folder: Path, told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with an image."""
    return trio.run(_complaints, folder, told)


async def _complaints(folder: Path, told: Sequence[Mapping[str, Any]]) -> list[str]:
    try:
        spool = open_spool(folder, sync="power")
    except (sqlite3.Error, OSError, RuntimeError) as error:
        return [f"it cannot be opened: {error}"]
    try:
        return [*([spool.lost] if spool.lost else []), *await _losses(spool, told)]
    finally:
        spool.close()


async def _losses(spool: Spool, told: Sequence[Mapping[str, Any]]) -> list[str]:
    acked = {int(epoch): seq for each in told for epoch, seq in each.get("acking", {}).items()}
    kept: set[int] = set()
    for epoch in spool.unfinished():
        after = 0
        while frames := await spool.read(epoch.epoch, after):
            kept |= {seq for frame in frames for seq in [epoch.epoch * 1_000_000 + frame.seq]}
            after = frames[-1].last
    due = {
        each["epoch"] * 1_000_000 + each["seq"] - back
        for each in told
        if "made" in each
        for back in range(each["made"] - each["first"] + 1)
        if each["seq"] - back > acked.get(each["epoch"], 0)
    }
    wrong = [f"{len(due - kept)} frames are lost, {min(due - kept)} is the first"] if due - kept else []
    wrong += [f"command {each['command']} is forgotten" for each in told if "command" in each and each["command"] not in spool.commands]
    fence = max((each["fence"] for each in told if "fence" in each), default=0)
    return [*wrong, *([f"the fence is {spool.fence} and not {fence}"] if spool.fence < fence else [])]
