"""What is held of a dashboard in memory, and the documents that it is kept in.

Owns the shapes and both directions; decides nothing. Used by dashboards.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.ports import Document

KIND: Final = "dashboard"
OLD: Final = "dashboard version"


@dataclass(frozen=True, slots=True)
class DashboardFacts:
    """What is held of a dashboard: all but what it holds."""

    name: str
    revision: int  # of its document in the store
    title: str
    tiles: int
    versions: tuple[Mapping[str, Any], ...]  # version, at_us, by; the oldest first, the present one last
    deleted_us: int | None = None
    born_us: int = 0  # when its name was last taken; 0: before that was noted

    @property
    def version(self) -> int:
        """The present version."""
        return int(self.versions[-1]["version"])

    def item(self) -> dict[str, Any]:
        """Return what a list shows."""
        gone = {} if self.deleted_us is None else {"deleted_us": self.deleted_us}
        return {"name": self.name, "title": self.title, "tiles": self.tiles, **self.versions[-1], **gone}

    def kept(self, document: Mapping[str, Any]) -> Document:
        """Return how it is kept."""
        body = {"document": document, "versions": [dict(each) for each in self.versions], "deleted_us": self.deleted_us}
        body["born_us"] = self.born_us
        return Document(KIND, self.name, self.revision, body)


def facts_in(document: Document) -> DashboardFacts:
    """Read a kept document."""
    body = document.body
    held, versions = body["document"], tuple(body["versions"])
    return DashboardFacts(
        document.key, document.version, held["title"], len(held["tiles"]), versions, body["deleted_us"], body.get("born_us", 0)
    )


def old_of(name: str, version: int, document: Mapping[str, Any] | None = None) -> Document:
    """Return the document of a version that is not the present one; it never changes."""
    return Document(OLD, f"{name}@{version}", 1, {"document": document})
