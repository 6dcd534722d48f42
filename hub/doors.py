"""The doors of one hub: the port of everything and, of a hub that shares it with other processes, one that leads to this process alone.

Owns where they are and what they are called; each serves the same. Made and run by main.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import trio

from hub.config import Settings
from hub.part_settings import door_settings
from hub.web.door import Door, DoorSettings
from hub.web.listening import base_url
from hub.workers import Worker

_OWN_CONNECTIONS: Final = 2_500  # at the door of this process alone: tools, and other nodes, with requests for each of its 1,000 sessions


class Doors:
    """One door, or two."""

    def __init__(self, settings: Settings, worker: Worker | None, make: Callable[[DoorSettings], Door]) -> None:
        shared = door_settings(settings, is_shared=worker is not None)
        self.main = make(shared)
        self._own = None if worker is None else make(_own_settings(shared, worker))
        self._certificate = settings.tls_certificate
        self._is_own_encrypted = worker is not None and worker.is_encrypted
        self.url = ""  # once it listens
        self.own_url = ""  # that leads here and to no other process

    async def run(self, tell: Callable[[str, bool], None], *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started with the url. Before, `tell(own url, is it encrypted)` is called. Raises Refusal."""
        async with trio.open_nursery() as nursery:
            if self._own is not None:
                host, port = await nursery.start(self._own.run)
                self.own_url = base_url(host, port, is_encrypted=self._is_own_encrypted)
            async with trio.open_nursery() as inner:  # it has the signals, and ends first
                host, port = await inner.start(self.main.run)
                self.url = base_url(host, port, is_encrypted=self._certificate is not None)
                self.own_url = self.own_url or self.url
                tell(self.own_url, self.own_url.startswith("https"))
                task_status.started(self.url)
            nursery.cancel_scope.cancel()

    def hold(self, *, is_held: bool) -> None:
        """Read no socket for a while (True), or go on (False)."""
        for door in (self.main, self._own):
            if door is not None:
                door.hold(is_held=is_held)

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        each = [door.statistics() for door in (self.main, self._own) if door is not None]
        return {name: sum([figures[name] for figures in each]) for name in each[0]}


def _own_settings(shared: DoorSettings, worker: Worker) -> DoorSettings:
    own = replace(shared, host=worker.host, port=worker.port, is_shared=False, max_connections=_OWN_CONNECTIONS)
    return own if worker.is_encrypted else replace(own, tls_certificate=None, tls_key=None)
