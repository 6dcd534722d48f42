"""Somebody who was let in.

Owns nothing but the record. Made by auth.py, carried by every request and live connection.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in, and the role (viewer, operator, admin, guest) that says what they may do."""

    name: str
    role: str
    login: bytes | None = field(default=None, compare=False, repr=False)  # a session or API token, by its hash; None: admin.token
    until_us: int = field(default=0, compare=False)  # when the login is over
    where: str = ""  # a tag expression: for these devices only; empty: for the whole hub
    share: str = ""  # of a guest: the link, which is for what its dashboard shows only
    is_remembered: bool = field(default=False, compare=False)  # the state store is away, and said so before: for reading only
    account: bytes | None = field(default=None, compare=False, repr=False)  # of a user; all its logins end with it
