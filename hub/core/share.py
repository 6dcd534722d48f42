"""One link to a dashboard: what is known of it, how it is kept, and what may be told.

Owns its form, in which the secret is a hash only; the rules are those of shares.py, which alone makes and changes links.
"""

from dataclasses import dataclass
from typing import Any, Final

from hub.ports import Document

KIND: Final = "share"
FOR_EVER_US: Final = 2**62  # until it is withdrawn
_KEPT: Final = ("dashboard", "name", "by", "maker", "born_us", "created_us", "expires_us", "used_us")


@dataclass(frozen=True, slots=True)
class Share:
    """A link, without the secret."""

    id: str
    dashboard: str
    name: str
    token_hash: bytes
    by: str
    maker: str  # what it hangs on besides: `user NAME TIME`, `token NAME TIME` with when that was made, or nothing
    born_us: int  # of the dashboard
    created_us: int
    expires_us: int
    used_us: int = 0
    version: int = 1

    def item(self, *, is_good: bool) -> dict[str, Any]:
        """Return what may be told of a link."""
        told: dict[str, Any] = {"id": self.id, "name": self.name, "by": self.by, "created_us": self.created_us, "is_good": is_good}
        ends = {"expires_us": self.expires_us} if self.expires_us < FOR_EVER_US else {}
        return told | ends | ({"used_us": self.used_us} if self.used_us else {})

    def document(self) -> Document:
        """Return how it is kept."""
        body = {key: getattr(self, key) for key in _KEPT} | {"hash": self.token_hash.hex()}
        return Document(KIND, self.id, self.version, body)


def share_in(document: Document) -> Share:
    """Return the link that is kept so."""
    said = {key: document.body[key] for key in _KEPT}
    return Share(id=document.key, version=document.version, token_hash=bytes.fromhex(document.body["hash"]), **said)
