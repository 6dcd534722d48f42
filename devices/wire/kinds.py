"""The two closed word lists of the protocol: kinds of channels and states of commands.

Owns the words; messages.py gives them to everyone else.
"""

from enum import StrEnum


class Kind(StrEnum):
    """What the values of a channel are (protocol section 4)."""

    GAUGE = "gauge"
    COUNTER = "counter"
    STATE = "state"
    TEXT = "text"
    POSITION = "position"


class CommandState(StrEnum):
    """Where a command is; the hub's ledger adds queued and sent to what a device says."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    TOO_LATE = "too_late"

    @property
    def is_final(self) -> bool:
        """Tell whether no further state follows."""
        return self in _FINAL


_FINAL = frozenset({CommandState.DONE, CommandState.FAILED, CommandState.REJECTED, CommandState.EXPIRED, CommandState.CANCELLED})
