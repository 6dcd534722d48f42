"""A look at a database from outside, for doctor: what is right, what is not, and what cures it.

Owns the shape of a remark and of whoever makes them; each database's own look is in its package. Made by hub/stores.py from the settings.
"""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was looked at."""

    verdict: Literal["ok", "warn", "fail"]
    found: str
    cure: str = ""


class Checkup(Protocol):
    """A look at one database. Each call opens its own connections and closes them."""

    async def look(self) -> list[Remark]:
        """Return what is found, the first failure last: what comes after it could not be looked at. Changes nothing."""

    async def fix(self) -> list[Remark]:
        """Set up what is missing and return what was done, or why not. Deletes no reading."""
