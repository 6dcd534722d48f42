"""The file with the administrator's credential, which the commands on this machine use.

Owns the file and its rights. Called by auth.py in a thread.
"""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path) -> str:
    """Return the credential, made where there is none; only its owner may read the file. Raises OSError."""
    try:
        token = path.read_text().strip()
    except FileNotFoundError:
        token = ""
    if not token:
        token = secrets.token_urlsafe(32)
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")
        draft.replace(path)
    path.chmod(0o600)
    return token
