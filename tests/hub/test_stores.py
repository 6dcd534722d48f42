"""URLs of stores: what each means, and what is wrong with one, said in a line."""

from pathlib import Path

import pytest

from hub.core.errors import Refusal
from hub.ports import Retention
from hub.stores import make_checkup, make_store


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("duckdb", "DuckDB"),
        ("influxdb+http://127.0.0.1:8086/lab/readings", "InfluxDB"),
        ("influxdb+https://proxy.example/influx/My%20Lab/a%2Fb", "InfluxDB"),
        ("victoriametrics+http://[::1]:8428", "VictoriaMetrics"),
        ("victoriametrics+https://proxy.example/vm/", "VictoriaMetrics"),
    ],
)
def test_a_url_names_a_store_and_opens_nothing(tmp_path: Path, url: str, name: str) -> None:
    store = make_store(url, "token", Retention(), tmp_path / "history.duckdb")
    assert store.name == name
    assert list(tmp_path.iterdir()) == []
    assert (make_checkup(url, "token", Retention(), lambda: 0) is None) == (name == "DuckDB")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "names no store"),
        ("sqlite", "names no store"),
        ("influxdb://host/org/bucket", "names no store"),
        ("influxdb+ftp://host/org/bucket", "names no store"),
        ("influxdb+http:///org/bucket", "names no store"),
        ("influxdb+http://host:8086", "names no bucket"),
        ("influxdb+http://host:8086/org", "names no bucket"),
        ("influxdb+http://user:secret@host/org/bucket", "holds a credential"),
        ("influxdb+http://host/org/bucket?token=secret", "no ? and no #"),
        ("victoriametrics+http://host#x", "no ? and no #"),
    ],
)
def test_a_wrong_url_is_refused_without_its_credential(tmp_path: Path, url: str, said: str) -> None:
    for make in (lambda: make_store(url, None, Retention(), tmp_path / "x"), lambda: make_checkup(url, None, Retention(), lambda: 0)):
        with pytest.raises(Refusal) as caught:
            make()
        assert said in caught.value.message
        assert "secret" not in caught.value.message
        assert "influxdb+http://HOST:8086/ORG/BUCKET" in caught.value.hint
