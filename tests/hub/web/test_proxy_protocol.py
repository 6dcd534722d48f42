"""The PROXY protocol: the examples of its specification, whatever else a connection may begin with, and bytes cut anywhere."""

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.proxy_protocol import BadProxyHeader, ProxyHeader, read_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PORTS = st.integers(0, 65_535)


def v1(source: IPv4Address | IPv6Address, port: int) -> bytes:
    return f"PROXY TCP{source.version} {source} {source} {port} 443\r\n".encode()


def v2(source: IPv4Address | IPv6Address, port: int, additions: bytes = b"", command: int = 1) -> bytes:
    places = source.packed * 2 + port.to_bytes(2, "big") + b"\x01\xbb" + additions
    return SIGNATURE + bytes([0x20 | command, 0x11 if source.version == 4 else 0x21]) + len(places).to_bytes(2, "big") + places


@given(source=st.ip_addresses(), port=PORTS, behind=st.binary(max_size=40), make=st.sampled_from([v1, v2]))
def test_header_says_the_client_and_where_it_ends(source: IPv4Address | IPv6Address, port: int, behind: bytes, make: object) -> None:
    header = (v1 if make is v1 else v2)(source, port)
    assert read_header(header + behind) == ProxyHeader(len(header), client=(str(source), port))
    for cut in range(1, len(header)):
        assert read_header(header[:cut]) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_a_header_none_or_refused(heard: bytes) -> None:
    for begin in (b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21"):
        try:
            header = read_header(begin + heard)
        except BadProxyHeader:
            continue
        assert header is None or header.size <= len(begin + heard)


@pytest.mark.parametrize(
    "heard", [b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"\x16\x03\x01\x02", b"PROXIES / HTTP/1.1\r\n", b"\r\nGET"]
)
def test_what_is_no_header_is_left_alone(heard: bytes) -> None:
    assert read_header(heard) == ProxyHeader(0)


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443 \r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 4711 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 04711 443\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 4711 443\r\n",
        b"PROXY TCP4 192.0.02.1 192.0.2.2 4711 443\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 4711 443\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 4711 443\r\n",
        b"PROXY TCP5 192.0.2.1 192.0.2.2 4711 443\r\n",
        b"PROXY tcp4 192.0.2.1 192.0.2.2 4711 443\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY  \r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\n" + bytes(80),
        b"PROXY UNKNOWN " + b"x" * 100,
    ],
)
def test_line_that_is_nearly_one_is_refused(line: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        read_header(line)


@pytest.mark.parametrize(
    "rest",
    [
        b"\x11\x11\x00\x0c" + bytes(12),  # version 1 in the binary form
        b"\x22\x11\x00\x0c" + bytes(12),  # a command that is not known
        b"\x21\x41\x00\x0c" + bytes(12),  # a family, likewise
        b"\x21\x13\x00\x0c" + bytes(12),  # a transport, likewise
        b"\x21\x11\x00\x0b" + bytes(11),  # too short for two addresses
        b"\x21\x21\x00\x0c" + bytes(12),
        b"\x21\x11\xff\xff",  # too long for anything
        b"\x21\x11\x00\x0e" + bytes(12) + b"\x04\x00",  # an addition that is cut off
        b"\x21\x11\x00\x0f" + bytes(12) + b"\x04\x00\x01",
        b"\x21\x11\x00\x13" + bytes(12) + b"\x03\x00\x04\x00\x00\x00\x01",  # a checksum that is wrong
    ],
)
def test_binary_header_that_is_nearly_one_is_refused(rest: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        read_header(SIGNATURE + rest)


def test_proxy_that_does_not_know_the_client_names_none() -> None:
    assert read_header(b"PROXY UNKNOWN\r\n") == ProxyHeader(15)
    assert read_header(b"PROXY UNKNOWN ffff:f::1 whatever 1 2\r\nGET") == ProxyHeader(38)
    for family in (b"\x00", b"\x12", b"\x01"):
        assert read_header(SIGNATURE + b"\x21" + family + b"\x00\x0c" + bytes(12)) == ProxyHeader(28)
    assert read_header(SIGNATURE + b"\x21\x31\x00\xd8" + bytes(216)) == ProxyHeader(232)


def test_proxy_that_looks_whether_we_live_speaks_for_itself() -> None:
    header = v2(IPv4Address("192.0.2.1"), 1, command=0)
    assert read_header(header) == ProxyHeader(len(header), is_local=True)


def test_checksum_that_is_right_is_taken() -> None:
    # The CRC-32C of a header with a checksum of zeros, from the algorithm as RFC 3720 writes it: bit by bit, reflected.
    header = v2(IPv4Address("192.0.2.1"), 4711, b"\x04\x00\x01x\x03\x00\x04" + bytes(4))
    remainder = 0xFFFFFFFF
    for bit in (byte >> shift & 1 for byte in header for shift in range(8)):
        remainder = (remainder >> 1) ^ (0x82F63B78 if (remainder ^ bit) & 1 else 0)
    whole = header[:-4] + socket.htonl(remainder ^ 0xFFFFFFFF).to_bytes(4, "little")
    assert read_header(whole) == ProxyHeader(len(whole), client=("192.0.2.1", 4711))
