"""Passwords: what makes one, their hashes by argon2, and comparing with a hash, or with none, in the same time.

Owns the cost of a hash and the threads that bear it; keeps no password. Used by auth.py.
"""

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import trio
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.core.errors import Refusal

T = TypeVar("T")
MIN_LETTERS: Final = 10
MAX_BYTES: Final = 1_024
_MAX_WAITING: Final = 16  # for a thread; more are told to come back


@dataclass(frozen=True, slots=True)
class HashCost:
    """What a hash costs who makes one, and who guesses: 32 MiB and about 80 ms are above the OWASP minimum."""

    rounds: int = 3
    memory_kib: int = 32 * 1024


COST: Final = HashCost()


class Passwords:
    """Two threads that hash: at most 64 MiB, and the event loop waits for neither."""

    def __init__(self, cost: HashCost = COST) -> None:
        self._hasher = PasswordHasher(time_cost=cost.rounds, memory_cost=cost.memory_kib, parallelism=1)
        self._threads = trio.CapacityLimiter(2)
        self._nobodys = ""  # the hash that a name without a user is compared with

    async def start(self) -> None:
        """Make the hash of nobody's password."""
        self._nobodys = await self._call(lambda: self._hasher.hash(secrets.token_bytes(16)))

    async def hash_of(self, password: str) -> str:
        """Return the hash to keep, with its own salt and cost in it. Raises Refusal 422 where it is too short or too long, 503."""
        password = _normal(password)
        if len(password) < MIN_LETTERS:
            said = f"a password has at least {MIN_LETTERS} characters, this one {len(password)}"
            raise Refusal("bad_password", said, "take a longer one", 422)
        if (size := len(password.encode())) > MAX_BYTES:
            raise Refusal("bad_password", f"a password has at most {MAX_BYTES:,} bytes, not {size:,}", "take a shorter one", 422)
        return await self._call(lambda: self._hasher.hash(password))

    async def is_right(self, password: str, password_hash: str | None) -> bool:
        """Tell whether a password is the one of a hash; with no hash it takes as long and is wrong. Raises Refusal 503."""

        def compare() -> bool:
            try:
                is_same = self._hasher.verify(password_hash or self._nobodys, _normal(password)[: MAX_BYTES + 1])
                return is_same and password_hash is not None
            except (VerificationError, InvalidHashError):
                return False

        return await self._call(compare)

    async def _call(self, call: Callable[[], T]) -> T:
        if self._threads.statistics().tasks_waiting >= _MAX_WAITING:
            raise Refusal("busy", f"{_MAX_WAITING} logins are waiting, which is the limit", "try again in a few seconds", 503)
        return await trio.to_thread.run_sync(call, limiter=self._threads)


def _normal(password: str) -> str:
    """Return a password as every keyboard spells it: an accent typed apart is the same letter. Half surrogate pairs become marks."""
    return unicodedata.normalize("NFC", password).encode(errors="replace").decode()
