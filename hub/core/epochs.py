"""Which epochs are of imported files: their marks are kept for ever, so that a file that comes again years later changes nothing.

Owns that range. Plain code; the journal's marks and imports read it. A device that draws one of these by chance (one in 32,768) has a
mark that is never forgotten, and nothing else changes.
"""

from typing import Final

IMPORTED_FROM: Final = 2**63 - 2**48


def imported_epoch(digest: bytes) -> int:
    """Return the epoch that stands for the contents with this digest (6 bytes or more of it count)."""
    return IMPORTED_FROM + int.from_bytes(digest[:6], "big")
