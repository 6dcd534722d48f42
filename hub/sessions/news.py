"""Changes of devices, commands and the hub's state, told to all viewers: encoded once, and given to each by a plain call.

Owns what changed since the last turn, of each entity the newest, and who is to be told. Plain code; live.py calls its turns.
"""

from collections.abc import Callable, Mapping
from typing import Any

from devices.link import Prepared
from hub.core.entities import Entities
from hub.sessions.encoding import encoded
from hub.sessions.greeting import Changes, EntityMail, messages_of, note


class News:
    """Watches the entities while there is a reader; `stir` is called when there is something to tell."""

    def __init__(self, entities: Entities, stir: Callable[[], None]) -> None:
        self._entities = entities
        self._stir = stir
        self._readers: dict[EntityMail, None] = {}
        self._changes: Changes = {}
        self._unwatch: Callable[[], None] = lambda: None

    def add(self, reader: EntityMail) -> None:
        """Tell a reader of every change from now on."""
        if not self._readers:
            self._unwatch = self._entities.watch(self._changed)
        self._readers[reader] = None

    def remove(self, reader: EntityMail) -> None:
        """Tell it no more."""
        self._readers.pop(reader, None)
        reader.close()
        if not self._readers:
            self._unwatch()
            self._changes = {}

    def turn(self) -> None:
        """Tell everybody what changed."""
        changes, self._changes = self._changes, {}
        if not changes:
            return
        messages = list(messages_of(changes))
        prepared: dict[bool, list[Prepared]] = {}
        for reader in self._readers:
            if reader.is_json not in prepared:
                prepared[reader.is_json] = [Prepared(encoded(message, is_json=reader.is_json)) for message in messages]
            reader.tell(changes, prepared[reader.is_json])

    def _changed(self, what: str, item: Mapping[str, Any]) -> None:
        note(self._changes, what, item)
        self._stir()
