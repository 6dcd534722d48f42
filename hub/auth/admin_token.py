"""The file with the administrator's credential, which the commands on this machine use.

Owns the file and its rights. Called by auth.py in a thread.
"""

import secrets
from pathlib import Path

from devices.durable import keep


def read_or_make(path: Path) -> str:
    """Return the credential, made where there is none; only its owner may read the file. Raises OSError."""
    try:
        token = path.read_text(errors="replace").strip()
    except FileNotFoundError:
        token = ""
    if not token or not token.isascii() or not token.isprintable():  # zeros, where the power went before older hubs' file was on disk
        token = secrets.token_urlsafe(32)
        keep(path, token)
    path.chmod(0o600)
    return token
