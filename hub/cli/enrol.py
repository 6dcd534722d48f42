"""This machine as a device of a hub on this machine: its name, its kept token, its spool.

Owns the file with the token (0600 in the data directory) and when a new one is made. `demo` and `host` use it; devices.host streams.
"""

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from devices.durable import keep
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient

_MAX_NAME: Final = 64


class Enrolled(NamedTuple):
    """A device the hub knows, and where its unacked readings are kept."""

    name: str
    token: str
    spool_dir: Path


def machine_name(said: str | None = None) -> str:
    """Return the host name as a device name: what a device name may not hold becomes a hyphen."""
    name = re.sub(r"[^A-Za-z0-9._:-]+", "-", said if said is not None else socket.gethostname()).lstrip("._:-")[:_MAX_NAME]
    return name or "this-machine"


async def enrol(client: "HubClient", data_dir: Path, name: str, *, may_replace: bool = True) -> Enrolled:
    """Return a device of this machine, added to the hub where it is new; a lost token is replaced, or else that is refused.

    Raises HubError, OSError; Refusal for a device that somebody else has the token of, where it may not be replaced.
    """
    from hub.client import HubError

    path = data_dir / f"host-{name.replace(':', '_')}.token"
    try:
        await client.device(name)
        token = _kept(path)
        if token is None and not may_replace:
            hint = "say --prefix TEXT to play under other names, or remove the device"
            raise Refusal("taken", f"the hub has a device {name!r} already, whose token is not here", hint)
        token = token or await client.new_token(name)
    except HubError as error:
        if error.status != 404:
            raise
        token = await client.add_device(name)
    keep(path, token)
    return Enrolled(name, token, data_dir / "host-spool" / name)


def _kept(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None
