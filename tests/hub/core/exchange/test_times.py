"""Times as files write them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.limits import MAX_TIME_US
from hub.core.errors import Refusal
from hub.core.exchange.csv_output import times_text
from hub.core.exchange.times import NO_N, NoTime, TimeReader, zone_named

EIGHT_US = 1_772_352_000_000_000  # 2026-03-01T08:00:00Z
NOW_US = EIGHT_US + 86_400_000_000


def reader(form: str = "rfc3339", zone: str | None = None) -> TimeReader:
    return TimeReader(form, zone_named(zone) if zone else None, NOW_US)


@pytest.mark.parametrize(
    ("text", "t_us", "n"),
    [
        ("2026-03-01T08:00:00Z", EIGHT_US, NO_N),
        ("2026-03-01 08:00Z", EIGHT_US, NO_N),
        ("2026-03-01T09:00:00+01:00", EIGHT_US, NO_N),
        ("2026-03-01T03:00:00-0500", EIGHT_US, NO_N),
        ("2026-03-01T13:45:00+05:45", EIGHT_US, NO_N),
        ("2026-03-01T04:30:00-0330", EIGHT_US, NO_N),
        ("2026-03-01 08:00:00 UTC", EIGHT_US, NO_N),
        ("2026-03-01T08:00:00.5Z", EIGHT_US + 500_000, NO_N),
        ("2026-03-01T08:00:00,000001Z", EIGHT_US + 1, NO_N),
        ("2026-03-01T08:00:00.000001234Z", EIGHT_US + 1, 234),
        ("1969-12-31T23:59:59.999999Z", -1, NO_N),
    ],
)
def test_rfc_3339_is_read_to_the_nanosecond(text: str, t_us: int, n: int) -> None:
    assert reader().read(text) == (t_us, n)


@pytest.mark.parametrize(
    ("form", "text", "t_us", "n"),
    [
        ("s", "1772352000", EIGHT_US, NO_N),
        ("s", "1772352000.000001", EIGHT_US + 1, NO_N),
        ("ms", "1772352000001", EIGHT_US + 1_000, NO_N),
        ("ms", "1.772352e12", EIGHT_US, NO_N),
        ("us", "1772352000000001", EIGHT_US + 1, NO_N),
        ("us", "-1", -1, NO_N),
        ("ns", "1772352000000001234", EIGHT_US + 1, 234),
    ],
)
def test_numbers_are_read_in_the_unit_that_was_said(form: str, text: str, t_us: int, n: int) -> None:
    assert reader(form).read(text) == (t_us, n)


def test_local_times_are_of_their_zone_and_an_offset_wins() -> None:
    assert reader(zone="Europe/Berlin").read("2026-03-01 09:00:00")[0] == EIGHT_US
    assert reader(zone="Europe/Berlin").read("2026-03-01T08:00:00Z")[0] == EIGHT_US
    assert reader(zone="+01:00").read("2026-03-01 09:00")[0] == EIGHT_US
    first = reader(zone="Europe/Berlin").read("2025-10-26 02:30:00")[0]
    assert first == reader().read("2025-10-26T02:30:00+02:00")[0]  # it occurs twice: the first


@pytest.mark.parametrize(
    ("form", "zone", "text", "words"),
    [
        ("rfc3339", None, "1772352000", "is a number"),
        ("rfc3339", None, "2026-03-01T08:00:00", "no offset"),
        ("rfc3339", None, "01.03.2026 08:00", "is no RFC 3339"),
        ("rfc3339", None, "2026-02-30T08:00:00Z", "is no time"),
        ("rfc3339", None, "2026-03-01T08:00:00.0000000001Z", "is no RFC 3339"),
        ("rfc3339", None, "", "is no RFC 3339"),
        ("rfc3339", None, "2026-03-03T08:00:01Z", "ahead"),
        ("rfc3339", None, "1500-03-03T08:00:00Z", "292 years"),
        ("rfc3339", "Europe/Berlin", "2025-03-30 02:30:00", "does not exist"),
        ("s", None, "2026-03-01T08:00:00Z", "is no number"),
        ("s", None, "nan", "is no number"),
        ("s", None, "inf", "is no number"),
        ("s", None, "1772352000000", "292 years|ahead"),
        ("ms", None, "1e400", "292 years|no number"),
    ],
)
def test_what_is_no_time_says_what_helps(form: str, zone: str | None, text: str, words: str) -> None:
    with pytest.raises(NoTime, match=words) as caught:
        reader(form, zone).read(text)
    assert caught.value.hint


@given(st.lists(st.integers(-MAX_TIME_US, NOW_US), min_size=1))
def test_our_own_times_are_read_all_at_once_and_one_by_one_alike(times_us: list[int]) -> None:
    texts = times_text(np.array(times_us, np.int64))
    assert reader().read_all(texts) == (times_us, None)
    assert [reader().read(text)[0] for text in texts] == times_us


@pytest.mark.parametrize(
    "texts",
    [
        ["2026-03-01T08:00:00Z"],
        ["2026-03-01T08:00:00.00000xZ"],
        ["2026-03-01T08:00:00.00-01:0Z"],
        ["2026-13-01T08:00:00.000000Z"],
        ["2200-03-01T08:00:00.000000Z"],
    ],
)
def test_what_is_not_as_we_write_it_is_read_one_by_one(texts: list[str]) -> None:
    assert reader().read_all(texts) is None


@pytest.mark.parametrize("name", ["Mars/Olympus", "+25:00", "+24:00", "", "../etc/passwd"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(Refusal, match="no time zone"):
        zone_named(name)
