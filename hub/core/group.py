"""One command to many devices, as it is kept: what was asked, how many devices are in each state, when all had ended.

Owns the record and its documents; counts nothing itself (tallies.py does) and sends nothing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, NamedTuple

from devices.wire.messages import CommandState
from hub.ports import Document

KIND: Final = "group command"
REFUSALS: Final = "group refusals"  # apart: only who asks for one group wants them, and its document is written again when it ends
REMOVED: Final = "removed"  # in a tally: what went with its device
_OPEN: Final = tuple(state.value for state in CommandState if not state.is_final and state is not CommandState.TOO_LATE)
_ORDER: Final = (*(state.value for state in CommandState if state is not CommandState.TOO_LATE), REMOVED)


class Refused(NamedTuple):
    """A device that was meant and cannot take the command."""

    device: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group command. Its `devices` are fixed when it is made."""

    id: str
    name: str
    by: str
    fingerprint: str  # of what was asked: the same key stands for the same
    where: str | None  # the expression that chose the devices; None: they were named
    devices: int  # that are commanded
    refused: int  # that were meant as well
    args_bytes: int
    created_us: int
    expires_us: int
    ended_us: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)  # state -> commands
    version: int = 1  # of its document

    @property
    def is_open(self) -> bool:
        """Tell whether one of its commands has not ended."""
        return any(self.counts.get(state) for state in _OPEN)

    def counted(self, counts: Mapping[str, int], now_us: int) -> "Group":
        """Return it with other counts; what is missing of its devices went with them. Its document changes where it ends."""
        known = {state: count for state, count in counts.items() if count and state != REMOVED}
        gone = self.devices - sum(known.values())
        following = replace(self, counts=known | ({REMOVED: gone} if gone else {}))
        if self.ended_us is None and not following.is_open:
            return replace(following, ended_us=now_us, version=self.version + 1)
        return following

    def document(self) -> Document:
        """Return it as it is kept. The counts of an open one are those of its commands, so that they cannot differ."""
        body = {key: value for key, value in asdict(self).items() if key not in ("id", "version")}
        return Document(KIND, self.id, self.version, body | {"counts": dict(self.counts) if self.ended_us is not None else {}})

    def item(self) -> dict[str, Any]:
        """Return it as viewers see it (protocol section 11, without `version`)."""
        told = {key: getattr(self, key) for key in ("id", "name", "by", "devices", "refused", "created_us", "expires_us")}
        optional = {"where": self.where, "ended_us": self.ended_us}
        tally = {state: self.counts[state] for state in _ORDER if self.counts.get(state)}
        return told | {"tally": tally} | {key: value for key, value in optional.items() if value is not None}


def group_in(document: Document) -> Group:
    """Read a group's document."""
    return Group(id=document.key, version=document.version, **document.body)


def refusals_document(group_id: str, refused: list[Refused]) -> Document:
    """Return who cannot take the command, as it is kept."""
    return Document(REFUSALS, group_id, 1, {"refused": [list(each) for each in refused]})


def refusals_in(document: Document | None) -> list[Refused]:
    """Read that document; none: nobody."""
    return [] if document is None else [Refused(*each) for each in document.body["refused"]]
