"""A reading that is not as it was sent, and how it is told.

Owns the record and its sentence. Made by the audits of the store and of viewers.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Difference:
    """`kind` is missing, doubled, changed or invented (there, and never made); of what follows from readings, folded (a bucket),
    newest, or skipped (an update that does not go on from the one before it); of readings dated too far ahead, unrefused (the hub does not
    say that it rejected them) and refused (it says so of one that was not).

    `number` is the frame's, None where no frame fits.
    """

    kind: str
    device: str
    channel: str
    time_us: int
    number: int | None
    sent: Any
    found: Any
    where: str = ""  # the store, or a viewer
    epoch: int | None = None
    seq: int | None = None

    @property
    def order(self) -> tuple[int, str, str]:
        """By time, then by name."""
        return self.time_us, self.device, self.channel

    def said(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Difference":
        """Read it from JSON."""
        return cls(**said)

    def line(self) -> str:
        """Return it as a sentence."""
        moment = (_EPOCH + timedelta(microseconds=self.time_us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        frame = "" if self.number is None else f", frame {self.number}"
        journal = "" if self.seq is None else f", epoch {self.epoch} seq {self.seq}"
        facts = {
            "missing": f"sent {self.sent!r}, not found",
            "doubled": f"sent {self.sent!r} once, found twice, the second as {self.found!r}",
            "changed": f"sent {self.sent!r}, found {self.found!r}",
            "invented": f"never sent, found {self.found!r}",
            "unrefused": f"sent {self.sent!r} dated more than 24 h ahead, and not rejected for it",
            "refused": "rejected as dated too far ahead, and nothing was sent so",
            "folded": f"in the bucket from there lie {self.sent}, and it says {self.found!r}",
            "skipped": f"was told everything up to {self.sent!r}, and an update goes on from {self.found!r}",
            "newest": f"the newest reading stored is {self.sent!r}, and the hub says {self.found!r}",
        }
        return (
            f"{self.where}: {self.kind}: {self.device}/{self.channel} at {moment} ({self.time_us} µs{frame}{journal}): {facts[self.kind]}"
        )
