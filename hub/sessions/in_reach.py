"""What a viewer whose login is not for the whole hub is told of: the entities of devices in reach, and of none that it cannot place.

Owns that choice, and what is told when a device comes into reach or leaves it; a guest is told of devices only, and of them what tiles
show. Plain code; greeting.py asks it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hub.core.entities import Entities
from hub.core.reach import Reach

Item = Mapping[str, Any]


class InReach:
    """What is in reach of one viewer."""

    def __init__(self, reach: Reach, entities: Entities) -> None:
        self._reach = reach
        self._entities = entities

    @classmethod
    def of(cls, reach: Reach | None, entities: Entities) -> "InReach | None":
        """Return what is in reach; None: everything."""
        return None if reach is None else cls(reach, entities)

    def tells(self, what: str) -> bool:
        """Tell whether this kind of entity is told of at all."""
        return what == "device" or not self._reach.is_guest

    def told(self, what: str, item: Item) -> Item | None:
        """Return what may be told of an entity, which is of a device in reach or the state of the hub; None: nothing."""
        if not self.tells(what):
            return None
        if what == "system":
            return item
        return (self._reach.told(item) if what == "device" else item) if self._reach.matches(str(item.get("device", ""))) else None

    def watch(self, callback: Callable[[str, Iterable[tuple[str, Item]]], None]) -> Callable[[], None]:
        """Call `callback(device, items)` when a device comes or leaves, with what to tell of it then; return the call that ends it."""
        return self._reach.watch(lambda device: callback(device, self._news_of(device)))

    def _news_of(self, device: str) -> list[tuple[str, Item]]:
        if not self._reach.matches(device):
            return [("device", self._entities.gone(device))]
        kinds = {"device": self._entities.devices(), "command": self._entities.commands(), "alert": self._entities.alerts()}
        kinds["shadow"] = self._entities.shadows()
        told = [(what, self.told(what, item)) for what, items in kinds.items() for item in items if item.get("device") == device]
        return [(what, item) for what, item in told if item is not None]
