"""One worker of `tributary serve --workers N`, as its parent starts it: `python -m hub.cli.worker NUMBER SETTINGS`.

Owns its leash: it stops when the other end of its stdin is gone, as its parent is then. Otherwise it is a hub like any other.
"""

import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from hub.cli.failures import failure_of
from hub.cli.starting import start_quickly

if TYPE_CHECKING:
    from hub.config import Settings


def run() -> None:
    """Run the worker."""
    start_quickly()
    import structlog
    import trio

    from hub.cli.serve import run_hub
    from hub.workers import as_worker
    from hub.workers.plan import settings_given

    settings, worker = as_worker(settings_given(json.loads(sys.argv[2])), int(sys.argv[1]))
    structlog.contextvars.bind_contextvars(node=settings.node)
    threading.Thread(target=_stop_with_parent, name="leash", daemon=True).start()
    trio.run(run_hub, settings, _say_ready, worker)


async def _say_ready(settings: "Settings", url: str) -> None:
    print(f"ready {url}", flush=True)


def _stop_with_parent() -> None:
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    try:
        run()
    except BaseException as error:
        if (failure := failure_of(error)) is None:
            raise
        print(failure.line, file=sys.stderr)
        sys.exit(failure.exit_code)
