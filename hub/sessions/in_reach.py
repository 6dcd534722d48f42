"""What a viewer whose login is for some devices only is told of: the entities of those devices, and of none that it cannot place.

Owns that choice, and what is told when a device comes into reach or leaves it. Plain code; greeting.py asks it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from hub.core.entities import Entities
from hub.core.members import Members
from hub.core.reach import narrowed
from hub.core.selector import MembersOf

__all__ = ["InReach", "narrowed"]

Item = Mapping[str, Any]


class Known(Protocol):
    """What of the hub is looked at here."""

    members: MembersOf
    entities: Entities


class InReach:
    """The devices in reach of one viewer."""

    def __init__(self, members: Members, entities: Entities) -> None:
        self._members = members
        self._entities = entities

    @classmethod
    def of(cls, where: str, known: Known) -> "InReach | None":
        """Return the devices in reach of a login with this limit, None without one. Raises Refusal where it cannot be read."""
        return cls(known.members(where), known.entities) if where else None

    def shows(self, what: str, item: Item) -> bool:
        """Tell whether an entity may be told: it is of a device in reach, or the state of the hub."""
        return what == "system" or self._members.matches(str(item.get("device", "")))

    def watch(self, callback: Callable[[str, Iterable[tuple[str, Item]]], None]) -> Callable[[], None]:
        """Call `callback(device, items)` when a device comes or leaves, with what to tell of it then; return the call that ends it."""
        return self._members.watch(lambda device: callback(device, self._news_of(device)))

    def _news_of(self, device: str) -> list[tuple[str, Item]]:
        if not self._members.matches(device):
            return [("device", self._entities.gone(device))]
        kinds = {"device": self._entities.devices(), "command": self._entities.commands(), "alert": self._entities.alerts()}
        kinds["shadow"] = self._entities.shadows()
        return [(what, item) for what, items in kinds.items() for item in items if item.get("device") == device]
