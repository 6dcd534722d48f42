"""What an attacker says on one connection: plain data, made from a seed, kept as a file where it broke something.

Owns the marks that stand for what differs from run to run (tokens, the device's name, its epoch, the time) and how they are filled in.
Speaks to nobody; attack.py says it.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

# Each is written by msgpack in as many bytes as what takes its place.
EPOCH: Final = 0x5EED0E90C4E90C4E
NOW_US: Final = 0x00FEED71ADE71ADE
NAME: Final = "hostile-000000"
DEVICE_TOKEN: Final = b"@DEVICE-TOKEN@"
VIEWER_TOKEN: Final = b"@VIEWER-TOKEN@"
SOCKETS: Final = ("device", "json", "msgpack")  # who speaks, once the upgrade is answered; "raw": whoever it is, from the first byte
CHANNELS: Final[list[dict[str, Any]]] = [
    {"name": "temp", "unit": "Cel", "kind": "gauge"},
    {"name": "count", "unit": "", "kind": "counter"},
    {"name": "door", "unit": "", "kind": "state"},
    {"name": "mode", "unit": "", "kind": "state", "values": ["on", "off"]},
    {"name": "note", "unit": "", "kind": "text"},
    {"name": "place", "unit": "", "kind": "position"},
]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Steps, each sent in one piece.

    `is_framed`: they are messages, which the attacker puts into good frames; else they are bytes. `is_known`: a good hello, or the
    greeting, comes first. `leave`: "eof" (half-closes and hears the rest), "reset", or "stay" (until the hub ends it).
    """

    family: str
    seed: int
    who: str = "raw"
    steps: tuple[bytes, ...] = ()
    is_framed: bool = False
    is_known: bool = False
    leave: str = "eof"

    def with_steps(self, steps: tuple[bytes, ...]) -> "Exchange":
        """Return the same with other steps."""
        return replace(self, steps=steps)

    @property
    def size_bytes(self) -> int:
        """How much is said."""
        return sum(map(len, self.steps))

    def save(self, folder: Path, why: str) -> Path:
        """Write it as a file, with what it broke, and return its path."""
        path = folder / f"{self.family}-{self.seed}.json"
        said = {"family": self.family, "seed": self.seed, "why": why, "who": self.who, "is_framed": self.is_framed}
        said |= {"is_known": self.is_known, "leave": self.leave, "steps": [step.hex() for step in self.steps]}
        path.write_text(json.dumps(said, indent=1) + "\n")
        return path

    @classmethod
    def load(cls, path: Path) -> "Exchange":
        """Read what `save` wrote."""
        said = json.loads(path.read_text())
        del said["why"]
        return cls(**said | {"steps": tuple(map(bytes.fromhex, said["steps"]))})


@dataclass(frozen=True, slots=True)
class Filling:
    """What stands for the marks on one connection."""

    name: str
    device_token: str
    viewer_token: str
    epoch: int
    now_us: int

    def fill(self, step: bytes) -> bytes:
        """Return a step as it is sent."""
        for mark, value in (
            (EPOCH.to_bytes(8, "big"), self.epoch.to_bytes(8, "big")),
            (NOW_US.to_bytes(8, "big"), self.now_us.to_bytes(8, "big")),
            (NAME.encode(), self.name.encode()),
            (DEVICE_TOKEN, self.device_token.encode()),
            (VIEWER_TOKEN, self.viewer_token.encode()),
        ):
            step = step.replace(mark, value)
        return step
