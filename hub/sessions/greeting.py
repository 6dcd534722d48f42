"""What a viewer is told without asking: devices, commands and the state of the hub, whole on entering and then the newest of each.

Owns what of the entities one viewer has yet to be sent. Bounded by the number of entities: a newer item replaces the one that waits. Plain
code; viewer.py sends what it gives.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hub.core.entities import Entities
from hub.sessions.columns import Message

MAX_ITEMS: Final = 100  # of one message
_PLURALS: Final = {"device": "devices", "command": "commands"}


class EntityMail:
    """The entities of one viewer; `wake` is called when there is something to send."""

    def __init__(self, entities: Entities, wake: Callable[[], None]) -> None:
        self._entities = entities
        self._wake = wake
        self._waiting: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._unwatch: Callable[[], None] = lambda: None

    def open(self) -> Iterator[Message]:
        """Begin to watch, and return the messages that tell everything there is.

        What changes while they are being sent comes again with a higher version.
        """
        self._unwatch = self._entities.watch(self._changed)
        whole = [*_parts("devices", self._entities.devices()), *_parts("commands", self._entities.commands())]
        return iter([*whole, {"op": "system", **self._entities.system()}])

    def close(self) -> None:
        """Watch no more."""
        self._unwatch()

    def take(self) -> Iterator[Message]:
        """Return the messages for what changed, and forget it."""
        waiting, self._waiting = self._waiting, {}
        for what, op in _PLURALS.items():
            items = [item for (kind, _), item in waiting.items() if kind == what]
            if items:
                yield from _parts(op, items)
        if ("system", "") in waiting:
            yield {"op": "system", **waiting["system", ""]}

    def _changed(self, what: str, item: Mapping[str, Any]) -> None:
        name = {"device": "device", "command": "id"}.get(what)
        self._waiting[what, str(item[name]) if name else ""] = item
        self._wake()


def _parts(op: str, items: list[Any]) -> Iterator[Message]:
    """Cut a list into messages of MAX_ITEMS, at least one."""
    for at in range(0, max(len(items), 1), MAX_ITEMS):
        yield {"op": op, "items": items[at : at + MAX_ITEMS]}
