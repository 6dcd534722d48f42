"""The route of the history store: what and where it is, what it holds, how long, how full, and how it fares.

Owns the JSON shape; the figures are the store's as last sampled, so that an answer comes at once, also while the store is away. Made into
the app by api.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, Depends, Response

from hub.core.entities import Entities
from hub.ports import HistoryStore, Retention
from hub.web.access import Access, Action
from hub.web.envelope import Answer
from hub.web.shapes.hub import Store

Figures = Mapping[str, float]
_TIERS: Final = {"raw": "raw_days", "1min": "minutes_days", "1h": "hours_days"}
_COUNTS: Final = ("readings", "series", "bytes", "hot_readings", "parked_readings", "damaged_files", "evicted_bytes", "expired_bytes")
_JOURNAL: Final = ("first_position", "position", "size_bytes", "free_bytes", "left_bytes")
_CREDENTIAL: Final = re.compile(r"//[^/@]*@")


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the hub was told of its store, and its figures as last sampled."""

    url: str = "duckdb"
    retention: Retention = field(default_factory=Retention)
    figures: Callable[[], Figures] = dict
    journal: Callable[[], Figures] = dict
    lags: Callable[[], Figures] = dict  # of followers, by name, in frames


def store_routes(history: HistoryStore, entities: Entities, access: Access, facts: StoreFacts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(access.may(Action.READ))])

    @router.get("/store", response_model=Store)
    async def store() -> Response:
        """Return what holds the history, its tiers, bounds, notes, and how it fares; the journal, and how far its followers are behind."""
        return Answer(about_store(history.name, entities.system(), facts))

    return router


def about_store(name: str, system: Mapping[str, Any], facts: StoreFacts) -> dict[str, Any]:
    """Return the answer: `system` is the state of the hub as viewers see it (docs/protocol.md section 11)."""
    figures, kept = facts.figures(), facts.retention
    store = system.get("store", {})
    fares = {key: store.get(key) for key in ("state", "since_us", "reason", "lag_frames", "left_s")}
    counts = {key: int(figures[key]) for key in _COUNTS if key in figures}
    # Only a store in the data directory keeps to a limit of ours.
    bounds = {"quota_bytes": kept.max_bytes, "limit_bytes": int(figures["limit_bytes"])} if "limit_bytes" in figures else {}
    retention = {"raw_days": kept.raw_days, "minutes_days": kept.minutes_days, "hours_days": kept.hours_days}
    return {
        "name": name,
        "url": _CREDENTIAL.sub("//", facts.url),
        **fares,
        "ack_after": system.get("ack_after", "journal"),
        **counts,
        **bounds,
        "retention": retention if bounds else {"raw_days": kept.raw_days},
        "tiers": [_tier(tier, figures, getattr(kept, days)) for tier, days in _TIERS.items() if f"{tier}_files" in figures],
        "notes": system.get("notes", []),
        "journal": {key: int(value) for key, value in facts.journal().items() if key in _JOURNAL},
        "followers": [{"name": name, "lag_frames": int(lag)} for name, lag in facts.lags().items()],
    }


def _tier(tier: str, figures: Figures, keep_days: float) -> dict[str, Any]:
    """Return one tier; times are null where it has no file."""
    times = {key: None if (at := figures.get(f"{tier}_{key}")) is None else int(at) for key in ("oldest_us", "newest_us")}
    return {
        "tier": tier,
        "files": int(figures[f"{tier}_files"]),
        "bytes": int(figures.get(f"{tier}_bytes", 0)),
        **times,
        "keep_days": keep_days,
    }
