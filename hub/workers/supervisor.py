"""The parent of the workers: starts them, starts one again that ended, restarts one after the other when asked, ends all of them.

Owns when a worker is started and what its end means; what runs in it is hub.main's. Must not serve anything. Run by the command `serve`.
"""

from collections.abc import Callable, Sequence
from typing import Final

import structlog
import trio

from hub.workers.process import WorkerProcess

JOURNAL_BROKEN: Final = 75  # as hub/cli/failures.py ends a process
_PAUSE_S: Final = 0.5  # before one that ended is started again, doubled with each time up to
_MAX_PAUSE_S: Final = 30.0
_WELL_S: Final = 60.0  # one that ran so long begins with the least pause again
_READY_S: Final = 120.0  # a restart waits so long for one that starts, and leaves the others as they are then
_log: Final = structlog.get_logger(__name__)


class WorkerEnded(Exception):
    """A worker ended in a way that is for whoever runs the machine; `code` is to be handed on."""

    def __init__(self, name: str, code: int) -> None:
        self.code = code
        super().__init__(f"worker {name} ended with code {code}, and its own lines above say why; all workers were stopped")


class Slot:
    """One worker through all of its lives."""

    def __init__(self, name: str, command: Callable[[], Sequence[str]]) -> None:
        self.name = name
        self._command = command
        self._process: WorkerProcess | None = None
        self._is_asked = False  # its end is wanted
        self._hurry = trio.Event()
        self._told = trio.Event()  # what came of a restart
        self._has_come = False

    @property
    def pid(self) -> int | None:
        """The process id of the present life."""
        return None if self._process is None else self._process.pid

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep it running until cancelled; started once it listens for the first time. Raises WorkerEnded."""
        pause_s, began = _PAUSE_S, 0
        while True:
            began_s, is_first = trio.current_time(), began == 0
            code, was_ready = await self._live(task_status if is_first else trio.TASK_STATUS_IGNORED)
            began += was_ready
            if code == JOURNAL_BROKEN or not began:
                raise WorkerEnded(self.name, code)
            if self._is_asked:
                self._is_asked, pause_s = False, _PAUSE_S
                continue
            self._told.set()
            pause_s = _PAUSE_S if trio.current_time() - began_s > _WELL_S else pause_s
            _log.error("worker_ended", worker=self.name, code=code, again_in_s=pause_s)
            with trio.move_on_after(pause_s):
                await self._hurry.wait()
            pause_s = min(_MAX_PAUSE_S, 2 * pause_s)

    async def _live(self, task_status: trio.TaskStatus[None]) -> tuple[int, bool]:
        """Run one life of it; return how it ended and whether it ever listened. Cancelled, it is stopped first."""
        self._hurry = trio.Event()
        process = self._process = await WorkerProcess.start(self._command())
        try:
            if was_ready := await process.is_ready():
                _log.info("worker_ready", worker=self.name, pid=process.pid)
                if not self._is_asked:
                    self._has_come = True
                    self._told.set()
                task_status.started()
            return await process.ended(), was_ready
        finally:
            with trio.CancelScope(shield=True):
                await process.stop()
                await process.aclose()
            self._process = None

    async def restart(self) -> bool:
        """End it in order and start it again; return whether it listens again."""
        self._is_asked = self._process is not None
        self._told, self._has_come = trio.Event(), False
        self._hurry.set()
        if self._process is not None:
            self._process.ask_to_stop()
        with trio.move_on_after(_READY_S):
            await self._told.wait()
        return self._has_come


class Supervisor:
    """All workers of this machine; `command(number)` is what starts one."""

    def __init__(self, names: Sequence[str], command: Callable[[int], Sequence[str]]) -> None:
        self.slots = [Slot(name, lambda number=number: command(number)) for number, name in enumerate(names, 1)]  # type: ignore[misc]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep all of them running until cancelled; started once all listen. Raises WorkerEnded, in a group.

        The first alone: what keeps it from starting is said once, and what nodes share is made by one.
        """
        async with trio.open_nursery() as nursery:
            await nursery.start(self.slots[0].run)
            async with trio.open_nursery() as others:
                for slot in self.slots[1:]:
                    others.start_soon(nursery.start, slot.run)
            task_status.started()

    async def restart(self) -> None:
        """Restart them, each once the one before listens again; where one does not, those behind it stay as they are."""
        _log.info("workers_restarting", workers=len(self.slots))
        for slot in self.slots:
            if not await slot.restart():
                _log.error("worker_not_restarted", worker=slot.name, hint="its own lines say why; the others run on as they were")
                return
        _log.info("workers_restarted")
