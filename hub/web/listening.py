"""Opening the port: addresses, TLS, and a plain word where either cannot be had.

Owns the refusals of a start; serves nothing. Called by the door once.
"""

import errno
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Final, NamedTuple

import trio

from hub.core.errors import Refusal
from hub.web.settings import DoorSettings

_EXIT_HINTS: Final = {
    errno.EACCES: "choose a port of 1024 or above, or give the program the right to this one",
    errno.EADDRNOTAVAIL: "choose an address of this machine: 127.0.0.1 for itself only, 0.0.0.0 for all",
}

FILES_BESIDE_SOCKETS: Final = 128  # of a hub: databases, files of history, who is only told that there is no room
_BACKLOG: Final = 4_096  # connections that wait to be accepted; the system's own limit may be lower


async def listen(settings: DoorSettings) -> list[trio.SocketListener]:
    """Return the open listeners, one per address of the host. Raises Refusal: port_taken, cannot_listen."""
    try:
        if settings.is_shared:
            return _shared(settings.host, settings.port)
        listeners = await trio.open_tcp_listeners(settings.port, host=settings.host)
    except OSError as error:
        raise _refusal(error, settings.host, settings.port) from None
    if settings.port == 0:
        # Each address got a port of its own; one is what is told.
        for spare in listeners[1:]:
            spare.socket.close()
        del listeners[1:]
    return listeners


def room(max_connections: int) -> int:
    """Return how many connections there may be: no more than leave descriptors for everything else."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max_connections if soft == resource.RLIM_INFINITY else max(1, min(max_connections, soft - FILES_BESIDE_SOCKETS))


def make_room(max_connections: int) -> None:
    """Let this process open as many files as so many connections need, or as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max_connections + FILES_BESIDE_SOCKETS
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard))


def _shared(host: str, port: int) -> list[trio.SocketListener]:
    """Listen beside other processes: the system gives each new connection to one of them. Raises OSError."""
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(_bound(family, address, is_shared=True))) for family, address in _addresses(host, port)]
        for each in opened:
            each.listen(_BACKLOG)
        stack.pop_all()
    return [trio.SocketListener(trio.socket.from_stdlib_socket(each)) for each in opened]


class Reserved(NamedTuple):
    """A port that processes are going to share."""

    host: str  # to open it by from this machine
    port: int

    def url(self, *, is_encrypted: bool) -> str:
        """Return the address as a URL."""
        return base_url(self.host, self.port, is_encrypted=is_encrypted)


@contextmanager
def reserved_port(host: str, port: int) -> Iterator[Reserved]:
    """Hold a port, 0: a free one, for processes that listen on it `is_shared`; nobody is listened to here. Raises Refusal."""
    with ExitStack() as stack:
        try:
            found = _addresses(host, port)
            for family, address in found if port else ():
                _bound(family, address, is_shared=False).close()  # processes of another hub, which share it, too
            for family, address in found if port else found[:1]:
                held = stack.enter_context(closing(_bound(family, address, is_shared=True)))
                port = held.getsockname()[1]
        except OSError as error:
            raise _refusal(error, host, port) from None
        yield Reserved(found[0][1][0], port)


def base_url(host: str, port: int, *, is_encrypted: bool) -> str:
    """Return the URL of a port on an address of this machine; every address is none to open."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{'https' if is_encrypted else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found))


def _bound(family: socket.AddressFamily, address: tuple[str, int], *, is_shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound


def _refusal(error: OSError, host: str, port: int) -> Refusal:
    # Several addresses of one host fail as a group of their errors.
    if error.errno == errno.EADDRINUSE:
        return Refusal(
            "port_taken", f"{host} port {port} is taken by another program", "stop the program that has it, or choose another port"
        )
    hint = _EXIT_HINTS.get(error.errno or 0, "check host and port")
    return Refusal("cannot_listen", f"cannot listen on {host} port {port}: {_reason(error)}", hint)


def encryption(settings: DoorSettings) -> ssl.SSLContext | None:
    """Return the TLS context, None for plain TCP. Raises Refusal: bad_certificate."""
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        files = f"{settings.tls_certificate}" + (f" and {settings.tls_key}" if settings.tls_key else "")
        hint = "give a PEM certificate (with its chain) and the key that belongs to it, both readable"
        raise Refusal("bad_certificate", f"cannot use {files} for TLS: {_reason(error)}", hint) from None
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror | ssl.SSLError):
        return str(error.args[-1])
    return error.strerror or str(error)
