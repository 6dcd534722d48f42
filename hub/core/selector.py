"""What a subscription asks for: which series, how far back, how wide the buckets; and the check of a viewer's request.

Owns Selector, Request and the rules of docs/protocol.md section 12. Must not know sockets or stores. Viewer sessions call it; where a
request names a tag expression, it holds the devices that this means, and `settled` says which they are at a moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from hub.core.buckets import LADDER_US
from hub.core.errors import Refusal
from hub.core.members import Members, Within
from hub.core.records import Series

MAX_ID_BYTES: Final = 64
MAX_NAMES: Final = 256  # in one list of a request
MAX_SPAN_S: Final = 400 * 86_400  # a year and a bit
DEFAULT_SPAN_S: Final = 300
MembersOf = Callable[[str], Members]  # of a tag expression


class Selector(NamedTuple):
    """Which series: sets of names, None for all."""

    devices: frozenset[str] | None
    channels: frozenset[str] | None

    def wants(self, device: str) -> bool:
        """Tell whether a device may matter."""
        return self.devices is None or device in self.devices

    def matches(self, series: Series) -> bool:
        """Tell whether a series is meant."""
        return self.wants(series.device) and (self.channels is None or series.channel in self.channels)


@dataclass(frozen=True, slots=True)
class Request:
    """A checked subscribe. With `members` the selector's devices are those that were meant when it was last `settled`."""

    id: str
    selector: Selector
    span_us: int
    width_us: int  # 0: raw
    cursor: str | None
    members: Members | Within | None = None

    @property
    def is_settled(self) -> bool:
        """Tell whether the selector has the devices that are meant now."""
        if self.members is None or self.members.names is self.selector.devices:
            return True
        return self.members.names == self.selector.devices

    def settled(self) -> "Request":
        """Return the request for the devices that are meant now."""
        return self if self.members is None else replace(self, selector=self.selector._replace(devices=self.members.names))


def is_id(name: object) -> bool:
    """Tell whether this may name a subscription. Half a surrogate pair, which JSON can spell, could not be said back."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_ID_BYTES:
        return False
    try:
        return len(name.encode()) <= MAX_ID_BYTES
    except UnicodeEncodeError:
        return False


def read_id(message: Mapping[str, Any]) -> str:
    """Return the viewer's own id of a subscription. Raises Refusal."""
    name = message.get("id")
    if not isinstance(name, str) or not is_id(name):
        raise Refusal("bad_request", f"`id` must be a text of 1 to {MAX_ID_BYTES} bytes", "name the subscription")
    return name


def read_subscribe(message: Mapping[str, Any], members_of: MembersOf) -> Request:
    """Check a subscribe. Raises Refusal, whose message names the field and the limit."""
    span_s = message.get("span_s", DEFAULT_SPAN_S)
    if isinstance(span_s, bool) or not isinstance(span_s, int | float) or not 0 <= span_s <= MAX_SPAN_S:
        raise Refusal("bad_request", f"`span_s` must be a number from 0 to {MAX_SPAN_S}", "ask for less history")
    width_us = message.get("width_us", 0)
    if isinstance(width_us, bool) or width_us not in (0, *LADDER_US):
        raise Refusal("bad_request", f"`width_us` must be 0 or one of {', '.join(map(str, LADDER_US))}", "take a width from the ladder")
    cursor = message.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise Refusal("bad_request", "`cursor` must be a text", "send the `to` of the last complete update, or leave it out")
    members = _members(message, members_of)
    devices = _names(message, "devices", None) if members is None else members.names
    selector = Selector(devices, _names(message, "channels", ["*"]))
    return Request(read_id(message), selector, int(span_s * 1_000_000), int(width_us), cursor, members)


def _members(message: Mapping[str, Any], members_of: MembersOf) -> Members | None:
    where = message.get("where")
    if where is None:
        return None
    if not isinstance(where, str):
        raise Refusal("bad_request", "`where` must be a text", 'send a tag expression: "floor=2 and not kind=test"')
    if "devices" in message:
        raise Refusal("bad_request", "`where` and `devices` are both given", "give one of them; name=pump-* in `where` means names")
    return members_of(where)


def _names(message: Mapping[str, Any], key: str, default: list[str] | None) -> frozenset[str] | None:
    names = message.get(key, default)
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise Refusal("bad_request", f"`{key}` must be an array of names", f'send "{key}": ["*"] for all')
    if "*" in names:
        return None
    if not 0 < len(names) <= MAX_NAMES:
        raise Refusal("bad_request", f"`{key}` of {len(names)} names is outside 1 to {MAX_NAMES}", 'send fewer names, or ["*"] for all')
    return frozenset(names)
