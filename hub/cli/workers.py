"""`tributary serve --workers N`: the parent of several hub processes on one port.

Owns its signals and lines; hub.workers owns the processes. SIGTERM and SIGINT end all of them, SIGHUP restarts one after the other, with
the settings and the program as they are then.
"""

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog
import trio

from hub.cli.failures import failure_of
from hub.config import Settings
from hub.core.errors import Refusal
from hub.datadir import Claim
from hub.logs import configure_logs
from hub.web.listening import reserved_port
from hub.workers.directories import prepare
from hub.workers.plan import check_workers, names_of, settings_given
from hub.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from hub.web.listening import Reserved

_log = structlog.get_logger(__name__)


def serve_workers(settings: Settings, given: Mapping[str, str | int]) -> None:
    """Run workers until a signal comes; `given` is what stood on the command line, for them to read the same settings.

    Raises Refusal, DataDirError, WorkerEnded.
    """
    check_workers(settings)
    configure_logs(settings.log_level)
    with Claim(settings.data_dir) as claim, reserved_port(settings.host, settings.port) as reserved:
        prepare(settings)
        # A restart takes the settings as they are then, but for what the processes have in common.
        common = {"host": settings.host, "data_dir": str(settings.data_dir), "node": settings.node, "workers": settings.workers}
        trio.run(_run, settings, {**given, **common, "port": reserved.port}, claim, reserved)


async def _run(settings: Settings, given: Mapping[str, Any], claim: Claim, reserved: "Reserved") -> None:
    def command(number: int) -> Sequence[str]:
        return [sys.executable, "-m", "hub.cli.worker", str(number), json.dumps(given)]

    supervisor = Supervisor(names_of(settings), command)
    url = reserved.url(is_encrypted=settings.tls_certificate is not None)
    async with trio.open_nursery() as nursery:
        await nursery.start(_heed_signals, supervisor, given, nursery.cancel_scope)
        await nursery.start(supervisor.run)
        claim.tell(url, settings.tls_certificate)
        try:
            _log.info("started", url=url, data_dir=str(settings.data_dir), workers=settings.workers)
            print(f"data directory: {settings.data_dir}", file=sys.stderr, flush=True)
            print(f"ready {url}", flush=True)
            await trio.sleep_forever()
        finally:
            claim.hub_json.unlink(missing_ok=True)
    _log.info("stopped")


async def _heed_signals(
    supervisor: Supervisor, given: Mapping[str, Any], scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]
) -> None:
    # On a terminal SIGHUP means that it was closed: then the parent ends, and its workers notice.
    restarts = () if sys.stderr.isatty() else (signal.SIGHUP,)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, *restarts) as signals:
        task_status.started()
        async with trio.open_nursery() as nursery:
            asked = trio.Event()

            async def restart_when_asked() -> None:
                nonlocal asked
                while True:
                    await asked.wait()
                    asked = trio.Event()  # asked again meanwhile: once more
                    if _may_restart(given):
                        await supervisor.restart()

            nursery.start_soon(restart_when_asked)
            async for number in signals:
                if number == signal.SIGHUP:
                    asked.set()
                else:
                    _log.info("stopping", signal=signal.Signals(number).name)
                    scope.cancel()


def _may_restart(given: Mapping[str, Any]) -> bool:
    """Tell whether the settings, read anew, let workers start: else those that run are left alone."""
    try:
        check_workers(settings_given(given))
    except Refusal as refusal:
        failure = failure_of(refusal)
        _log.error("workers_not_restarted", reason="" if failure is None else failure.line)
        return False
    return True
