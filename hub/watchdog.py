"""What blocks the event loop, named while it does: the task, and the line that it is at.

Owns a thread that looks twenty times a second at when the loop last ran (metrics.py notes that), and nothing else: no task pays for it.
A process that was stopped, or got no CPU, is not blamed on anybody. Run by main.py.
"""

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, process_time
from types import FrameType
from typing import Final, NamedTuple

import structlog
import trio

from hub.core.seldom import Seldom
from hub.metrics import LoopLateness

BLOCKED_S: Final = 0.25
_LOOK_S: Final = 0.05
_OURS: Final = ("hub", "devices", "dashboard")
_ROOT: Final = Path(__file__).parent.parent
_log: Final = structlog.get_logger(__name__)


class Look(NamedTuple):
    """What one look saw, since the look before: seconds."""

    late_s: float  # since the loop ran
    overslept_s: float  # the thread itself
    busy_s: float  # CPU time of this process
    is_ready: bool  # whether the loop's thread runs, or would if it had a CPU
    ran_s: float  # CPU time of the loop's thread, since the loop ran


class Watchdog:
    """Watches the loop that it is run in."""

    def __init__(self, loop: LoopLateness, blocked_s: float = BLOCKED_S, look_s: float = _LOOK_S) -> None:
        self.blocked = 0  # times
        self._loop = loop
        self._blocked_s = blocked_s
        self._look_s = look_s
        self._seldom = Seldom()

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        return {"blocked": self.blocked}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch until cancelled."""
        ended = threading.Event()
        loop = threading.current_thread()
        threading.Thread(target=self._watch, args=(ended, loop), name="watchdog", daemon=True).start()
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    def _watch(self, ended: threading.Event, loop: threading.Thread) -> None:
        told_s, ran_s = -1.0, self._loop.ran_s
        looked_s, busy_s, (_, cpu_s) = perf_counter(), process_time(), _state(loop)
        while not ended.wait(self._look_s):
            now_s, now_busy_s, (is_ready, now_cpu_s) = perf_counter(), process_time(), _state(loop)
            if self._loop.ran_s != ran_s:
                ran_s, cpu_s = self._loop.ran_s, now_cpu_s
            look = Look(now_s - ran_s, now_s - looked_s - self._look_s, now_busy_s - busy_s, is_ready, now_cpu_s - cpu_s)
            looked_s, busy_s = now_s, now_busy_s
            if ran_s != told_s and is_blocked(look, self._blocked_s):
                told_s = ran_s
                frame = sys._current_frames().get(loop.ident or 0)
                if frame is not None and frame.f_code.co_name != "get_events":  # trio's wait for something to do: it is late in waking
                    self._tell(look, frame)

    def _tell(self, look: Look, frame: FrameType | None) -> None:
        self.blocked += 1
        task, where = described(frame)
        if times := self._seldom.times(where, perf_counter()):
            _log.warning("event_loop_blocked", for_s=round(look.late_s, 3), task=task, where=where, times=times)


def is_blocked(look: Look, blocked_s: float) -> bool:
    """Tell whether something in this process holds the loop up: not the machine, which had it stopped, or had no CPU for it."""
    if look.late_s < blocked_s or (look.is_ready and look.ran_s < look.late_s / 2):
        return False
    return look.overslept_s < blocked_s / 2 or look.busy_s > look.overslept_s / 2


def described(frame: FrameType | None) -> tuple[str, str]:
    """Return the name of the task that runs in this stack, and where: our own innermost line and, where it is another, the innermost."""
    task, own, inmost = "", "", "" if frame is None else _line(frame)
    while frame is not None:
        if not own and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
            own = _line(frame)
        if frame.f_code.co_name == "unrolled_run":  # trio's own
            task = getattr(frame.f_locals.get("task"), "name", "")
        frame = frame.f_back
    return task, inmost if own in ("", inmost) else f"{own}, at {inmost}"


def _line(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    shown = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path.name
    return f"{shown}:{frame.f_lineno} in {frame.f_code.co_name}"


def _state(thread: threading.Thread) -> tuple[bool, float]:
    """Return whether a thread runs or is ready to, and its CPU time ever; where the system does not say: it waits, and had none."""
    place = Path(f"/proc/self/task/{thread.native_id}")
    try:
        state = (place / "stat").read_bytes().rpartition(b")")[2].split()[0]
        return state == b"R", int((place / "schedstat").read_bytes().split()[0]) / 1e9
    except (OSError, IndexError, ValueError):
        return False, 0.0
