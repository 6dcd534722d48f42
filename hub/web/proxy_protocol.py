"""The PROXY protocol, versions 1 and 2: how a proxy that passes bytes on says who is really there.

Owns the reading of that header from bytes (HAProxy's proxy-protocol.txt, 2020); opens no socket and decides nobody's trust. Called by
opening.py.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_MAX_V1_BYTES: Final = 107  # with CR LF, as the specification counts
_MAX_V2_BYTES: Final = 4_096  # addresses and what proxies add: certificates' names, network namespaces
_V1_TCP: Final = re.compile(rb"PROXY TCP([46]) ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})")
_V1_UNKNOWN: Final = re.compile(rb"PROXY UNKNOWN( [\x20-\x7e]*)?")
_FAMILIES: Final = {0: 0, 1: 12, 2: 36, 3: 216}  # AF_UNSPEC, INET, INET6, UNIX: bytes of the two addresses
_STREAM: Final = 1
_CRC32C: Final = 0x03


class BadProxyHeader(ValueError):
    """These bytes begin as a PROXY header and are none: the connection is worth nothing."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a proxy said of a connection."""

    size: int  # bytes of the header; 0: there is none
    is_local: bool = False  # the proxy speaks for itself, to see whether we live
    client: tuple[str, int] | None = None  # None: it is local, there is no header, or the proxy does not know


def read_header(heard: bytes) -> ProxyHeader | None:
    """Return the header at the beginning of `heard`, None while more is to come. Raises BadProxyHeader."""
    for begin in (_SIGNATURE, b"PROXY "):
        if not heard.startswith(begin[: len(heard)]):
            continue
        if len(heard) < len(begin):
            return None
        return _read_v2(heard) if begin is _SIGNATURE else _read_v1(heard)
    return ProxyHeader(0)


def _read_v1(heard: bytes) -> ProxyHeader | None:
    line, found, _ = heard[:_MAX_V1_BYTES].partition(b"\r\n")
    if not found:
        if len(heard) >= _MAX_V1_BYTES:
            raise BadProxyHeader(f"no end within {_MAX_V1_BYTES} bytes")
        return None
    size = len(line) + 2
    if _V1_UNKNOWN.fullmatch(line):
        return ProxyHeader(size)
    if (match := _V1_TCP.fullmatch(line)) is None:
        raise BadProxyHeader("the line is not: PROXY TCP4|TCP6 address address port port")
    kind = IPv4Address if match[1] == b"4" else IPv6Address
    try:
        source, _ = kind(match[2].decode()), kind(match[3].decode())
    except ValueError as error:
        raise BadProxyHeader(str(error)) from None
    ports = int(match[4]), int(match[5])
    if max(ports) > 65_535:
        raise BadProxyHeader(f"port {max(ports)} is over 65,535")
    return ProxyHeader(size, client=(str(source), ports[0]))


def _read_v2(heard: bytes) -> ProxyHeader | None:
    if len(heard) < 16:
        return None
    version, command = heard[12] >> 4, heard[12] & 15
    family, transport = heard[13] >> 4, heard[13] & 15
    length = int.from_bytes(heard[14:16], "big")
    if version != 2 or command > 1 or family not in _FAMILIES or transport > 2:
        raise BadProxyHeader(f"version and command 0x{heard[12]:02x}, family and transport 0x{heard[13]:02x} are not known")
    if length > _MAX_V2_BYTES:
        raise BadProxyHeader(f"{length} bytes are over the limit of {_MAX_V2_BYTES}")
    size = 16 + length
    if len(heard) < size:
        return None
    if command == 0:
        return ProxyHeader(size, is_local=True)  # whatever else it holds is to be passed over
    places = _FAMILIES[family] if transport else 0
    if length < places:
        raise BadProxyHeader(f"{length} bytes hold no two addresses of {places}")
    _check_additions(heard[:size], 16 + places)
    if transport != _STREAM or family not in (1, 2):
        return ProxyHeader(size)
    width = 4 if family == 1 else 16
    address = IPv4Address(heard[16:20]) if family == 1 else IPv6Address(heard[16:32])
    port = int.from_bytes(heard[16 + 2 * width : 18 + 2 * width], "big")
    return ProxyHeader(size, client=(str(address), port))


def _check_additions(header: bytes, at: int) -> None:
    """Check that what stands behind the addresses is whole, and the checksum where there is one."""
    while at < len(header):
        end = at + 3 + int.from_bytes(header[at + 1 : at + 3], "big")
        if at + 3 > len(header) or end > len(header):
            raise BadProxyHeader("what stands behind the addresses is cut off")
        if header[at] == _CRC32C:
            said = header[at + 3 : end]
            if len(said) != 4 or int.from_bytes(said, "big") != _crc32c(header[: at + 3] + bytes(4) + header[end:]):
                raise BadProxyHeader("its checksum is wrong")
        at = end


def _crc32c(header: bytes) -> int:
    """Return the CRC-32C (RFC 3720 appendix B.4) of a few hundred bytes, once a connection: no table is worth its room."""
    crc = 0xFFFFFFFF
    for byte in header:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
