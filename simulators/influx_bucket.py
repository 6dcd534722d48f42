"""Buckets of a real InfluxDB 2, by its HTTP API with nothing but the stdlib.

Owns no server: TRIBUTARY_TEST_INFLUXDB_URL names one, with TRIBUTARY_TEST_INFLUXDB_TOKEN (of an operator) and TRIBUTARY_TEST_INFLUXDB_ORG.
"""

import json
import os
import secrets
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

URL: Final = os.environ.get("TRIBUTARY_TEST_INFLUXDB_URL", "").rstrip("/")
TOKEN: Final = os.environ.get("TRIBUTARY_TEST_INFLUXDB_TOKEN", "")
ORG: Final = os.environ.get("TRIBUTARY_TEST_INFLUXDB_ORG", "")


@contextmanager
def fresh_bucket() -> Iterator[str]:
    """Make a bucket that keeps everything, and delete it at the end."""
    org = _call("GET", "/api/v2/orgs?" + urllib.parse.urlencode({"org": ORG}))["orgs"][0]["id"]
    made = _call("POST", "/api/v2/buckets", {"orgID": org, "name": "test-" + secrets.token_hex(6), "retentionRules": []})
    try:
        yield str(made["name"])
    finally:
        _call("DELETE", f"/api/v2/buckets/{made['id']}")


def delete(bucket: str, start: str, stop: str, predicate: str) -> None:
    """Delete the points of a stretch of time that a predicate names."""
    place = urllib.parse.urlencode({"org": ORG, "bucket": bucket})
    _call("POST", f"/api/v2/delete?{place}", {"start": start, "stop": stop, "predicate": predicate})


def _call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=content, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None
