"""What a login that is for some devices only may reach: those that its tag expression means, now.

Owns how a wish for devices becomes one for those of them that are in reach. The check before each route (web/access.py) and the live
session ask it; who is limited to what stands in the API token.
"""

from collections.abc import Mapping
from typing import Any, Final

from devices.wire.fields import is_device_name, shown
from hub.core.errors import Refusal
from hub.core.tags import parse

MAX_WHERE: Final = 400  # characters of a token's expression: what is asked for stands beside it


def check_where(where: str) -> str:
    """Return the expression of a limit, "" for none. Raises Refusal where it cannot be read."""
    if not where.strip():
        return ""
    if len(where) > MAX_WHERE:
        said = f"a limit to devices of {len(where):,} characters is over the limit of {MAX_WHERE}"
        raise Refusal("bad_where", said, "give the devices a tag, and name that", 422)
    parse(where)
    return where


def out_of_reach(said: str) -> Refusal:
    """Return the refusal of what a limited login asked for; the same whether there is such a device or not."""
    return Refusal("out_of_reach", f"this login is for some devices only, and {said}", "use a login without this limit", 403)


def narrowed(message: Mapping[str, Any], limit: str) -> Mapping[str, Any]:
    """Return a subscribe that asks for those of its devices that are in reach; without a limit it stays as it is. Raises Refusal.

    What it says of devices becomes an expression, as a device may come into reach and leave it while the subscription is open.
    """
    if not limit:
        return message
    devices, where = message.get("devices"), message.get("where")
    if isinstance(where, str) and devices is None:
        parse(where)  # by itself: joined to the limit first, a loose parenthesis could take it apart
        return {**message, "where": f"({where}) and ({limit})"}
    if where is not None or not isinstance(devices, list | tuple) or not devices or not all(isinstance(name, str) for name in devices):
        raise Refusal("bad_request", "a subscribe has either `devices`, an array of names, or `where`", 'send "devices": ["*"] for all')
    rest = {key: value for key, value in message.items() if key != "devices"}
    if "*" in devices:
        return {**rest, "where": limit}
    for name in devices:
        if not is_device_name(name):
            raise out_of_reach(f"{shown(name)} is the name of none")
    asked = " or ".join(f'name="{name}"' for name in devices)
    return {**rest, "where": f"({asked}) and ({limit})"}
