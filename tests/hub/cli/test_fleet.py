"""What `tributary device` reads of its arguments and files, without a hub."""

from pathlib import Path

import pytest

from hub.cli import fleet
from hub.core.errors import Refusal


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("5min", 300), ("1.5h", 5_400), (" 7d ", 604_800), ("1w", 604_800)]
)
def test_a_span_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert fleet.span_s(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1 year", "1h30m"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        fleet.span_s(text)


def test_a_file_of_too_many_devices_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "fleet.csv"
    file.write_text("Name, Title \n a , A \nb,\n")
    assert fleet.read_fleet(file) == [{"name": "a", "title": "A"}, {"name": "b"}]
    monkeypatch.setattr(fleet, "MAX_DEVICES", 1)
    with pytest.raises(Refusal, match="2 devices"):
        fleet.read_fleet(file)
