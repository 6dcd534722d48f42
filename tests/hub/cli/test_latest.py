"""How `tributary latest` shows a reading."""

import pytest

from hub.cli.latest import age_text, row_of

T = 1_772_352_000_000_000  # 2026-03-01T08:00:00Z


def test_a_reading_is_shown_with_its_age() -> None:
    reading = {"device": "pump", "channel": "temp", "unit": "Cel", "kind": "gauge", "t": T, "value": 21.5}
    assert row_of(reading, T + 90_000_000) == ("pump", "temp", "21.5", "Cel", "90.0 s", "2026-03-01T08:00:00.000000Z")
    assert row_of(reading | {"value": [48.1, 11.5]}, T)[2] == "[48.1, 11.5]"
    assert row_of(reading | {"value": "idle"}, T)[2] == "idle"


@pytest.mark.parametrize(("age_s", "text"), [(0.04, "0.0 s"), (119, "119.0 s"), (120, "2 min"), (7_200, "2 h"), (864_000, "10 d")])
def test_an_age_is_shown_in_a_fitting_unit(age_s: float, text: str) -> None:
    assert age_text(age_s) == text
