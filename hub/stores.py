"""Which history store a URL means: the adapters' names, beside main.py the only place that knows them.

Owns the reading of store URLs. Opens nothing. Called by main.py for the hub's own store, and by the command line to copy between two.
"""

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from hub.core.errors import Refusal
from hub.ports import HistoryStore, Retention
from hub.store.duckdb import DuckDBStore
from hub.store.influxdb import InfluxDBStore
from hub.store.victoriametrics import VictoriaMetricsStore

SHAPES: Final = "duckdb, influxdb+http://HOST:8086/ORG/BUCKET or victoriametrics+http://HOST:8428"


def make_store(url: str, token: str | None, retention: Retention, embedded: Path) -> HistoryStore:
    """Return the store that a URL names; `embedded` is the file of DuckDB. Raises Refusal, which says what is wrong with the URL."""
    if url == "duckdb":
        return DuckDBStore(embedded, retention)
    parts = urlsplit(url)
    database, _, scheme = parts.scheme.partition("+")
    names = [unquote(each) for each in parts.path.split("/") if each]
    if database not in ("influxdb", "victoriametrics") or scheme not in ("http", "https") or not parts.hostname:
        raise _wrong(url, "it names no store")
    if parts.username is not None or parts.password is not None:
        raise _wrong(url, "it holds a credential, which would end up in logs; set store_token instead")
    if parts.query or parts.fragment:
        raise _wrong(url, "a store has no ? and no # in its URL")
    if database == "victoriametrics":
        return VictoriaMetricsStore(f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}", token, retention)
    if len(names) < 2:
        raise _wrong(url, "it names no bucket: an organization and a bucket belong after the host")
    *path, org, bucket = names
    return InfluxDBStore("/".join([f"{scheme}://{parts.netloc}", *path]), org, bucket, token, retention)


def _wrong(url: str, reason: str) -> Refusal:
    return Refusal("bad_store", f"store = {url.split('@')[-1][:80]!r}: {reason}", f"write {SHAPES}")
