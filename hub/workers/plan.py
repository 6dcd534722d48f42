"""What the workers of one machine are: nodes of a cluster that share a port, each with a name, a directory and an address of its own.

Owns the names, and why a hub cannot be several processes. Starts nothing. Used by whoever starts them and by each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hub.config import Settings, load_settings
from hub.core.errors import Refusal

_NAME: Final = 32  # characters of a node's name


@dataclass(frozen=True, slots=True)
class Worker:
    """What one of several processes on one port is beside its settings."""

    root: Path  # the directory that all of them are below
    names: tuple[str, ...]  # of all of them
    host: str  # where it listens besides, for other nodes, and for tools that mean this process
    port: int  # 0: any free one
    is_encrypted: bool  # there


def settings_given(given: Mapping[str, Any]) -> Settings:
    """Return the settings as they are now, `given` before all else; `config` in it is the file. Raises ConfigError."""
    config = given.get("config")
    return load_settings(None if config is None else Path(config), **{key: value for key, value in given.items() if key != "config"})


def names_of(settings: Settings) -> tuple[str, ...]:
    """Return the names of the workers, which their directories have, too."""
    numbers = [f"-{number}" for number in range(1, settings.workers + 1)]
    return tuple([settings.node[: _NAME - len(number)] + number for number in numbers])


def as_worker(settings: Settings, number: int) -> tuple[Settings, Worker]:
    """Return the settings of one worker out of those of all, and what else it is; they are numbered from 1."""
    names = names_of(settings)
    name = names[number - 1]
    changed = {"node": name, "data_dir": settings.data_dir / name, "workers": 1}
    if settings.node_url is None:
        return settings.model_copy(update=changed), Worker(settings.data_dir, names, "127.0.0.1", 0, is_encrypted=False)
    parts = urlsplit(settings.node_url)
    is_encrypted, host = parts.scheme == "https", parts.hostname or ""
    port = (parts.port or (443 if is_encrypted else 80)) + number - 1
    changed["node_url"] = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    here = host if _is_address(host) else settings.host
    return settings.model_copy(update=changed), Worker(settings.data_dir, names, here, port, is_encrypted=is_encrypted)


def check_workers(settings: Settings) -> None:
    """Raise Refusal where these settings are of one process only."""
    told = f"workers = {settings.workers} needs"
    if settings.state != "redis":
        said = f'{told} a state that processes share, and state = "sqlite" is a file of one process'
        raise Refusal("bad_config", said, 'set state = "redis" and redis_url, or workers = 1')
    if settings.store == "duckdb":
        said = f'{told} a history that processes share, and store = "duckdb" is a file of one process'
        raise Refusal("bad_config", said, "set store to an InfluxDB or a VictoriaMetrics, or workers = 1")
    if urlsplit(settings.node_url or "").scheme == "https" and settings.tls_certificate is None:
        raise Refusal("bad_config", f"node_url = {settings.node_url!r} needs a certificate", "set tls_certificate, or write http://")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
