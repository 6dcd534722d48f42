"""The history stores that the contract suite runs on, each on a real server where it needs one.

Owns how a store is made, emptied and reached; the suite asks `stand` and knows no adapter. InfluxDB runs where
TRIBUTARY_TEST_INFLUXDB_URL names one (tests/support/influx_bucket.py).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from hub.ports import HistoryStore, Retention
from hub.stores import make_store
from tests.sim.history import MemoryHistory, Shelf
from tests.support import influx_bucket, victoria
from tests.support.history_stand import Stand


@pytest.fixture(scope="session")
def victoria_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One VictoriaMetrics for all tests of this folder."""
    with victoria.running_victoria(tmp_path_factory.mktemp("victoria") / "data") as server:
        yield server.url


STORES = [
    "DuckDB",
    "Memory",
    pytest.param("VictoriaMetrics", marks=pytest.mark.needs_server(victoria.PROGRAM)),
    pytest.param("InfluxDB", marks=pytest.mark.skipif(not influx_bucket.URL, reason="TRIBUTARY_TEST_INFLUXDB_URL names no InfluxDB 2")),
]


@contextmanager
def _fresh(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    def make(scheme: str, path: str, token: str | None, address: str, retention: Retention) -> HistoryStore:
        return make_store(f"{scheme}{address}{path}", token, retention, tmp_path / "history.duckdb")

    if kind == "DuckDB":
        yield Stand(partial(make, "duckdb", "", None))
    elif kind == "Memory":
        shelf = Shelf()
        yield Stand(lambda address, retention: MemoryHistory(shelf))
    elif kind == "VictoriaMetrics":
        url = request.getfixturevalue("victoria_url")
        victoria.empty(url)
        yield Stand(partial(make, "victoriametrics+", "", None), url)
    else:
        with influx_bucket.fresh_bucket() as bucket:
            path = f"/{quote(influx_bucket.ORG, safe='')}/{bucket}"
            yield Stand(partial(make, "influxdb+", path, influx_bucket.TOKEN), influx_bucket.URL)


@pytest.fixture(params=STORES)
async def stand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    """An empty place of each store."""
    with _fresh(request.param, request, tmp_path) as stand:
        try:
            yield stand
        finally:
            await stand.aclose()


@pytest.fixture
async def store(stand: Stand) -> HistoryStore:
    """An empty store that keeps everything."""
    return await stand.open()
