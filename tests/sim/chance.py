"""Everything that could differ from run to run, taken in hand: trio's order of tasks, random numbers, ids, threads, the CPU's clock.

Owns the places where the product meets chance, all replaced while `controlled(seed)` lasts and put back after it. A thread's work
is done in place, at a moment of the mock clock (machine.py says when), so that the same seed is the same run.
"""

import logging
import os
import random
import secrets
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

import structlog
import trio

import devices.client.websocket
import hub.sessions.device
import hub.sessions.devices
import hub.sessions.intake
import hub.sessions.live
from hub.ports import JournalBroken
from tests.sim.clock import Timers
from tests.sim.machine import run_sync
from tests.sim.streams import open_stream

_TELLS_OF_DEFECTS: Final = ("history_is_ahead_of_its_journal", "follower_missed_rows", "frame_parked", "readings_parked")


class Complaints:
    """What the hub's log said that a correct hub never says, or only where a store was told to fail."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Be the one processor of structlog: note what counts, print nothing."""
        is_raised = bool(event.get("exc_info")) and not isinstance(
            sys.exc_info()[1], JournalBroken
        )  # which ends the hub: it was told to fail
        if is_raised or event["event"] in _TELLS_OF_DEFECTS:
            self.said.append(f"{event['event']}: { ({key: value for key, value in event.items() if key not in ('event', 'exc_info')}) }")
        raise structlog.DropEvent


@contextmanager
def controlled(seed: int, timers: Timers) -> Iterator[Complaints]:
    """Let nothing but the seed decide while the block runs. Not for use beside other tasks of this process."""
    draw = random.Random(f"ids {seed}")
    complaints = Complaints()
    kept: list[tuple[Any, str, Any]] = []

    def put(owner: Any, name: str, value: Any) -> None:
        kept.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    trio_run = trio._core._run  # as hypothesis does: there is no public way to the order of tasks
    chance_before, order_before = random.getstate(), trio_run._r.getstate()
    settings = structlog.get_config()
    structlog.configure(processors=[complaints])
    put(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
    # Asking the system at each turn of the loop cost a tenth of a run.
    put(trio_run.TheIOManager, "get_events", lambda manager, timeout_s: [])  # type: ignore[attr-defined]
    put(trio.to_thread, "run_sync", run_sync)
    put(trio, "sleep", timers.sleep)
    put(trio, "sleep_until", timers.sleep_until)
    put(hub.sessions.live, "thread_time", lambda: 0.0)  # the pace of updates follows the CPU's clock
    for module in (hub.sessions.device, hub.sessions.devices, hub.sessions.intake):
        put(module, "perf_counter", trio.current_time)
    put(devices.client.websocket, "open_stream", open_stream)
    put(os, "urandom", draw.randbytes)  # keys and masks of WebSockets
    for name, value in _ids(draw).items():
        put(secrets, name, value)
    put(logging.root.manager, "disable", logging.CRITICAL)
    random.seed(f"chance {seed}")
    trio_run._r.seed(f"order {seed}")
    try:
        yield complaints
    finally:
        for owner, name, value in reversed(kept):
            setattr(owner, name, value)
        random.setstate(chance_before)
        trio_run._r.setstate(order_before)
        structlog.configure(**settings)


def _ids(draw: random.Random) -> dict[str, Callable[..., Any]]:
    return {
        "token_hex": lambda size=32: draw.randbytes(size).hex(),
        "token_bytes": lambda size=32: draw.randbytes(size),
        "token_urlsafe": lambda size=32: draw.randbytes(size).hex(),
    }
