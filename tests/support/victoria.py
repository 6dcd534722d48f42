"""A real VictoriaMetrics for tests: one server for many, emptied between them; its HTTP API with nothing but the stdlib.

Owns no process of its own: simulators/victoria_process.py does. Tests that use it are marked needs_server("victoria-metrics").
"""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulators.victoria_process import PROGRAM, VictoriaProcess

__all__ = ["PROGRAM", "VictoriaProcess", "ask", "empty", "raw_points", "running_victoria"]


@contextmanager
def running_victoria(directory: Path) -> Iterator[VictoriaProcess]:
    """Run a server until the block is left; whatever happens in it, the process is gone afterwards."""
    process = VictoriaProcess(directory)
    try:
        process.start()
        yield process
    finally:
        process.kill()


def ask(url: str, path: str, **parameters: str) -> bytes:
    """Post a form and return the body of the answer; raises urllib.error.URLError."""
    request = urllib.request.Request(url + path, data=urllib.parse.urlencode(parameters).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def empty(url: str) -> None:
    """Delete every series."""
    ask(url, "/internal/force_flush")
    ask(url, "/api/v1/admin/tsdb/delete_series", **{"match[]": '{__name__!=""}'})


def raw_points(url: str, selector: str) -> list[tuple[dict[str, str], list[int], list[Any]]]:
    """Return labels, times in ms and values of what a selector matches, by the server's own export: no code of ours in between."""
    ask(url, "/internal/force_flush")
    body = ask(url, "/api/v1/export", **{"match[]": selector, "start": "0.001", "end": "4000000000"})
    found = [json.loads(line) for line in body.splitlines() if line]
    return [(each["metric"], each["timestamps"], each["values"]) for each in found]
