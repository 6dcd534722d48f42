"""The newest readings of a hub.

Owns the path; the hub decides. Used by the command line and by programs.
"""

import json
from collections.abc import Sequence
from typing import Any

from hub.client.http import HubClient


async def latest(
    client: HubClient, devices: Sequence[str] = (), channels: Sequence[str] = (), *, where: str | None = None
) -> list[dict[str, Any]]:
    """Return the newest reading of each channel, by device and channel: device, channel, unit, kind, `t` in µs, value. Raises HubError.

    Without `devices` of those that a tag expression means, or of all.
    """
    params = {"device": list(devices), "channel": list(channels)} | ({} if where is None else {"where": where})
    async with client.answered("GET", "/api/v1/latest", params=params) as answer:
        return list(json.loads(await answer.aread())["readings"])
