"""Buckets of a real InfluxDB 2 for tests: the simulators' own, which the cluster test uses, too."""

import csv
import urllib.parse
import urllib.request

from simulators.influx_bucket import ORG, TOKEN, URL, delete, fresh_bucket

__all__ = ["ORG", "TOKEN", "URL", "delete", "fresh_bucket", "numbers_of"]


def numbers_of(bucket: str, device: str) -> dict[int, float]:
    """Return what a bucket has of a device, time in ms -> number, as InfluxDB itself says it: no code of ours in between."""
    flux = f'from(bucket: "{bucket}") |> range(start: 0, stop: 2100-01-01T00:00:00Z) '
    flux += f'|> filter(fn: (r) => r.device == "{device}" and r._field == "num") '
    flux += "|> map(fn: (r) => ({ms: int(v: r._time) / 1000000, v: r._value}))"
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/vnd.flux", "Accept": "application/csv"}
    place = URL + "/api/v2/query?" + urllib.parse.urlencode({"org": ORG})
    with urllib.request.urlopen(urllib.request.Request(place, data=flux.encode(), headers=headers), timeout=30) as answer:
        lines = [line for line in answer.read().decode().splitlines() if line and not line.startswith("#")]
    rows = csv.DictReader(line for at, line in enumerate(lines) if at == 0 or line != lines[0])
    return {int(row["ms"]): float(row["v"]) for row in rows}
