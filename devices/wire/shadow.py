"""The shadow on the wire: what a device has of it, what it reports, what is desired of it.

Owns the messages of protocol section 8 and their maps; documents.py owns what a document may hold. codec.py, hello.py and from_hub.py
call it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devices.wire import fields
from devices.wire.documents import checked_document
from devices.wire.limits import MAX_REASON_BYTES, MAX_SEQ


@dataclass(frozen=True, slots=True)
class ShadowState:
    """What hello says of a shadow: a device that says nothing takes none."""

    version: int = 0  # of the desired document that was applied last; 0: none
    reported: int = 0  # number of the last report; 0: none


@dataclass(frozen=True, slots=True)
class Reported:
    """The state of a device, whole, numbered twice: as a frame, and by `number` in the order of reports."""

    epoch: int
    seq: int
    number: int  # higher than of each report before, across epochs and reboots
    version: int  # of the desired document that it goes by
    document: Mapping[str, Any]
    error: str | None = None  # why that version could not be applied


@dataclass(frozen=True, slots=True)
class Desired:
    """The shadow's desired document, whole."""

    version: int  # 0: nothing is desired
    document: Mapping[str, Any]


def state_to_map(state: ShadowState) -> dict[str, Any]:
    """Write what hello says."""
    return {"version": state.version, "reported": state.reported}


def state_from_map(value: object) -> ShadowState:
    """Read what hello says. Raises BadMessage."""
    said = fields.mapping(value, "shadow")
    return ShadowState(
        fields.optional_integer(said, "version", 0, MAX_SEQ) or 0, fields.optional_integer(said, "reported", 0, MAX_SEQ) or 0
    )


def reported_to_map(m: Reported) -> dict[str, Any]:
    """Write a report."""
    head = {"e": m.epoch, "s": m.seq, "op": "reported", "n": m.number, "version": m.version, "document": dict(m.document)}
    return head if m.error is None else head | {"error": m.error}


def reported_from_map(message: Mapping[str, Any], epoch: int, seq: int) -> Reported:
    """Read a report. Raises BadMessage."""
    return Reported(
        epoch,
        seq,
        fields.integer(message, "n", 1, MAX_SEQ),
        fields.integer(message, "version", 0, MAX_SEQ),
        checked_document(message.get("document")),
        fields.text(message, "error", MAX_REASON_BYTES) if message.get("error") is not None else None,
    )


def desired_from_map(message: Mapping[str, Any]) -> Desired:
    """Read what is desired; a device takes what its hub has let pass. Raises BadMessage."""
    return Desired(fields.integer(message, "version", 0, MAX_SEQ), fields.mapping(message.get("document") or {}, "document"))
