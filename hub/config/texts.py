"""What a text must look like to be an origin, an address of a hub, a mail server, a Redis, a name of a node.

Owns the shapes and the words for a wrong one: each function returns the text, or raises ValueError. Used by settings.py.
"""

import re
import socket
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

_ORIGIN: Final = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?")
_PUBLIC_URL: Final = re.compile(rf"(?P<origin>{_ORIGIN.pattern})(?P<path>(/[A-Za-z0-9._~-]+)*)/?")
_HOST: Final = re.compile(r"(?!.*\.?\d+\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")  # not ending in a number, as addresses do
_SMTP_URL: Final = re.compile(r"(smtp://|smtp(s|\+starttls)://([^\s/?#:@]+@)?)(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?")
# A base path that is one of them could not be told from it where a proxy takes the base path away.
_OWN_PATHS: Final = frozenset({"api", "v1", "static", "login", "logout", "healthz", "readyz", "metrics", "favicon.ico"})
_REDIS_SCHEMES: Final = ("redis", "rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel")
_REDIS_SHAPES: Final = (
    "redis://HOST:6379/0, redis+cluster://HOST:6379,HOST:6379 or redis+sentinel://HOST:26379/SERVICE, with rediss for TLS"
)


def origins(value: tuple[str, ...]) -> tuple[str, ...]:
    """Hold each to be an origin as browsers send it."""
    for origin in value:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: scheme, host and port as a browser sends them, like https://dash.example.com")
    return value


def webhook_hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    """Hold each to be a host or a network."""
    for each in value:
        if not _HOST.fullmatch(each):
            ip_network(each)  # what is no name must be a network, with no bits beside it
    return value


def smtp_url(value: str | None) -> str | None:
    """Hold it to be a mail server."""
    if value is not None and not _SMTP_URL.fullmatch(value):
        raise ValueError("it is no mail server: write smtp+starttls://USER@HOST, smtps://USER@HOST or smtp://HOST, with :PORT or without")
    return value


def mail_from(value: str | None) -> str | None:
    """Hold it to be an e-mail address."""
    if value is not None and not re.fullmatch(r"[!-?A-Z^-~]{1,64}@[A-Za-z0-9.-]{1,253}", value):
        raise ValueError("it is no e-mail address; write one like hub@example.com")
    return value


def public_url(value: str | None) -> str | None:
    """Hold it to be an address of a hub, and return it without a slash at its end."""
    if value is None:
        return None
    match = _PUBLIC_URL.fullmatch(value)
    if match is None or {".", ".."} & set(value.split("/")):
        raise ValueError("it is no address of a hub: scheme, host, port and path, like https://example.com/hub")
    if (first := match["path"].split("/")[1:2]) and first[0] in _OWN_PATHS:
        raise ValueError(f"/{first[0]} is a path of the hub's own; choose another, like /hub")
    return value.rstrip("/")


def origin_of(url: str) -> str | None:
    """Return the origin of an address of a hub."""
    match = _PUBLIC_URL.fullmatch(url)
    return None if match is None else match["origin"]


def node_url(value: str | None) -> str | None:
    """Hold it to be where a hub listens."""
    if value is not None and not _ORIGIN.fullmatch(value.rstrip("/")):
        raise ValueError("it is no address of a node: scheme, host and port, like http://10.0.0.7:8080")
    return None if value is None else value.rstrip("/")


def redis_url(value: str | None) -> str | None:
    """Hold it to be an address of a Redis with no credential in it."""
    if value is None:
        return None
    parts = urlsplit(value)
    if "@" in parts.netloc:
        raise ValueError("it holds a credential, which would end up in logs; set redis_password instead")
    if parts.scheme not in _REDIS_SCHEMES or not parts.netloc:
        raise ValueError(f"it names no Redis; write {_REDIS_SHAPES}")
    return value


def host_as_node() -> str:
    """Return this machine's name as a node may be called."""
    return re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower())[:32].strip("-") or "node"
