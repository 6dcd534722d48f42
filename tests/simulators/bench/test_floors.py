"""The floors that have no socket give a rate."""

from simulators.bench import duckdb_floor, sqlite_floor


def test_duckdb_alone_inserts_at_least_one_batch_of_packs() -> None:
    batches = duckdb_floor.pack_batches({"readings": 1, "series": 2, "values": 100})
    assert duckdb_floor.inserted(batches)["readings_per_s"] > 1_000


def test_duckdb_alone_inserts_what_a_fleet_brings() -> None:
    said = duckdb_floor.inserted(duckdb_floor.fleet_batches({"devices": 10, "readings": 5_000}))
    assert said["bytes_per_reading"] > 1


def test_duckdb_alone_finds_one_series_of_a_sorted_table() -> None:
    assert duckdb_floor.asked({"series": 10, "length": 100})["p50_s"] > 0


def test_sqlite_alone_commits_for_as_long_as_asked() -> None:
    assert sqlite_floor.measure(0.05, devices=4, readings=10)["frames_per_s"] > 100
