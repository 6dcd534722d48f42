"""TLS for a benchmark: a certificate of its own for hub and floor, and clients that take it without a look.

Owns the two files and both contexts. Everything is on 127.0.0.1, and what is measured is the cost of records, not of trust. Used by
course.py, floor.py and connection.py.
"""

import ssl
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from simulators.bench.errors import BenchError


class Certificate(NamedTuple):
    """Two PEM files."""

    chain: Path
    key: Path


def make_certificate(directory: Path) -> Certificate:
    """Make a certificate for 127.0.0.1, good for two days, with the system's openssl. Raises BenchError."""
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made.key), "-out", str(made.chain)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        raise BenchError("there is no openssl to make a certificate with", "install openssl, or leave --tls out") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise BenchError(f"openssl made no certificate: {said[-1] if said else error}", "leave --tls out") from None
    return made


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return what a floor serves with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@cache
def client_context() -> ssl.SSLContext:
    """Return what the load connects with; it verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
