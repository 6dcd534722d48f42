"""The settings as the parts of the hub want them.

Owns the translation alone: hub.config owns names, defaults and limits. Called by main.py and by commands that open a store themselves.
"""

from collections.abc import Callable
from typing import Final

from hub import memory
from hub.config import Settings
from hub.core.registry_series import SeriesBound
from hub.journal import JournalSettings
from hub.journal.room import FOLLOWERS
from hub.ports import Retention
from hub.web.settings import DoorSettings

_HISTORY_SHARE: Final = 0.25  # of the memory that the hub may use; merges have half as much beside
# With the least 2,000,000 readings are put into files and 10,000,000 merged; with half of it merges fail.
_HISTORY_MEMORY_BYTES: Final = (128_000_000, 512_000_000)


def journal_settings(settings: Settings, is_known: Callable[[str], bool] = lambda device: True) -> JournalSettings:
    """Return the bounds of the journal; `is_known` tells whether there is a device of this name."""
    return JournalSettings(
        max_bytes=int(settings.journal_max_bytes),
        min_free_bytes=int(settings.min_free_bytes),
        resume_window_s=settings.resume_window_s,
        followers=FOLLOWERS,
        is_known=is_known,
        resume_bytes=min(JournalSettings().resume_bytes, int(settings.journal_max_bytes) // 2),
    )


def retention(settings: Settings) -> Retention:
    """Return how long the history keeps what."""
    return Retention(
        raw_days=settings.keep_raw_days,
        minutes_days=settings.keep_minutes_days,
        hours_days=settings.keep_hours_days,
        max_bytes=int(settings.history_max_bytes),
        min_free_bytes=int(settings.min_free_bytes),
        memory_bytes=_history_memory_bytes(settings),
    )


def _history_memory_bytes(settings: Settings) -> int:
    """Return the memory of an embedded history: of what the hub may use its share, with which a hub at rest stays below the first step
    of its pressure from 512 MB on."""
    least, most = _HISTORY_MEMORY_BYTES
    return max(least, min(most, int(memory.bound_bytes(int(settings.memory_max_bytes)) * _HISTORY_SHARE)))


def series_bound(settings: Settings) -> SeriesBound:
    """Return how many series a device may have; one counts until the longest retention of the history is over."""
    days = [settings.keep_raw_days]
    if settings.store == "duckdb":
        days += [settings.keep_minutes_days, settings.keep_hours_days]
    return SeriesBound(settings.max_series_per_device, max(days) if all(days) else 0.0)


def store_token(settings: Settings) -> str | None:
    """Return the token of the history's database."""
    return None if settings.store_token is None else settings.store_token.get_secret_value()


def redis_passwords(settings: Settings) -> tuple[str | None, str | None]:
    """Return the passwords of a Redis, and of the sentinels that say where it is."""
    secrets = (settings.redis_password, settings.redis_sentinel_password)
    server, sentinels = (None if each is None else each.get_secret_value() for each in secrets)
    return server, sentinels


def door_settings(settings: Settings, *, is_shared: bool = False) -> DoorSettings:
    """Return what the door listens on and lets in."""
    return DoorSettings(
        host=settings.host,
        port=settings.port,
        is_shared=is_shared,
        tls_certificate=settings.tls_certificate,
        tls_key=settings.tls_key,
        public_url=settings.public_url or "",
        allowed_origins=settings.origins,
        trusted_proxies=settings.trusted_proxies,
        has_proxy_protocol=settings.proxy_protocol,
        max_connections=settings.max_connections,
        max_strangers=settings.max_strangers,
        max_strangers_per_address=settings.max_strangers_per_address,
        max_connects_per_s=settings.max_connects_per_s,
        max_requests_per_s=settings.max_requests_per_s,
        exempt_addresses=settings.exempt_addresses,
        max_small_frames_per_s=settings.max_small_frames_per_s,
    )
