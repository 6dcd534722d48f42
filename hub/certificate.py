"""Whether a certificate and a key belong together, until when, and for which names: found out by a TLS handshake with oneself, in memory.

Owns that handshake; no network. doctor asks it, and the door, which takes renewed certificates.
"""

import ssl
from pathlib import Path
from typing import Any


def certificate_end_s(certificate: Path, key: Path | None) -> float:
    """Return when the certificate ends, in seconds since 1970. Raises OSError, ssl.SSLError (expired, not valid yet, or not this key)."""
    return float(ssl.cert_time_to_seconds(str(_seen(certificate, key)["notAfter"])))


def certificate_names(certificate: Path, key: Path | None) -> list[str]:
    """Return the names and addresses that the certificate is for. Raises OSError, ssl.SSLError as above."""
    return [str(name) for _, name in _seen(certificate, key).get("subjectAltName", ())]


def _seen(certificate: Path, key: Path | None) -> dict[str, Any]:
    """Return the certificate as a client gets it."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.load_verify_locations(certificate)
    client_context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client_context.check_hostname = False
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    return dict(client.getpeercert() or {})
