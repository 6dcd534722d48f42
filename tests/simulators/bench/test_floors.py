"""The floors that have no socket give a rate."""

from simulators.bench import duckdb_floor, sqlite_floor


def test_duckdb_alone_inserts_at_least_one_batch() -> None:
    assert duckdb_floor.measure(1, series=2, values=100)["readings_per_s"] > 1_000


def test_sqlite_alone_commits_for_as_long_as_asked() -> None:
    assert sqlite_floor.measure(0.05, devices=4, readings=10)["frames_per_s"] > 100
