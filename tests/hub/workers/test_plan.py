"""What the workers of one machine are: names, directories, addresses, and what cannot be several processes."""

from pathlib import Path
from typing import Any

import pytest

from hub.config import Settings
from hub.core.errors import Refusal
from hub.workers import as_worker, check_workers

SHARED: dict[str, Any] = {"state": "redis", "redis_url": "redis://h:6379/0", "store": "victoriametrics+http://h:8428", "node": "big"}


def settings_of(**more: Any) -> Settings:
    return Settings(**{"data_dir": Path("/data"), "workers": 3, **SHARED, **more})


def test_each_worker_is_a_node_with_a_directory_of_its_own_below_the_one_that_was_named() -> None:
    settings, worker = as_worker(settings_of(), 2)
    assert (settings.node, settings.data_dir, settings.workers) == ("big-2", Path("/data/big-2"), 1)
    assert (worker.root, worker.names, worker.host, worker.port) == (Path("/data"), ("big-1", "big-2", "big-3"), "127.0.0.1", 0)


def test_a_long_name_is_cut_so_that_its_number_fits() -> None:
    settings, _ = as_worker(settings_of(node="a" * 32, workers=10), 10)
    assert settings.node == "a" * 29 + "-10"


def test_an_address_for_other_machines_gives_each_worker_a_port_behind_the_first() -> None:
    settings, worker = as_worker(settings_of(node_url="http://10.0.0.7:9000", host="0.0.0.0"), 3)
    assert (settings.node_url, worker.host, worker.port, worker.is_encrypted) == ("http://10.0.0.7:9002", "10.0.0.7", 9002, False)
    settings, worker = as_worker(settings_of(node_url="https://big.plant:9000", host="0.0.0.0"), 1)
    assert (settings.node_url, worker.host, worker.port, worker.is_encrypted) == ("https://big.plant:9000", "0.0.0.0", 9000, True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"state": "sqlite", "redis_url": None}, 'state = "sqlite" is a file of one process'),
        ({"store": "duckdb"}, 'store = "duckdb" is a file of one process'),
        ({"node_url": "https://10.0.0.7:9000"}, "needs a certificate"),
    ],
)
def test_what_cannot_be_several_processes_is_refused_with_a_way_out(more: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        check_workers(settings_of(**more))
    assert refused.value.hint


def test_what_nodes_share_may_be_several_processes() -> None:
    check_workers(settings_of())
