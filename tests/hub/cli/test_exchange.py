"""What `tributary import` says it did."""

from typing import Any

from hub.cli.exchange import about_import


def result(**more: Any) -> dict[str, Any]:
    device = {"device": "kiln", "readings": 2, "channels": 1, "from_us": 0, "to_us": 1_000_000, "state": "imported"}
    said = {"format": "csv", "changed": True, "readings": 2, "stored": 2, "without_value": 0, "ignored_columns": [], "devices": [device]}
    return said | more


def test_an_import_is_told_with_its_counts_and_its_time() -> None:
    assert about_import(result()) == [
        "imported 2 readings of 1 device",
        "  kiln: 2 readings of 1 channels, 1970-01-01T00:00:00.000000Z to 1970-01-01T00:00:01.000000Z",
    ]


def test_a_file_that_is_known_changes_nothing_and_it_is_said() -> None:
    assert about_import(result(changed=False, stored=0))[0] == "nothing changed: the 2 readings of 1 device in this file are stored already"
    assert about_import(result(readings=7))[0] == "imported 2 readings of 1 device; 5 more were stored already"


def test_what_was_left_out_is_said() -> None:
    lines = about_import(result(without_value=7, ignored_columns=["host"], devices=result()["devices"] * 25))
    assert lines[0] == "imported 2 readings of 25 devices"
    assert lines[-3:] == ["  and 5 more devices", "7 cells held no value", "columns without a meaning here: host"]
