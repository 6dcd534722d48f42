"""Asking a hub for a backup of itself.

Owns how its lines are read; the hub writes the backup, on its own machine. Used by the command line.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hub.client.errors import HubError
from hub.client.http import HubClient


async def take_backup(client: HubClient, folder: Path, said: Callable[[Mapping[str, Any]], None]) -> Mapping[str, Any]:
    """Have the hub write a backup into a folder on its machine, and return what it says of it.

    `said` is told of each step. A cancelled call ends the backup, and nothing of it is left. Raises HubError.
    """
    last: Mapping[str, Any] = {}
    async with client.streamed("POST", "/api/v1/backup", {"folder": str(folder)}) as lines:
        async for line in lines:
            last = json.loads(line)
            if "step" in last:
                said(last)
    if (error := last.get("error")) is not None:
        raise HubError(str(error["code"]), str(error["message"]), str(error["hint"]))
    if "backup" not in last:
        raise HubError("closed", "the hub ended the backup without saying why", "look at the hub's log; nothing was kept")
    return last
