"""The bucket itself: is it there, how long does it keep, how large is it, and the deletion of a device.

Owns InfluxDB's management API, asked over the connections of calls.py. Knows no reading. Used by store.py and by doctor, which also
makes the bucket and sets what it keeps.
"""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from influxdb_client.rest import ApiException

from hub.store.calls import Calls, Client
from hub.store.failures import Database
from hub.store.influxdb.lines import READINGS, tag_refusal

DAY_S: Final = 86_400
SLOW_S: Final = 120.0  # a deletion goes through every file of the bucket
_SIZES: Final = re.compile(r'^storage_(shard_disk_size|bucket_series_num)\{[^}]*bucket="([0-9a-f]+)"[^}]*\} ([0-9.e+]+)$', re.M)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a bucket is."""

    id: str
    org_id: str
    keeps_s: int  # 0: for ever


def shown(org: str, bucket: str) -> str:
    """Return a bucket as a person reads it."""
    return f"bucket {bucket!r} of organization {org!r}"


def database_of(url: str, org: str, bucket: str) -> Database:
    """Return the sentences' names of a bucket."""
    cure = "correct store, or run `tributary doctor --fix`, which makes the bucket"
    return Database("InfluxDB", url, shown(org, bucket), cure)


def keeps_s(raw_days: float) -> int:
    """Return the retention of a bucket that keeps readings so many days: 0 for ever, and an hour at least, which is InfluxDB's least."""
    return max(3_600, round(raw_days * DAY_S)) if raw_days else 0


def days_shown(seconds: int) -> str:
    """Return a retention as a person reads it."""
    return f"{seconds / DAY_S:g} days" if seconds else "everything"


class BucketDesk:
    """The management of one bucket."""

    def __init__(self, url: str, org: str, bucket: str, token: str | None) -> None:
        self._org, self._bucket = org, bucket
        database = database_of(url, org, bucket)
        self._calls = Calls(database, org, token, threads=1)
        self._slow = Calls(database, org, token, threads=1, timeout_s=SLOW_S)

    async def look(self) -> Bucket | None:
        """Return the bucket; None where there is none, or the token may not see it. Raises StoreUnavailable."""

        def ask(client: Client) -> Bucket | None:
            try:
                found = _json(client.ask("GET", "/api/v2/buckets", {"org": self._org, "name": self._bucket})).get("buckets") or []
            except ApiException as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    return None
                raise
            return _bucket(found[0]) if found else None

        return await self._calls.run(ask)

    async def make(self, raw_days: float) -> Bucket:
        """Make the bucket. Raises StoreUnavailable, also where there is no such organization or the token may not."""

        def ask(client: Client) -> Bucket:
            orgs = _json(client.ask("GET", "/api/v2/orgs", {"org": self._org})).get("orgs") or []
            if not orgs:
                raise ValueError(f"there is no organization {self._org!r}, or the token may not see it")
            body = {"orgID": orgs[0]["id"], "name": self._bucket, "retentionRules": _rules(raw_days)}
            return _bucket(_json(client.ask("POST", "/api/v2/buckets", body=json.dumps(body).encode(), content_type="application/json")))

        return await self._calls.run(ask)

    async def set_retention(self, bucket: Bucket, raw_days: float) -> Bucket:
        """Have the bucket keep readings so many days. Raises StoreUnavailable."""
        body = json.dumps({"retentionRules": _rules(raw_days)}).encode()

        def ask(client: Client) -> Bucket:
            return _bucket(_json(client.ask("PATCH", f"/api/v2/buckets/{bucket.id}", body=body, content_type="application/json")))

        return await self._calls.run(ask)

    async def delete_device(self, device: str) -> None:
        """Delete the readings of a device. Raises StoreUnavailable."""
        if tag_refusal(device, "device") is not None:
            return  # it can have none
        escaped = device.replace("\\", "\\\\").replace('"', '\\"')
        predicate = f'_measurement="{READINGS}" AND device="{escaped}"'
        span = {"start": "1677-09-21T00:12:43.145224194Z", "stop": "2262-04-11T23:47:16.854775806Z", "predicate": predicate}
        place, body = {"org": self._org, "bucket": self._bucket}, json.dumps(span).encode()
        await self._slow.run(lambda client: client.ask("POST", "/api/v2/delete", place, body, "application/json"))

    async def figures(self, bucket: Bucket) -> dict[str, float]:
        """Return bytes on disk and series of the bucket, as far as the server tells."""
        text = (await self._calls.run(lambda client: client.ask("GET", "/metrics"))).decode(errors="replace")
        mine = [(name, float(value)) for name, owner, value in _SIZES.findall(text) if owner == bucket.id]
        names = {"shard_disk_size": "bytes", "bucket_series_num": "series"}
        return {names[name]: sum(value for other, value in mine if other == name) for name in {name for name, _ in mine}}

    async def settings(self) -> dict[str, Any]:
        """Return how the server was started; an empty dict where the token is no operator's. Raises StoreUnavailable."""
        return dict(_json(await self._calls.run(lambda client: client.ask("GET", "/api/v2/config"))).get("config") or {})

    async def health(self) -> tuple[str, str]:
        """Return the server's version and its clock (the Date of its answer). Raises StoreUnavailable."""

        def ask(client: Client) -> tuple[str, str]:
            with client.open("GET", "/health") as answer:
                version = str(_json(answer.read(1 << 16)).get("version", ""))
                return version, str(answer.headers.get("Date", ""))

        return await self._calls.run(ask)

    async def may_write(self) -> None:
        """Write nothing into the bucket, which the server allows or refuses as it would a reading. Raises StoreUnavailable."""
        place = {"org": self._org, "bucket": self._bucket, "precision": "ns"}
        await self._calls.run(lambda client: client.ask("POST", "/api/v2/write", place, b"# nothing\n", "text/plain; charset=utf-8"))

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        await self._calls.aclose()
        await self._slow.aclose()


def _rules(raw_days: float) -> list[dict[str, Any]]:
    """Return the rule with InfluxDB's own lengths of a shard: without one it keeps the old, and refuses what is shorter."""
    kept_s = keeps_s(raw_days)
    shard_s = 7 * DAY_S if not kept_s or kept_s >= 183 * DAY_S else DAY_S if kept_s >= 2 * DAY_S else 3_600
    return [{"type": "expire", "everySeconds": kept_s, "shardGroupDurationSeconds": shard_s}]


def _bucket(found: dict[str, Any]) -> Bucket:
    rules = found.get("retentionRules") or []
    return Bucket(str(found["id"]), str(found["orgID"]), int(rules[0].get("everySeconds") or 0) if rules else 0)


def _json(body: bytes) -> dict[str, Any]:
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found
