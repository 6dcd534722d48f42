"""What people say of a device: title, kind, tags, notes. What the device says of itself is its description.

Owns the limits, the document they are kept in, and how an edit changes them. The registry calls it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.tags import MAX_WORD, check_tags
from hub.ports import Document

KIND: Final = "device"  # of the documents
MAX_TITLE: Final = 128  # characters
MAX_NOTES: Final = 2_000
EDITABLE: Final = ("title", "kind", "tags", "notes")


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What is known of a device from people. `revision` counts the edits, 0 before the first."""

    title: str = ""
    kind: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    revision: int = 0

    def edited(self, changes: Mapping[str, Any]) -> "DeviceFacts":
        """Return the next revision with these changes of EDITABLE. Raises Refusal with the limit and the value."""
        checked: dict[str, Any] = {key: value for key, value in changes.items() if key in EDITABLE}
        _check_text("title", checked.get("title", ""), MAX_TITLE)
        _check_text("kind", checked.get("kind", ""), MAX_WORD)
        _check_text("notes", checked.get("notes", ""), MAX_NOTES, may_have_lines=True)
        if "tags" in checked:
            checked["tags"] = check_tags(checked["tags"])
        return replace(self, **checked, revision=self.revision + 1)

    def item(self) -> dict[str, Any]:
        """Return what viewers see: only what was ever said."""
        told = {"title": self.title, "kind": self.kind, "tags": list(self.tags), "notes": self.notes, "revision": self.revision}
        return {key: value for key, value in told.items() if value}

    def document(self, device: str) -> Document:
        """Return how it is kept."""
        return Document(KIND, device, self.revision, {key: value for key, value in self.item().items() if key != "revision"})


def facts_in(document: Document) -> DeviceFacts:
    """Read a kept document."""
    said = {key: value for key, value in document.body.items() if key in EDITABLE}
    return DeviceFacts(**{**said, "tags": tuple(said.get("tags", ()))}, revision=document.version)


def _check_text(key: str, text: str, max_length: int, *, may_have_lines: bool = False) -> None:
    if len(text) > max_length:
        raise Refusal(f"bad_{key}", f"{key} of {len(text):,} characters is over the limit of {max_length:,}", "shorten it", 422)
    plain = text.replace("\n", "").replace("\t", "") if may_have_lines else text
    if not plain.isprintable():
        raise Refusal(f"bad_{key}", f"{key} holds a character that cannot be shown: {shown(text)}", "leave it out", 422)
