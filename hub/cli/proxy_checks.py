"""What doctor sees of the way from outside to the hub: trusted proxies, the public address, the names in the certificate.

Owns those checks; sends no credential anywhere. Changes nothing. checks.py calls them.
"""

import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from hub.certificate import certificate_names
from hub.cli.findings import Finding, Verdict
from hub.client import HubError
from hub.client.outside import health_at
from hub.config import Settings

_MANY: Final = 1_024  # addresses of a network outside private ranges: more than anybody's own proxies


def trusted(settings: Settings) -> Iterator[Finding]:
    """Yield where more is believed of proxies than is safe, or nothing of one that is there."""
    for network in settings.trusted_proxies:
        if network.prefixlen == 0:
            found = f"trusted_proxies has {network}: anybody may say from which address they come, and that they are on this machine"
            yield Finding(Verdict.FAIL, "trusted_proxies", found, "name the proxies' own addresses")
        elif not network.is_private and network.num_addresses > _MANY:
            found = f"trusted_proxies has {network}, {network.num_addresses:,} public addresses: whoever has one is believed"
            yield Finding(Verdict.WARN, "trusted_proxies", found, "name the proxies' own addresses")
    if settings.proxy_protocol and not settings.trusted_proxies:
        found = "proxy_protocol is set, and no proxy is trusted: no PROXY header is read"
        yield Finding(Verdict.FAIL, "trusted_proxies", found, "name the proxy in trusted_proxies")
    is_behind = settings.public_url is not None and urlsplit(settings.public_url).scheme == "https" and settings.tls_certificate is None
    if is_behind and not settings.trusted_proxies:
        found = "public_url says that a proxy ends TLS, and trusted_proxies is empty: log and limits take everybody for that proxy"
        yield Finding(Verdict.WARN, "trusted_proxies", found, "name the proxy in trusted_proxies")


def public_address(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with public_url by itself, and with the certificate for it."""
    if settings.public_url is None:
        return
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    if parts.scheme == "http" and not _is_here(host):
        found = f"{settings.public_url} is not encrypted: passwords, tokens and readings cross the network in the clear"
        yield Finding(Verdict.WARN, "public_url", found, "have the proxy speak https, and say so in public_url")
    if settings.tls_certificate is None or parts.scheme != "https" or settings.trusted_proxies:
        return
    try:
        names = certificate_names(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError):
        return  # the certificate's own line says so
    if not any(is_name_of(host, name) for name in names):
        found = f"the certificate is for {', '.join(names) or 'nobody'}, and public_url has {host}: browsers and devices refuse it"
        yield Finding(Verdict.FAIL, "public_url", found, f"get a certificate with the name {host}")


def is_name_of(host: str, name: str) -> bool:
    """Tell whether a name of a certificate stands for a host; a * stands for its first word (RFC 6125)."""
    host, name = host.lower(), name.lower()
    return host == name or (name.startswith("*.") and host.partition(".")[2] == name[2:])


async def public_answer(settings: Settings) -> list[Finding]:
    """Ask at public_url, without a credential, whether a hub answers there. Some networks let no machine reach its own address."""
    if settings.public_url is None:
        return []
    try:
        answer = await health_at(settings.public_url)
    except HubError as error:
        return [Finding(Verdict.WARN, "public_url", error.message, error.hint)]
    if answer.sent_on_to:
        found = f"{settings.public_url} sends on to {answer.sent_on_to}"
        return [Finding(Verdict.WARN, "public_url", found, "set public_url to where browsers end up")]
    if answer.status != 200 or answer.text != '{"status":"ok"}':
        found = f"at {settings.public_url} somebody else answers, with {answer.status}"
        return [Finding(Verdict.FAIL, "public_url", found, "let the proxy pass all below this address to the hub, the path as it is")]
    return [Finding(Verdict.OK, "public_url", f"a hub answers at {settings.public_url}")]


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
