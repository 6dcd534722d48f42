"""Who is behind a proxy: what X-Forwarded-For and X-Forwarded-Proto are believed of, and from whom.

Owns the belief alone: nobody is believed but the addresses that the operator trusts. Used by visit.py for every request, by opening.py
for PROXY headers.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from hub.web.settings import Network

Address = tuple[str, int]
_SCHEMES: Final = {"http": False, "https": True}


class Outside(NamedTuple):
    """A request as it was on the far side of the trusted proxies."""

    client: Address  # port 0: nobody said it
    is_encrypted: bool


def is_trusted(host: str, trusted: Sequence[Network]) -> bool:
    """Tell whether an address is one of the trusted proxies'."""
    address = _address(host)
    return address is not None and any(address in network for network in trusted)


def outside(peer: Address, fields: Mapping[str, str], trusted: Sequence[Network], *, is_encrypted: bool) -> Outside:
    """Return who really asks, and whether they spoke TLS, from the one who is connected and what the headers say.

    The right-most address that is not a trusted proxy's is the client: what stands to the left of it was written by that client.
    """
    if not trusted or not is_trusted(peer[0], trusted):
        return Outside(peer, is_encrypted)
    said = fields.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    return Outside(_client(peer, fields.get("x-forwarded-for", ""), trusted), _SCHEMES.get(said, is_encrypted))


def _client(peer: Address, said: str, trusted: Sequence[Network]) -> Address:
    client = peer
    for entry in reversed(said.split(",")):
        address = _address(_without_port(entry.strip()))
        if address is None:
            break  # a proxy that knows no address: the last one known is the nearest to the truth
        client = str(address), 0
        if not any(address in network for network in trusted):
            break
    return client


def _without_port(entry: str) -> str:
    """Return the address of 192.0.2.1, 192.0.2.1:4711, 2001:db8::1 and [2001:db8::1]:4711."""
    if entry.startswith("["):
        inside, closed, rest = entry[1:].partition("]")
        return inside if closed and (not rest or (rest[0] == ":" and rest[1:].isdecimal())) else ""
    host, _, port = entry.partition(":")
    return host if port.isdecimal() and "." in host else entry


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            address = IPv6Address(int(address))  # of a link; networks have none
        return address.ipv4_mapped or address
    return address
