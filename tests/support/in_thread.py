"""Something of trio's in a thread of its own, beside a test that is not: a device next to a browser, a proxy.

Owns the thread and how it ends. What fails in it fails the test.
"""

import threading
from collections.abc import Callable
from typing import Any

import trio


class InThread:
    """Something of trio's beside a test that is not: runs until the block is left, then once more for what it does at its end."""

    def __init__(self, run: Callable[[trio.Event, Callable[[], None]], Any]) -> None:
        self._run = run
        self._started = threading.Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> "InThread":
        self._thread = threading.Thread(target=self._main)
        self._thread.start()
        assert self._started.wait(20)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def call(self, what: Callable[[], Any]) -> None:
        """Do something where it runs."""
        trio.from_thread.run_sync(what, trio_token=self._token)

    def stop(self) -> None:
        """End it, and return when it has ended."""
        trio.from_thread.run_sync(self._stop.set, trio_token=self._token) if self._thread.is_alive() else None
        self._thread.join(30)
        if self._failure is not None:
            raise self._failure

    def _main(self) -> None:
        async def main() -> None:
            self._token, self._stop = trio.lowlevel.current_trio_token(), trio.Event()
            await self._run(self._stop, self._started.set)

        try:
            trio.run(main)
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()
