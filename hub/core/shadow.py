"""A shadow as plain values: what is desired of a device, what it reported, how far these are apart.

Owns the two documents as they are kept and shown, their versions, and the checks of what a person desires. No clock, no I/O; shadows.py
keeps them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from devices.wire.codec import encode
from devices.wire.documents import checked_document, delta, document_bytes, is_same, merged
from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_DOCUMENT_BYTES
from devices.wire.messages import Desired, Reported
from hub.core.errors import Refusal
from hub.ports import DeviceRecord, Document

DESIRED: Final = "shadow"  # kinds of documents: two, as people change the one and the device the other
REPORTED: Final = "reported"
KINDS: Final = (DESIRED, REPORTED)


class ShadowConflict(Refusal):
    """Somebody else changed it first. `now` is the shadow as it is, `sent` what was sent."""

    def __init__(self, device: str, version: int, now: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        kept = now["desired"]
        by = f", by {kept['by']}" if kept.get("by") else ""
        said = f"the desired document of {device} is at version {kept['version']}{by}, not {version}"
        super().__init__("conflict", said, "read the shadow again, then change what it is now", 409)
        self.now = now
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is desired of a device."""

    version: int = 0  # ms since 1970, and higher than the one before; 0: nothing was ever desired
    document: Mapping[str, Any] = field(default_factory=dict)
    at_us: int | None = None
    by: str = ""
    revision: int = 0  # of the kept document

    def next(self, document: Mapping[str, Any], by: str, now_us: int) -> "Wanted":
        """Return the version after this one. No two ever get the same, not even by a hub that went back to a backup."""
        return Wanted(max(self.version + 1, now_us // 1_000), document, now_us, by, self.revision + 1)

    def item(self) -> dict[str, Any]:
        """Return what is shown."""
        known = {"at_us": self.at_us, "by": self.by} if self.version else {}
        return {"version": self.version, "document": dict(self.document)} | known

    def kept(self, device: str) -> Document:
        """Return how it is kept."""
        return Document(DESIRED, device, self.revision, self.item())


@dataclass(frozen=True, slots=True)
class Known:
    """What a device reported last."""

    number: int = 0  # 0: it never did
    version: int = 0  # of the desired document that it goes by
    document: Mapping[str, Any] = field(default_factory=dict)
    at_us: int | None = None  # when it came
    error: str | None = None
    revision: int = 0

    def item(self) -> dict[str, Any]:
        """Return what is shown."""
        known: dict[str, Any] = {"at_us": self.at_us} if self.number else {}
        known |= {"error": self.error} if self.error is not None else {}
        return {"version": self.version, "document": dict(self.document)} | known

    def following(self, report: Reported, at_us: int) -> "Known":
        """Return what is known after a report; one that is not newer changes nothing: reports overtake each other."""
        if report.number <= self.number:
            return self
        return Known(report.number, report.version, report.document, at_us, report.error, self.revision + 1)

    def kept(self, device: str) -> Document:
        """Return how it is kept."""
        return Document(REPORTED, device, self.revision, self.item() | {"number": self.number})


def wanted_in(document: Document) -> Wanted:
    """Read a kept document."""
    return Wanted(**document.body, revision=document.version)


def known_in(document: Document) -> Known:
    """Read a kept document."""
    return Known(**document.body, revision=document.version)


def item_of(device: str, wanted: Wanted, known: Known) -> dict[str, Any]:
    """Return a shadow as viewers see it (protocol section 11, without `version`)."""
    apart = delta(wanted.document, known.document)
    is_in_step = known.version == wanted.version and known.error is None and not apart
    return {"device": device, "desired": wanted.item(), "reported": known.item(), "delta": apart, "is_in_step": is_in_step}


def changed(wanted: Wanted, document: Mapping[str, Any], *, is_patch: bool) -> Mapping[str, Any]:
    """Return the desired document after a change, the same object where it changes nothing. Raises Refusal with the limit."""
    try:
        said = checked_document(document, is_patch=is_patch)
        result = merged(wanted.document, said) if is_patch else said
        if is_patch and document_bytes(result) > MAX_DOCUMENT_BYTES:
            checked_document(result)
    except BadMessage as error:
        raise Refusal("bad_document", str(error), "a document holds what JSON holds, and null only to remove a key", 422) from None
    return wanted.document if is_same(result, wanted.document) else result


def check_taken(record: DeviceRecord, wanted: Wanted) -> None:
    """Refuse what the device said that it cannot take. Raises Refusal."""
    if record.description.get("shadow") is False:
        said = f"device {record.name} takes no shadow: its hello said nothing of one"
        raise Refusal("no_shadow", said, "give it a program that takes one, or send it commands", 409)
    limit = record.description.get("max_message_bytes")
    if limit is not None and not fits(limit, wanted):
        size = len(encode(Desired(wanted.version, wanted.document)))
        raise Refusal("too_large", f"{size:,} bytes are more than device {record.name} takes, {limit:,}", "shorten the document", 422)


def fits(max_bytes: int, wanted: Wanted) -> bool:
    """Tell whether a device that takes messages of so many bytes can take it."""
    return len(encode(Desired(wanted.version, wanted.document))) <= max_bytes
