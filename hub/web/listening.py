"""Opening the port: addresses, TLS, and a plain word where either cannot be had.

Owns the refusals of a start; serves nothing. Called by the door once.
"""

import errno
import socket
import ssl
from typing import Final

import trio

from hub.core.errors import Refusal
from hub.web.settings import DoorSettings

_EXIT_HINTS: Final = {
    errno.EACCES: "choose a port of 1024 or above, or give the program the right to this one",
    errno.EADDRNOTAVAIL: "choose an address of this machine: 127.0.0.1 for itself only, 0.0.0.0 for all",
}


async def listen(settings: DoorSettings) -> list[trio.SocketListener]:
    """Return the open listeners, one per address of the host. Raises Refusal: port_taken, cannot_listen."""
    where = f"{settings.host} port {settings.port}"
    try:
        listeners = await trio.open_tcp_listeners(settings.port, host=settings.host)
    except OSError as error:
        # Several addresses of one host fail as a group of their errors.
        if error.errno == errno.EADDRINUSE:
            hint = "stop the program that has it, or choose another port"
            raise Refusal("port_taken", f"{where} is taken by another program", hint) from None
        hint = _EXIT_HINTS.get(error.errno or 0, "check host and port")
        raise Refusal("cannot_listen", f"cannot listen on {where}: {_reason(error)}", hint) from None
    if settings.port == 0:
        # Each address got a port of its own; one is what is told.
        for spare in listeners[1:]:
            spare.socket.close()
        del listeners[1:]
    return listeners


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
