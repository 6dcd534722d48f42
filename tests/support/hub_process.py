"""A real hub for a test: a subprocess on its own data directory, provisioned over its HTTP API with nothing but the stdlib.

Owns the life of that process; checks nothing. Used by tests/e2e and tests/browser: `with running_hub(tmp_path / "data") as hub`.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulators.hub_process import HubFailed, HubProcess, free_port, serve_command

__all__ = ["HubFailed", "HubProcess", "RunningHub", "free_port", "running_hub", "serve_command"]


class RunningHub:
    """A hub that listens, and its HTTP API as its administrator."""

    def __init__(self, process: HubProcess) -> None:
        self.process = process

    @property
    def url(self) -> str:
        """Base address, without a slash at the end."""
        return self.process.url

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.rpartition("/")[2].rpartition(":")
        return host, int(port)

    @property
    def device_url(self) -> str:
        """The WebSocket address for devices."""
        return self.process.device_url

    @property
    def live_url(self) -> str:
        """The WebSocket address for viewers."""
        return self.process.device_url.replace("/v1/device", "/v1/live")

    @property
    def admin_token(self) -> str:
        """The administrator's bearer token."""
        return self.process.admin_token

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call the HTTP API and return the decoded answer; raises AssertionError with the hub's words on a refusal."""
        headers = {"Authorization": f"Bearer {self.admin_token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=content, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise AssertionError(f"{method} {path}: {refusal.code} {refusal.read().decode(errors='replace')}") from None
        return json.loads(text) if text else None

    def provision(self, name: str) -> str:
        """Add a device and return its token."""
        return str(self.api("POST", "/api/v1/devices", {"name": name})["token"])

    def login_url(self) -> str:
        """Return a new one-time login link."""
        return str(self.api("POST", "/api/v1/logins")["url"])


@contextmanager
def running_hub(data_dir: Path, *, port: int = 0, environment: Mapping[str, str] | None = None) -> Iterator[RunningHub]:
    """Run a hub until the block is left; whatever happens in it, the process is gone afterwards."""
    process = HubProcess(data_dir, port=port, environment=environment)
    try:
        process.start()
        yield RunningHub(process)
    finally:
        process.kill()
