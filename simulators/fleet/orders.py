"""How a worker hears the course and speaks to it: lines of JSON on stdin and stdout.

Owns the two directions and nothing of what is said. A worker ends when its stdin ends: it does not outlive whoever started it.
"""

import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import trio


def say(what: str, **more: Any) -> None:
    """Tell the course something; one write, so that lines of several tasks do not mix."""
    os.write(1, json.dumps({"say": what, **more}).encode() + b"\n")


def read_plan() -> str:
    """Return the first line of stdin, before an event loop runs; byte by byte, as what follows is not ours to buffer."""
    line = bytearray()
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()


async def orders() -> AsyncIterator[dict[str, Any]]:
    """Yield each order; ends with stdin."""
    rest = b""
    stream = trio.lowlevel.FdStream(os.dup(0))
    async with stream:
        while piece := await stream.receive_some(65_536):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield json.loads(line)


def be_quiet() -> None:
    """Keep the client's log of lost connections off the terminal: the faults are wanted, and counted."""
    logging.getLogger("tributary").addHandler(logging.NullHandler())
    logging.getLogger("tributary").propagate = False
    sys.stdout = sys.stderr  # nothing but `say` writes to the course
