"""The counting device of docs/guide with one fault planted, by name: what the conformance course has to find.

Owns the faults, most of them in what passes between the client and its connection. A program, run by tests/simulators/conformance with
the variables of docs/guide/own_client.md.
"""

import os
import random
import runpy
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgpack
import trio

from devices.client import Device, DeviceRefused, open_websocket
from devices.link import Link, LinkClosed, WebSocketLink

COUNTING = Path(__file__).parents[2] / "docs" / "guide" / "counting_device.py"
WIDE = {"live": [1000, 1 << 20], "backfill": [1000, 1 << 20]}
Said = dict[str, Any]
Says = Callable[[Said, Said], list[Said]]
Hears = Callable[[Said, Said], Said]


class NoJitter(random.Random):
    """Chance that never waits."""

    def uniform(self, a: float, b: float) -> float:
        return a


def _hole(said: Said, memory: Said) -> list[Said]:
    return [] if said.get("s") == 4 else [said]


def _double(said: Said, memory: Said) -> list[Said]:
    return [said, said] if said.get("s") == 4 else [said]


def _op_first(said: Said, memory: Said) -> list[Said]:
    return [{"op": said["op"]} | said]


def _one_list(said: Said, memory: Said) -> list[Said]:
    unfinished = [{key: value for key, value in entry.items() if key != "channels"} for entry in said.get("unfinished", [])]
    return [said | {"unfinished": unfinished}] if unfinished else [said]


def _greedy(heard: Said, memory: Said) -> Said:
    return heard | {"credit": WIDE} if "credit" in heard else heard


def _no_marks(heard: Said, memory: Said) -> Said:
    return heard | {"marks": [[epoch, 0] for epoch, _ in heard["marks"]]} if "marks" in heard else heard


def _new_id(heard: Said, memory: Said) -> Said:
    if heard.get("op") != "command":
        return heard
    memory["runs"] = memory.get("runs", 0) + 1
    return heard | {"id": f"{heard['id']}#{memory['runs']}"}


def _old_id(said: Said, memory: Said) -> list[Said]:
    return [said | {"id": said["id"].partition("#")[0]}] if "id" in said else [said]


def _no_fence(heard: Said, memory: Said) -> Said:
    return {key: value for key, value in heard.items() if key != "fence" or heard["op"] == "welcome"}


def _no_gaps(said: Said, memory: Said) -> list[Said]:
    return [] if said.get("op") == "gap" else [said]


def _empty_gaps(said: Said, memory: Said) -> list[Said]:
    return [said | {"readings": 0}] if said.get("op") == "gap" else [said]


def _other_reason(said: Said, memory: Said) -> list[Said]:
    return [said | {"reason": "bad_frame"}] if said.get("op") == "gap" else [said]


def _no_limits(heard: Said, memory: Said) -> Said:
    return heard | {"limits": {"frame_bytes": 65_536, "readings": 4_096}} if "limits" in heard else heard


def _soon(heard: Said, memory: Said) -> Said:
    return heard | {"code": 1012, "retry_s": 0, "jitter_s": 0} if heard.get("op") == "bye" else heard


SAYS: dict[str, Says] = {
    "hole": _hole,
    "double": _double,
    "op-first": _op_first,
    "one-list": _one_list,
    "runs-twice": _old_id,
    "no-gaps": _no_gaps,
    "empty-gaps": _empty_gaps,
    "other-reason": _other_reason,
}
HEARS: dict[str, Hears] = {
    "greedy": _greedy,
    "no-marks": _no_marks,
    "runs-twice": _new_id,
    "no-fence": _no_fence,
    "no-limits": _no_limits,
    "obstinate": _soon,
    "impatient": _soon,
}


class FaultyLink(WebSocketLink):
    """A link that changes what passes."""

    def __init__(self, inner: Link, fault: str, memory: Said) -> None:
        self._inner = inner
        self._says: Says = SAYS.get(fault, lambda said, memory: [said])
        self._hears: Hears = HEARS.get(fault, lambda heard, memory: heard)
        self._memory = memory

    async def send(self, message: bytes | str) -> None:
        for said in self._says(msgpack.unpackb(message), self._memory):
            await self._inner.send(msgpack.packb(said))

    async def receive(self) -> bytes | str:
        try:
            return bytes(msgpack.packb(self._hears(msgpack.unpackb(await self._inner.receive()), self._memory)))
        except LinkClosed as closed:
            raise LinkClosed(1012 if self._hears is _soon else closed.code, closed.reason) from None

    async def ping(self) -> None:
        await self._inner.ping()

    async def aclose(self, code: int = 1000, reason: str = "") -> None:
        await self._inner.aclose(code, reason)


class FaultyDevice(Device):
    """The device of the guide, with the fault that the command line names."""

    def __init__(self, url: str, name: str, token: str, **more: Any) -> None:
        fault = sys.argv[1]
        memory: Said = {}

        @asynccontextmanager
        async def connect() -> AsyncIterator[Link]:
            async with open_websocket(url, token) as link:
                yield FaultyLink(link, fault, memory)

        if fault == "forgetful":
            more["spool_dir"] = None
        if fault == "no-jitter":
            more["rng"] = NoJitter()
        super().__init__(url, name, token, connect=connect, **more)


def main() -> None:
    """Be the device of the guide, but for the fault."""
    names = runpy.run_path(str(COUNTING), run_name="counting_device")
    told = names["main"].__globals__
    told["Device"] = FaultyDevice
    if sys.argv[1] == "counts-anew":
        told["next_value"] = partial(_counted_in_memory, {"value": 0})
    try:
        trio.run(names["main"])
    except DeviceRefused as error:
        raise SystemExit(str(error)) from None


def _counted_in_memory(count: dict[str, int], file: Path) -> int:
    count["value"] += 1
    return count["value"]


if __name__ == "__main__":
    os.umask(0o077)
    main()
