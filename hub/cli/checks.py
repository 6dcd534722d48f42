"""What doctor looks at: each check answers with findings, ok, warn or fail, and what to do.

Owns the checks and their order; prints nothing, and changes nothing but for a database that is to be set up. A stopped hub's files are
opened read only; a running hub is asked.
"""

import os
import platform
import resource
import shutil
import socket
import sqlite3
import ssl
import stat
import time
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import trio

from hub.certificate import certificate_end_s
from hub.cli.findings import Finding, Verdict
from hub.cli.hub_checks import check_hub
from hub.cli.notice_checks import mail, webhooks
from hub.cli.place_checks import bounds, clock_state, existing, file_system, listen_queue, synchronised, tiers
from hub.cli.proxy_checks import public_address, trusted
from hub.cli.redis_checks import check_redis
from hub.cli.store_checks import check_stores
from hub.cli.store_setup import check_database, fix_database
from hub.client import HubError
from hub.client.local import LocalHub, find_local
from hub.config import ConfigError, Settings, load_settings
from hub.web.listening import FILES_BESIDE_SOCKETS

_EARLIEST_S: Final = 1_767_225_600  # 2026: a clock before that was never set
_EXPIRY_WARNING_S: Final = 14 * 86_400
_SHOWN: Final = ("duckdb", "trio", "trio-websocket", "fastapi")


def check_all(config: Path | None, data_dir: Path | None, *, is_fixing: bool = False) -> list[Finding]:
    """Return every finding, in the order a person should read them; with `is_fixing` the database is set up first."""
    try:
        settings = load_settings(config, data_dir=data_dir)
    except ConfigError as error:
        return [Finding(Verdict.FAIL, "settings", error.message, error.hint)]
    findings = [Finding(Verdict.OK, "settings", f"read{f' from {config}' if config else ''}")]
    try:
        running: LocalHub | None = find_local(settings.data_dir)
    except HubError:
        running = None
    for check in (_installation, _clock, _descriptors, _data_dir, file_system, _disk, bounds, tiers, _credentials, _tls):
        findings.extend(check(settings))
    findings += [*listen_queue(), *trusted(settings), *public_address(settings), *webhooks(settings), *mail(settings)]
    findings += [*(fix_database(settings) if is_fixing else ()), *check_database(settings), *check_redis(settings)]
    if running is not None:
        return findings + trio.run(check_hub, settings, running)
    return [*findings, *check_stores(settings), *_port(settings)]


def _installation(settings: Settings) -> Iterator[Finding]:
    missing = [
        name
        for name in ("coredis", "duckdb", "fastapi", "h11", "influxdb_client", "plotly", "argon2", "prometheus_client", "structlog")
        if find_spec(name) is None
    ]
    if missing:
        yield Finding(Verdict.FAIL, "installation", f"missing {', '.join(missing)}", "pip install 'tributary-hub[hub]'")
    else:
        libraries = ", ".join(f"{name} {version(name)}" for name in _SHOWN)
        yield Finding(
            Verdict.OK, "installation", f"complete: Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {libraries}"
        )


def _clock(settings: Settings) -> Iterator[Finding]:
    if time.time() < _EARLIEST_S:
        shown = time.strftime("%Y-%m-%d", time.gmtime())
        yield Finding(Verdict.FAIL, "clock", f"it says {shown}", "set the clock: without it readings get wrong times")
    else:
        yield from synchronised(clock_state())


def _descriptors(settings: Settings) -> Iterator[Finding]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # which a hub takes as far as it needs
    needed = settings.max_connections + FILES_BESIDE_SOCKETS
    if hard != resource.RLIM_INFINITY and hard < needed:
        found = f"{hard} files may be open here, max_connections = {settings.max_connections} needs {needed}"
        yield Finding(Verdict.WARN, "descriptors", found, f"ulimit -Hn {needed} (LimitNOFILE= in systemd), or lower max_connections")
    else:
        yield Finding(Verdict.OK, "descriptors", "enough for max_connections")


def _data_dir(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir
    if not path.exists():
        yield Finding(Verdict.OK, "data directory", f"{path} is made at the first start")
        return
    if not path.is_dir():
        yield Finding(Verdict.FAIL, "data directory", f"{path} is no directory", "choose another with --data-dir")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(Verdict.FAIL, "data directory", f"{path} is not writable for this user", "run this as the user of the hub")
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(Verdict.WARN, "data directory", f"others may look into {path}", f"chmod 700 {path}")
    else:
        yield Finding(Verdict.OK, "data directory", str(path))


def _disk(settings: Settings) -> Iterator[Finding]:
    usage = shutil.disk_usage(existing(settings.data_dir))
    yield disk_finding(usage.free, usage.total, settings.min_free_bytes)


def disk_finding(free_bytes: int, disk_bytes: int, min_free_bytes: int) -> Finding:
    """Judge the free space as the journal does."""
    least = min(min_free_bytes, disk_bytes // 10)
    found = f"{free_bytes:,} bytes free"
    if free_bytes < least:
        return Finding(Verdict.FAIL, "disk", f"{found}, below {least:,}: devices hold back", "free some space, or lower min_free_bytes")
    if free_bytes < 2 * least:
        return Finding(Verdict.WARN, "disk", f"{found}; below {least:,} devices hold back", "free some space soon")
    return Finding(Verdict.OK, "disk", found)


def _credentials(settings: Settings) -> Iterator[Finding]:
    for path in sorted([settings.data_dir / "admin.token", *settings.data_dir.glob("host-*.token")]):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue  # not there yet, or not ours to see: the data directory's line says so
        if mode & 0o077:
            yield Finding(Verdict.FAIL, "credentials", f"others may read {path}", f"chmod 600 {path}, then make new tokens")
            return
    yield Finding(Verdict.OK, "credentials", "nobody else may read them")


def _tls(settings: Settings) -> Iterator[Finding]:
    if settings.tls_certificate is None or settings.tls_key is None:
        if settings.host not in ("127.0.0.1", "::1", "localhost"):
            found = f"the hub listens on {settings.host} without TLS: tokens and readings cross the network in the clear"
            yield Finding(Verdict.WARN, "tls", found, "set tls_certificate and tls_key, or put a TLS proxy before it")
        return
    try:
        left_s = certificate_end_s(settings.tls_certificate, settings.tls_key) - time.time()
    except (OSError, ssl.SSLError) as error:
        yield Finding(Verdict.FAIL, "tls", f"{settings.tls_certificate}: {error}", "give a PEM chain and the key that belongs to it")
        return
    if left_s < _EXPIRY_WARNING_S:
        yield Finding(Verdict.WARN, "tls", f"the certificate ends in {left_s / 86_400:.1f} days", "renew it: the hub takes the new file")
    else:
        yield Finding(Verdict.OK, "tls", f"the certificate is good for {left_s / 86_400:.0f} days")


def _port(settings: Settings) -> Iterator[Finding]:
    yield Finding(Verdict.OK, "hub", "not running", "start it: tributary serve")
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            found = f"{settings.host}:{settings.port} cannot be had: {error.strerror}"
            yield Finding(Verdict.FAIL, "port", found, "stop what listens there, or choose another with --port")
            return
    yield Finding(Verdict.OK, "port", f"{settings.host}:{settings.port} is free")
