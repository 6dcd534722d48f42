"""Real proxies for a test: nginx, HAProxy and Caddy as processes of their own, gone when the block is left.

Owns their lives and what every nginx needs around a site; the sites are the tests' own. Used by tests/e2e and tests/browser.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

DEPLOY: Final = Path(__file__).parents[2] / "docs" / "deploy"


def configuration(name: str, changes: Mapping[str, str]) -> str:
    """Return a file of docs/deploy with this machine's ports and paths: everything else as it stands."""
    text = (DEPLOY / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, new)
    return text


@contextmanager
def running(arguments: list[str], port: int) -> Iterator[None]:
    """Run a proxy until the block is left; it listens when the block begins."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None, process.communicate()[0]
                    assert time.monotonic() < deadline, "the proxy does not listen"
            yield
        finally:
            process.terminate()  # a killed nginx would leave its workers


@contextmanager
def nginx(directory: Path, site: str, port: int) -> Iterator[None]:
    """Run nginx with a site that listens on a port of 127.0.0.1; everything it writes is in the directory."""
    directory.mkdir(exist_ok=True)
    places = "".join(f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    # Its workers would be nobody, who may not write there: what is too large for their buffers would end in the middle.
    user = "user root;" if os.geteuid() == 0 else ""
    around = f"{user} daemon off; pid {directory}/pid; error_log stderr; events {{}} http {{ access_log off; {places}\n{site}\n}}"
    (directory / "nginx.conf").write_text(around)
    with running(["nginx", "-p", str(directory), "-e", "stderr", "-c", str(directory / "nginx.conf")], port):
        yield


@contextmanager
def haproxy(directory: Path, configuration: str, port: int) -> Iterator[None]:
    """Run HAProxy with a configuration that listens on a port of 127.0.0.1."""
    directory.mkdir(exist_ok=True)
    (directory / "haproxy.cfg").write_text(configuration)
    with running(["haproxy", "-db", "-f", str(directory / "haproxy.cfg")], port):
        yield
