"""Where a webhook may go: no address of this machine or its own network, unless the setting `webhook_allow` names it.

Owns that judgment, on the address itself, just before it is connected to: a name may mean another address each time it is asked for.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import trio

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address, and a gateway goes there
# Beyond what Python calls not global: relays, benchmarks, and what was given back.
_ALSO_OURS: Final = tuple(ip_network(each) for each in ("192.88.99.0/24", "64:ff9b:1::/48", "fec0::/10", "100.64.0.0/10", "198.18.0.0/15"))


class AddressDenied(Exception):
    """A webhook may not go there; the text says why, and what would allow it."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What `webhook_allow` names."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()  # lower case

    def check(self, host: str, address: Address) -> None:
        """Let an address of a host pass. Raises AddressDenied."""
        address = _meant(address)
        if host.lower() in self.hosts or any(address in network for network in self.networks):
            return
        if not is_public(address):
            what = str(address) if host == str(address) else f"{host} is {address}, which"
            raise AddressDenied(f"{what} is no public address; the setting webhook_allow may name it")

    async def resolve(self, host: str, port: int) -> Address:
        """Return an address of a host that may be connected to. Raises AddressDenied, OSError and UnicodeError."""
        found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        for address in addresses:
            self.check(host, address)  # one that may not is enough: a name that means both is no honest one
        return addresses[0]


def allowed_in(names: Iterable[str]) -> Allowed:
    """Read `webhook_allow`: networks, addresses and host names."""
    networks, hosts = list[Network](), set[str]()
    for name in names:
        try:
            networks.append(ip_network(name))
        except ValueError:
            hosts.add(name.lower())
    return Allowed(tuple(networks), frozenset(hosts))


def is_public(address: Address) -> bool:
    """Tell whether an address is one host of the public internet."""
    address = _meant(address)
    if address.is_multicast or address.is_reserved or address.is_unspecified or any(address in network for network in _ALSO_OURS):
        return False
    return address.is_global


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
