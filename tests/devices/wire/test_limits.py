"""The numbers of the protocol are those of its document, which others write clients from."""

import re
from pathlib import Path

import pytest

from devices.wire import limits
from devices.wire.limits import CloseCode

PROTOCOL = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
LIMITS = PROTOCOL.partition("## 2. Limits")[2].partition("## 3.")[0]


def test_close_codes_of_devices_are_those_of_the_document() -> None:
    table = PROTOCOL.partition("## 9. Unknown operations")[2].partition("# Part B")[0]
    written = {name: int(code) for code, name in re.findall(r"^\| (4\d{3}) \| `(\w+)` \|", table, re.MULTILINE)}
    of_viewers = {"slow_viewer", "login_ended"}
    assert {code.name.lower(): code.value for code in CloseCode if code >= 4000} == written | {
        name: CloseCode[name.upper()].value for name in of_viewers
    }
    for name in of_viewers:
        assert re.search(rf"\b{CloseCode[name.upper()].value}\b", PROTOCOL.partition("# Part B")[2]), name


@pytest.mark.parametrize("code", CloseCode)
def test_a_device_comes_back_by_itself_below_4500_and_after_what_the_hub_or_nobody_did_wrong(code: CloseCode) -> None:
    is_own_fault = code in (1002, 1003, 1008, 1009) or 4500 <= code <= 4999
    assert code.may_return is not is_own_fault


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("one message", limits.MAX_MESSAGE_BYTES),
        ("one array", limits.MAX_ARRAY),
        ("one map", limits.MAX_MAP),
        ("nesting", limits.MAX_DEPTH),
        ("channels of one device", limits.MAX_CHANNELS),
        ("document of a shadow", limits.MAX_DOCUMENT_BYTES),
        ("text value", limits.MAX_TEXT_BYTES),
    ],
)
def test_a_limit_is_the_one_in_the_document(what: str, limit: int) -> None:
    row = re.search(rf"^\| {what} \| ([\d,]+)", LIMITS, re.MULTILINE)
    assert row is not None
    assert int(row[1].replace(",", "")) == limit


@pytest.mark.parametrize(("what", "highest"), [("epoch", limits.MAX_EPOCH), ("seq", limits.MAX_SEQ), ("fence", limits.MAX_FENCE)])
def test_a_number_ends_where_the_document_says(what: str, highest: int) -> None:
    row = re.search(rf"^\| {what} \| [01] \.\.\. 2\^(\d+)-1 \|", LIMITS, re.MULTILINE)
    assert row is not None
    assert highest == 2 ** int(row[1]) - 1


def test_the_furthest_time_still_makes_a_point_key_of_an_int64() -> None:
    assert limits.MAX_TIME_US * 1000 + 999 < 2**63 <= (limits.MAX_TIME_US + 1) * 1000 + 999


def test_a_whole_pack_of_the_longest_steps_fits_an_int64_and_any_day_fits_a_step() -> None:
    assert limits.MAX_PACK_READINGS * limits.MAX_STEP_NS < 2**63
    assert limits.MAX_STEP_NS > 86_400 * 10**9
    assert limits.MAX_PACK_READINGS * 4 == limits.MAX_MESSAGE_BYTES
