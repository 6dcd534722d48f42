"""influxdb-client without us, the floor of `bench store` beside a server: the lines that the store sends, posted ready made.

Synchronous writes, a part a request as the store makes them, the answer waited for; making the lines does not count. A program
(answering.py): `measure`; of InfluxDB also `bucket` (make a new one), `size` (what it takes of the disk), `delete`.
"""

import re
import secrets
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from hub.store.influxdb.lines import LineEncoder
from simulators.bench.answering import heard, run_program, say
from simulators.bench.readings import CHANNELS, Fleet

_SIZE = re.compile(r"^storage_shard_disk_size\{(.*)\} (\S+)$", re.MULTILINE)


def parts(plan: Mapping[str, Any]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the readings of a fleet, batch by batch: how many, and their lines."""
    fleet, steps = Fleet(plan["devices"]), plan["readings"] // (plan["devices"] * CHANNELS)
    encoder = LineEncoder()
    for columns in fleet.batches(time.time_ns() // 1_000 - steps * 1_000_000, 1_000_000, steps):
        yield len(columns), encoder.encode(columns).parts


def measure(client: InfluxDBClient, plan: Mapping[str, Any]) -> dict[str, float]:
    """Post everything and return the rate."""
    took_s, readings = 0.0, 0
    with client.write_api(SYNCHRONOUS) as writer:
        for count, batch in parts(plan):
            began_s = time.monotonic()
            for lines in batch:
                writer.write(plan["bucket"], plan["org"], lines)
            took_s += time.monotonic() - began_s
            readings += count
    return {"readings_per_s": readings / took_s}


def size(client: InfluxDBClient, bucket: str) -> dict[str, float]:
    """Return the bytes of a bucket's files by the server's own figures; what is only in its log yet does not count."""
    found = client.buckets_api().find_bucket_by_name(bucket)  # type: ignore[no-untyped-call]
    with urllib.request.urlopen(client.url + "/metrics", timeout=10) as answer:
        said = answer.read().decode()
    return {"bytes": sum(float(value) for labels, value in _SIZE.findall(said) if f'bucket="{found.id}"' in labels)}


def run(plan: dict[str, Any]) -> None:
    """Do what is asked for."""
    say({"port": 0})
    with InfluxDBClient(plan["url"], plan["token"], org=plan["org"], timeout=60_000) as client:
        bucket = plan.get("bucket", "")
        while (command := heard()) != "quit":
            match command:
                case "bucket":
                    bucket = f"tributary-bench-{secrets.token_hex(4)}"
                    client.buckets_api().create_bucket(bucket_name=bucket, org=plan["org"])
                    say({"bucket": bucket})
                case "measure":
                    say(measure(client, {**plan, "bucket": bucket}))
                case "size":
                    say(size(client, bucket))
                case "delete":
                    client.buckets_api().delete_bucket(client.buckets_api().find_bucket_by_name(bucket))
                    say({"deleted": bucket})


if __name__ == "__main__":
    run_program(run)
