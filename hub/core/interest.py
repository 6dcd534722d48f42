"""Of which devices a node wants the frames of others: none, some, or all.

Owns how that is said between nodes, up to which length it is, and the name by which a set is known again: the same set has the same name
everywhere and after any restart, so nobody can take frames for complete that were chosen by another. Plain values; hub/bus uses them.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

MAX_TEXT: Final = 4_000  # characters: goes with each question in the head of a request, of which a hub reads 8 KiB


@dataclass(frozen=True, slots=True)
class Interest:
    """Some devices, or None for all."""

    devices: frozenset[str] | None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        name = "" if self.devices is None else hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest()
        object.__setattr__(self, "id", name)

    def wants(self, device: str) -> bool:
        """Tell whether a device is one of them."""
        return self.devices is None or device in self.devices

    @property
    def text(self) -> str:
        """The names, which may hold anything, in ASCII without spaces; of all devices there is none."""
        return ",".join([quote(name, safe="", errors="surrogatepass") for name in sorted(self.devices or ())])


ALL: Final = Interest(None)
NOTHING: Final = Interest(frozenset())


def interest_in(devices: Collection[str]) -> Interest:
    """Return the interest in devices, or in all where these are too many to be said."""
    if sum(map(len, devices)) + len(devices) > MAX_TEXT:
        return ALL
    found = Interest(frozenset(devices))
    return found if len(found.text) <= MAX_TEXT else ALL


def read_interest(text: str | None) -> Interest:
    """Return what a node said; one that said nothing wants all."""
    if text is None:
        return ALL
    return Interest(frozenset(unquote(name, errors="surrogatepass") for name in text.split(",") if name))
