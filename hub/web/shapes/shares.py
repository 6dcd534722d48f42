"""The shapes of answers about the links of shared dashboards, and of what a guest sees.

Owns descriptions and examples. Used by shares.py.
"""

from typing import Any, Final

from hub.web.openapi.convention import Shape, example
from hub.web.shapes.dashboards import DOCUMENT

_SHARE: Final = {
    **{"id": "5f0c9a1be2d34f67", "name": "Screen in the hall", "by": "ann", "created_us": 1_795_248_000_000_000},
    **{"is_good": True, "expires_us": 1_795_852_800_000_000, "used_us": 1_795_251_600_000_000},
}
_URL: Final = "https://hub.example/shared/5f0c9a1be2d34f67/#/Vd1g0m3cPzQ"


class Share(Shape, json_schema_extra=example(_SHARE)):
    """A link to a dashboard, but for the secret itself."""

    id: str
    name: str
    by: str
    """Who made it"""
    created_us: int
    is_good: bool
    """False: it is over, or who made it may share no more"""
    expires_us: int | None = None
    """When it is over; without: when it is withdrawn"""
    used_us: int | None = None
    """When it was last used, to ten minutes; without: never"""


class Shares(Shape, json_schema_extra=example({"shares": [_SHARE]})):
    """The links to a dashboard, newest first, also those that are over."""

    shares: list[Share]


class MadeShare(Share, json_schema_extra=example(_SHARE | {"url": _URL})):
    """A new link, with its address: nobody can ask for that again."""

    url: str


class Shared(Shape, json_schema_extra=example({"time_us": 1_795_248_000_000_000, "dashboard": DOCUMENT})):
    """What a guest sees: the dashboard as it is saved, without the tiles that send commands."""

    time_us: int
    """The hub's clock"""
    dashboard: dict[str, Any]
