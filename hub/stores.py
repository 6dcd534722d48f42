"""Which history store a URL means: the adapters' names, beside main.py the only place that knows them.

Owns the reading of store URLs. Opens nothing. Called by main.py for the hub's own store, and by the command line to copy between two and
to look at one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from hub.core.errors import Refusal
from hub.ports import HistoryStore, Now, Retention
from hub.store.checkup import Checkup
from hub.store.duckdb import DuckDBStore

__all__ = ["SHAPES", "Checkup", "make_checkup", "make_store"]

SHAPES: Final = "duckdb, influxdb+http://HOST:8086/ORG/BUCKET or victoriametrics+http://HOST:8428"


def make_store(url: str, token: str | None, retention: Retention, embedded: Path, own: Callable[[], str] | None = None) -> HistoryStore:
    """Return the store that a URL names; `embedded` is the file of DuckDB. Raises Refusal, which says what is wrong with the URL.

    With `own` others write to it too, and this hub from the journal of that id, which is "" until it is open.
    """
    if url == "duckdb":
        return DuckDBStore(embedded, retention)
    address, names = _address(url)
    # influxdb-client takes 0.4 s to import, which every command would wait for.
    if names is None:
        from hub.store.victoriametrics import VictoriaMetricsStore

        return VictoriaMetricsStore(address, token, retention, own=own)
    from hub.store.influxdb import InfluxDBStore

    return InfluxDBStore(address, *names, token, retention, own=own or (lambda: ""))


def make_checkup(url: str, token: str | None, retention: Retention, now: Now) -> Checkup | None:
    """Return a look at the database that a URL names, None for DuckDB, which is looked at as files. Raises Refusal."""
    if url == "duckdb":
        return None
    address, names = _address(url)
    if names is None:
        from hub.store.victoriametrics.checkup import VictoriaMetricsCheckup

        return VictoriaMetricsCheckup(address, token, retention)
    from hub.store.influxdb.checkup import InfluxDBCheckup

    return InfluxDBCheckup(address, *names, token, retention, now)


def _address(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return the http(s) URL of a database, and organization and bucket where it is InfluxDB."""
    parts = urlsplit(url)
    database, _, scheme = parts.scheme.partition("+")
    if database not in ("influxdb", "victoriametrics") or scheme not in ("http", "https") or not parts.hostname:
        raise _wrong(url, "it names no store")
    if parts.username is not None or parts.password is not None:
        raise _wrong(url, "it holds a credential, which would end up in logs; set store_token instead")
    if parts.query or parts.fragment:
        raise _wrong(url, "a store has no ? and no # in its URL")
    path = [each for each in parts.path.split("/") if each]
    if database == "victoriametrics":
        return "/".join([f"{scheme}://{parts.netloc}", *path]), None
    if len(path) < 2:
        raise _wrong(url, "it names no bucket: an organization and a bucket belong after the host")
    *path, org, bucket = path
    return "/".join([f"{scheme}://{parts.netloc}", *path]), (unquote(org), unquote(bucket))


def _wrong(url: str, reason: str) -> Refusal:
    return Refusal("bad_store", f"store = {url.split('@')[-1].split('?')[0][:80]!r}: {reason}", f"write {SHAPES}")
