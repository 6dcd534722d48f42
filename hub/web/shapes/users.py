"""The shapes of answers about people, tokens, links and the audit log.

Owns descriptions and examples. Used by users.py and login.py.
"""

from typing import Any, Final, Literal

from hub.web.openapi.convention import Shape, example

Role = Literal["viewer", "operator", "admin"]
_USER: Final = {
    **{"name": "ann", "role": "operator", "created_us": 1_795_248_000_000_000, "changed_us": 1_795_248_000_000_000},
    "version": 1,
}
_TOKEN: Final = {
    **{"name": "grafana", "role": "viewer", "by": "ann", "created_us": 1_795_248_000_000_000},
    "expires_us": 1_803_024_000_000_000,
}
_LOCKED: Final = {"what": "user", "key": "ann", "tries": 5, "left_s": 12.5}
_OWN: Final = {"name": "ann", "role": "operator", "until_us": 1_795_852_800_000_000, "has_password": True}
_SESSION: Final = {"id": "8Yk2Jd0x", "since_us": 1_795_248_000_000_000, "until_us": 1_795_852_800_000_000, "is_this": True}
_ENTRY: Final = {
    **{"number": 17, "at_us": 1_795_248_000_000_000, "who": "ann", "action": "change role", "what": "user bob"},
    "detail": {"role": "viewer", "before": "operator"},
}


class User(Shape, json_schema_extra=example(_USER)):
    """A user."""

    name: str
    role: Role
    created_us: int
    changed_us: int
    version: int
    disabled: bool | None = None
    """True: they cannot log in, and API tokens that they made are good for nothing"""


class Users(Shape, json_schema_extra=example({"users": [_USER]})):
    """Users by name."""

    users: list[User]


class ApiToken(Shape, json_schema_extra=example(_TOKEN)):
    """An API token, but for the secret itself."""

    name: str
    role: Role
    by: str
    """Who made it"""
    created_us: int
    expires_us: int
    where: str | None = None
    """The devices it is limited to, a tag expression"""


class ApiTokens(Shape, json_schema_extra=example({"tokens": [_TOKEN]})):
    """API tokens by name, also those that are over."""

    tokens: list[ApiToken]


class Locked(Shape, json_schema_extra=example(_LOCKED)):
    """Who must wait before another try."""

    what: Literal["user", "address"]
    key: str
    tries: int
    left_s: float


class AllLocked(Shape, json_schema_extra=example({"locked": [_LOCKED]})):
    """Users and addresses that must wait."""

    locked: list[Locked]


class MadeToken(ApiToken, json_schema_extra=example({**_TOKEN, "token": "trb_kq3Jd0x7yY1v"})):
    """A new API token with its secret, which is shown this once."""

    token: str


class OwnLogin(Shape, json_schema_extra=example(_OWN)):
    """Who asks."""

    name: str
    role: Role
    until_us: int | None
    """When the login is over; null: never"""
    has_password: bool


class OwnSession(Shape, json_schema_extra=example(_SESSION)):
    """A session of whoever asks."""

    id: str
    since_us: int
    until_us: int
    is_this: bool


class OwnSessions(Shape, json_schema_extra=example({"sessions": [_SESSION]})):
    """The sessions of whoever asks."""

    sessions: list[OwnSession]


class Entry(Shape, json_schema_extra=example(_ENTRY)):
    """Who did what, when, to what."""

    number: int
    at_us: int
    who: str
    """A user, token:NAME, the name in a login link, admin (admin.token) or nobody"""
    action: str
    what: str
    detail: dict[str, Any]


class Entries(Shape, json_schema_extra=example({"entries": [_ENTRY], "next": 17}, {"entries": [], "next": None})):
    """The audit log, newest first."""

    entries: list[Entry]
    next: int | None
    """The `after` of the next page; null at the end"""


class LoginLink(Shape, json_schema_extra=example({"url": "https://hub.example/login?token=8Yk2Jd0x7yY1v"})):
    """A one-time login link, good for 10 minutes."""

    url: str
