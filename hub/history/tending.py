"""The upkeep of the history store while the hub runs: retention, quota, files in order, a part every few seconds.

Owns when it is done; how is the store's own. It runs behind the barrier of the followers: whatever it raises is told to the log, and the
hub and its ingest go on. Started by main.py.
"""

from typing import Final

import trio

from hub.followers import restarted
from hub.ports import HistoryStore, Now

PERIOD_S: Final = 5.0


class Tending:
    """Calls `tend` for ever."""

    def __init__(self, store: HistoryStore, now: Now) -> None:
        self._store = store
        self._now = now

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tend the store until cancelled."""
        task_status.started()
        await restarted("store_upkeep", self._tend)

    async def _tend(self) -> None:
        while True:
            await trio.sleep(PERIOD_S)
            await self._store.tend(self._now())
