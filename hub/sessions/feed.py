"""The live part of the hub, as a viewer's connection sees it.

Owns a port and nothing else: live.py is behind it, viewer.py before it.
"""

from typing import Protocol

from devices.link import ServerLink
from hub.core.entities import Entities
from hub.core.lines import Lines
from hub.core.selector import MembersOf
from hub.sessions.drawn import ViewerHops
from hub.sessions.groups import Groups
from hub.sessions.journals import JournalRange
from hub.sessions.news import News
from hub.sessions.places import Places
from hub.sessions.snapshot import Painter
from hub.sessions.subscription import Owner
from hub.sessions.updates import Updates


class Feed(Protocol):
    """What feeds mailboxes, and what it knows."""

    position: int
    stored: int
    hub_name: str
    lines: Lines
    entities: Entities
    painter: Painter
    groups: Groups
    news: News
    members: MembersOf
    places: Places

    @property
    def hops(self) -> ViewerHops:
        """Where updates to viewers are counted."""

    @property
    def journal(self) -> JournalRange:
        """The journal: its id, first and last position."""

    def now(self) -> int:
        """Return the wall clock in µs."""

    def round_trip_s(self, link: ServerLink) -> float | None:
        """Return how long the last ping over a viewer's link took; None where none was answered yet."""

    def register(self, updates: Updates, owner: Owner) -> None:
        """Feed a mailbox from now on."""

    def unregister(self, updates: Updates) -> None:
        """Feed it no more, and take its lines back."""
