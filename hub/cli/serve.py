"""`tributary serve`: one hub in this process until it is told to stop.

Owns signals and the lines on stdout and stderr; hub.main owns the hub. SIGTERM and SIGINT stop it from the inside out.
"""

import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import ConfigOption, DataDirOption, HostOption, LogLevelOption, PortOption
from hub.cli.starting import return_what_is_free, spare_collector

if TYPE_CHECKING:
    from hub.config import Settings
    from hub.workers import Worker

WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", help="Processes on the port; more than 1 need Redis and a shared history. Default 1."),
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    host: HostOption = None,
    port: PortOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    log_level: LogLevelOption = None,
    workers: WorkersOption = None,
) -> None:
    """Run the hub: devices, dashboard and API on one port, until SIGTERM or Ctrl-C.

    Prints `ready URL` on stdout once it listens; logs go to stderr. Open the dashboard with `tributary login`. With workers SIGHUP restarts
    one after the other.
    """
    import trio

    from hub.config import load_settings

    given = {"host": host, "port": port, "data_dir": data_dir, "log_level": log_level, "workers": workers}
    settings = load_settings(config, **given)
    if settings.workers > 1:
        from hub.cli.workers import serve_workers

        said = {key: value if isinstance(value, int) else str(value) for key, value in given.items() if value is not None}
        return serve_workers(settings, said | ({} if config is None else {"config": str(config)}))
    trio.run(run_hub, settings, _say_ready)


async def _say_ready(settings: "Settings", url: str) -> None:
    print(f"data directory: {settings.data_dir}", file=sys.stderr, flush=True)
    print(f"ready {url}", flush=True)


async def run_hub(settings: "Settings", when_ready: "Callable[[Settings, str], Awaitable[None]]", worker: "Worker | None" = None) -> None:
    """Run a hub until a signal comes; `when_ready` runs beside it once it listens. Raises what hub.main.serve raises."""
    import structlog
    import trio

    from hub import main
    from hub.logs import configure_logs
    from hub.web.listening import make_room

    configure_logs(settings.log_level)
    make_room(settings.max_connections)
    log = structlog.get_logger(__name__)
    _shorten_thread_turns()
    return_what_is_free()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        try:
            async with trio.open_nursery() as nursery:

                async def stop_on_signal() -> None:
                    async for number in signals:
                        log.info("stopping", signal=signal.Signals(number).name)
                        nursery.cancel_scope.cancel()

                nursery.start_soon(stop_on_signal)
                url = await nursery.start(main.serve, settings, worker)
                log.info("started", url=url, data_dir=str(settings.data_dir), version=version("tributary-hub"), pid=os.getpid())
                spare_collector()
                await when_ready(settings, url)
        finally:
            gc.unfreeze()
    log.info("stopped")


def _shorten_thread_turns() -> None:
    """Give the event loop its turn back from a storage thread after 0.5 ms instead of 5."""
    sys.setswitchinterval(0.0005)
