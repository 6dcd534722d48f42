"""The shapes of answers about dashboards.

Owns descriptions and examples. Used by dashboards.py.
"""

from typing import Any, Final

from hub.web.envelope import Refused
from hub.web.openapi.convention import Shape, example

DOCUMENT: Final[dict[str, Any]] = {
    "title": "Greenhouse",
    "variables": [{"name": "area", "kind": "tags", "value": "floor=2"}],
    "range": "1h",
    "tiles": [
        {
            **{"id": "t1", "type": "chart", "x": 0, "y": 0, "w": 6, "h": 4, "title": "Temperature"},
            "config": {"source": {"where": "$area"}, "channels": ["temperature"]},
        }
    ],
}
_SAID: Final = {"version": 3, "at_us": 1_795_248_000_000_000, "by": "ann"}
_LISTED: Final = {"name": "greenhouse", "title": "Greenhouse", "tiles": 1, **_SAID}
_DASHBOARD: Final = {"name": "greenhouse", **_SAID, "dashboard": DOCUMENT}
_CONFLICT: Final = {
    **{"code": "conflict", "message": "dashboard greenhouse is at version 3, by ann, not 2"},
    **{"hint": "read it again, then change what it is now", "now": _DASHBOARD, "sent": DOCUMENT},
}


class SavedVersion(Shape, json_schema_extra=example(_SAID)):
    """A version that is kept: who saved it, and when."""

    version: int
    at_us: int
    by: str


class DashboardVersions(Shape, json_schema_extra=example({"versions": [_SAID]})):
    """The versions of a dashboard that are kept, newest first."""

    versions: list[SavedVersion]


class ListedDashboard(SavedVersion, json_schema_extra=example(_LISTED)):
    """A dashboard as a list shows it: all but its document."""

    name: str
    title: str
    tiles: int
    deleted_us: int | None = None
    """Of a deleted one: since when"""


class AllDashboards(Shape, json_schema_extra=example({"dashboards": [_LISTED]})):
    """Dashboards by name."""

    dashboards: list[ListedDashboard]


class Dashboard(SavedVersion, json_schema_extra=example(_DASHBOARD)):
    """A version of a dashboard with its document."""

    name: str
    dashboard: dict[str, Any]


class ConflictingDashboard(Refused, json_schema_extra=example(_CONFLICT)):
    """A conflict: both sides, where two people changed it."""

    now: Dashboard | None = None
    sent: dict[str, Any] | None = None
