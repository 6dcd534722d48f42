"""What a login that is not for the whole hub may reach: some devices, and of them all channels or some.

Owns how a wish for readings becomes one for those of them that are in reach. An API token's limit is a tag expression; a guest, who came
by the link of a shared dashboard, reaches what its tiles show. The check before each route (web/access.py) and the live session ask it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from devices.wire.fields import is_device_name, shown
from hub.core.errors import Refusal
from hub.core.members import Members, Within
from hub.core.selector import MembersOf, Request, read_subscribe
from hub.core.tags import parse
from hub.core.tile_sources import Source

MAX_WHERE: Final = 400  # characters of a token's expression
_MAX_HELD: Final = 100
_ALL: Final = "name=*"  # devices
# Of a device a guest is told what tiles show: its name, how it is, and how often it is due.
_TOLD: Final = (
    "device",
    "version",
    "removed",
    "title",
    "presence",
    "last_seen_us",
    "connected_us",
    "expected_us",
    "flapping",
    "node_gone_us",
)
_DUE: Final = ("interval_s", "sleep_s")


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


@dataclass(frozen=True, slots=True)
class Part:
    """Devices, and the channels of theirs that are in reach; None: all."""

    members: Members | Within
    channels: frozenset[str] | None = None
    where: str = ""  # the expression that means these devices, if one does

    def has(self, channels: frozenset[str] | None) -> bool:
        """Tell whether all of these channels are in it; None: whatever there is."""
        return self.channels is None or (channels is not None and channels <= self.channels)


class Reach:
    """What one limited login may see."""

    def __init__(self, parts: Iterable[Part], *, is_guest: bool = False) -> None:
        self._parts = tuple(parts)
        self.is_guest = is_guest
        self._devices = Within(None, [part.members for part in self._parts])

    def matches(self, device: str) -> bool:
        """Tell whether a device is in reach now."""
        return self._devices.matches(device)

    def watch(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(device)` after a device came into reach or left it, or may have; return the call that ends it."""
        return self._devices.watch(callback)

    def check(self, device: str, channels: Collection[str] = ()) -> None:
        """Let these channels of a device pass, all of them where none is named. Raises Refusal 403."""
        parts = [part for part in self._parts if part.members.matches(device)]
        if not parts:
            raise out_of_reach(f"{shown(device)} is none of them")
        wanted: list[frozenset[str] | None] = [frozenset({each}) for each in channels]
        if not all(any(part.has(each) for part in parts) for each in wanted or [None]):
            raise out_of_reach(f"not for all of these channels of {shown(device)}")

    def check_where(self, where: str, channels: Collection[str]) -> None:
        """Let these channels of what an expression means pass: for a guest, where a tile shows them. Raises Refusal 403."""
        wanted = frozenset(channels) or None
        if not self.is_guest or not where or not any(part.where == where and part.has(wanted) for part in self._parts):
            raise out_of_reach("this is about others too, or does not name them by `device`")

    def request(self, message: Mapping[str, Any], members_of: MembersOf) -> Request:
        """Return a subscribe for those of its devices that are in reach with all of its channels. Raises Refusal.

        Devices may come into reach and leave it while it is open.
        """
        asked = read_subscribe(message, members_of)
        if (odd := next((name for name in asked.selector.devices or () if not is_device_name(name)), None)) is not None:
            raise out_of_reach(f"{shown(odd)} is the name of none")
        parts = [part for part in self._parts if part.has(asked.selector.channels)]
        where = message.get("where")
        # Asked by an expression of a guest's own, the devices would tell one by one which tags they have.
        if self.is_guest and (not parts or (where is not None and all(part.where != where for part in parts))):
            raise out_of_reach("no tile of its dashboard shows this")
        members = Within(asked.members if isinstance(asked.members, Members) else asked.selector.devices, [part.members for part in parts])
        return replace(asked, members=members).settled()

    def told(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what may be told of a device in reach."""
        if not self.is_guest or item.get("removed"):
            return item
        parts = [part for part in self._parts if part.members.matches(item["device"])]
        channels = [each for each in item.get("channels", ()) if any(part.has(frozenset({each["name"]})) for part in parts)]
        return {key: item[key] for key in (*_TOLD, *_DUE) if key in item} | {"channels": channels}


class Reaches:
    """The reach of each limited login, kept so that it is not made anew for each request; at most 100 of each kind."""

    def __init__(self, members_of: MembersOf, sources: Callable[[str], Sequence[Source]] = lambda share: ()) -> None:
        self._members_of = members_of
        self._sources = sources
        self._of_where: dict[str, Reach] = {}
        self._of_share: dict[str, tuple[Sequence[Source], Reach]] = {}

    def of(self, where: str, share: str) -> Reach | None:
        """Return what a login with this limit, or by this link, may see now; None: everything."""
        if share:
            return self._shared(share)
        if not where:
            return None
        if (held := self._of_where.get(where)) is None:
            if len(self._of_where) >= _MAX_HELD:
                self._of_where.clear()
            held = self._of_where[where] = Reach([Part(self._members_of(where))])
        return held

    def _shared(self, share: str) -> Reach:
        sources, held = self._sources(share), self._of_share.get(share)
        if held is not None and held[0] is sources:
            return held[1]
        if len(self._of_share) >= _MAX_HELD:
            self._of_share.clear()
        reach = Reach([self._part(source) for source in sources], is_guest=True)
        self._of_share[share] = (sources, reach)
        return reach

    def _part(self, source: Source) -> Part:
        if source.where:
            return Part(self._members_of(source.where), source.channels, source.where)
        # A stretch of the past is asked for by an expression where all devices are meant.
        return Part(Within(source.devices, [self._members_of(_ALL)]), source.channels, _ALL if source.devices is None else "")
