"""How a program finds the hub that runs on this machine: hub.json and admin.token in the data directory.

Owns the reading of the two files and the trust in the hub's own certificate; connects to nothing. HubClient.local and doctor call it.
"""

import json
import os
import ssl
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hub.client.errors import HubError


class LocalHub(NamedTuple):
    """A running hub as its files tell it."""

    url: str
    pid: int
    tls_certificate: Path | None


def find_local(data_dir: Path) -> LocalHub:
    """Return the hub that runs on a data directory. Raises HubError where none does, or where this user may not see it."""
    path = data_dir / "hub.json"
    try:
        said: dict[str, Any] = json.loads(path.read_text())
        found = LocalHub(reachable(str(said["url"])), int(said["pid"]), _certificate(said))
    except PermissionError:
        raise HubError("no_credential", f"cannot read {path}: permission denied", "run this as the user of the hub") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise not_running(data_dir) from None
    if not _is_alive(found.pid):
        raise not_running(data_dir)
    return found


def not_running(data_dir: Path) -> HubError:
    """Return the error for a data directory on which no hub runs."""
    hint = f"start it first: tributary serve --data-dir {data_dir}"
    return HubError("not_running", f"no hub is running on {data_dir}", hint)


def read_admin_token(data_dir: Path) -> str:
    """Return the administrator's credential. Raises HubError."""
    path = data_dir / "admin.token"
    try:
        return path.read_text().strip()
    except OSError as error:
        raise HubError("no_credential", f"cannot read {path}: {error.strerror}", "run this as the user of the hub") from None


def reachable(url: str) -> str:
    """Return the address to call a hub at that listens on every address."""
    parts = urlsplit(url)
    loopback = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(parts.hostname or "")
    return url if loopback is None else parts._replace(netloc=f"{loopback}:{parts.port}").geturl()


def pinned(certificate: Path) -> ssl.SSLContext:
    """Trust exactly this certificate, whatever name it was made for: it is the local hub's own file, and we call it by 127.0.0.1."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context


def _certificate(said: dict[str, Any]) -> Path | None:
    return Path(str(said["tls_certificate"])) if said.get("tls_certificate") else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process
    return True
