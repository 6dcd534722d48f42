"""Device tokens: drawn here, kept as hashes only, each with the device it is for and, in an overlap, the time until which it is good.

Owns the look-up by hash; the registry stores and decides. Its time tells nothing of a token.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from hub.ports import DeviceRecord, Document

OLD_TOKEN: Final = "old_token"  # the kind of the documents
MAX_OVERLAP_S: Final = 30 * 86_400
NO_TOKEN: Final = b""  # the hash of none: no token has it


class OldToken(NamedTuple):
    """A replaced token that is still good for a while."""

    hash: bytes
    until_us: int
    version: int  # of its document

    def document(self, device: str) -> Document:
        """Return how it is kept."""
        return Document(OLD_TOKEN, device, self.version, {"hash": self.hash.hex(), "until_us": self.until_us})


def old_token_in(document: Document) -> OldToken:
    """Read a kept document."""
    body: Mapping[str, Any] = document.body
    return OldToken(bytes.fromhex(body["hash"]), int(body["until_us"]), document.version)


def hash_token(token: str) -> bytes:
    """Return what is stored of a token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def new_token() -> str:
    """Draw a token of 256 random bits, 43 characters.

    The first is no dash: on a command line such a token would be taken for an option.
    """
    while (token := secrets.token_urlsafe(32)).startswith("-"):
        pass
    return token


class Tokens:
    """Which token is of which device."""

    def __init__(self) -> None:
        self._device: dict[bytes, str] = {}
        self.old: dict[str, OldToken] = {}  # by device
        self._admission: dict[str, int] = {}
        self._withdrawals = 0

    def keep(self, record: DeviceRecord) -> None:
        """Know the token of a device."""
        if record.token_hash != NO_TOKEN:
            self._device[record.token_hash] = record.name
        self._admission.setdefault(record.name, self._withdrawals)

    def keep_old(self, device: str, old: OldToken) -> None:
        """Know a replaced token as well."""
        self.forget_old(device)
        self.old[device] = old
        self._device[old.hash] = device

    def forget(self, token_hash: bytes) -> None:
        """Know a token no more."""
        self._device.pop(token_hash, None)

    def forget_old(self, device: str) -> OldToken | None:
        """Know a device's replaced token no more; return it."""
        old = self.old.pop(device, None)
        if old is not None:
            self.forget(old.hash)
        return old

    def forget_device(self, record: DeviceRecord) -> None:
        """Know nothing of a device any more."""
        self.forget(record.token_hash)
        self.forget_old(record.name)
        self.withdrawn(record.name)  # also for whoever gets the name next
        del self._admission[record.name]

    def device_of(self, token: str, now_us: int) -> str | None:
        """Return the device that a token is for now."""
        found = hash_token(token)
        device = self._device.get(found)
        if device is None:
            return None
        old = self.old.get(device)
        return None if old is not None and old.hash == found and old.until_us <= now_us else device

    def over(self, now_us: int) -> list[str]:
        """Return the devices whose replaced token is no longer good."""
        return [device for device, old in self.old.items() if old.until_us <= now_us]

    def withdrawn(self, device: str) -> None:
        """Draw another admission: who was let in before is not let in any more."""
        self._withdrawals += 1
        self._admission[device] = self._withdrawals

    def admission(self, device: str) -> int | None:
        """Return the number of the admission that holds now."""
        return self._admission.get(device)
