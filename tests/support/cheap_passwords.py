"""Passwords whose hashes cost nothing: by argon2 as the product has it, with the least rounds and memory there are.

Owns the cost; what the product itself takes is held by tests/hub/auth/test_passwords.py. Used where a test logs somebody in.
"""

from typing import Final

from hub.auth import Auth
from hub.auth.passwords import HashCost, Passwords

_LEAST: Final = HashCost(rounds=1, memory_kib=8)


def cheap(auth: Auth) -> Auth:
    """Let the passwords of credentials that have not been started cost nothing, and return them."""
    auth.passwords = Passwords(_LEAST)
    return auth
