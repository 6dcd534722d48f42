"""How a silence is read, and when it is active."""

from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.core.silences import MAX_FOR_S, MAX_REASON, kept_silence, silence_in

WORK: dict[str, Any] = {"device": "pump", "reason": "the pump is being replaced"}


def test_a_silence_lasts_from_its_beginning_to_its_end_or_until_it_is_lifted() -> None:
    silence = silence_in("s", WORK | {"from_us": 2_000_000, "for_s": 1}, "ann", 1_000_000)
    assert [silence.state(at_us) for at_us in (1_999_999, 2_000_000, 2_999_999, 3_000_000)] == ["coming", "active", "active", "over"]
    assert silence_in("s", WORK, "ann", 1_000_000).state(2**62) == "active"
    assert silence_in("s", WORK | {"until_us": 3}, "ann", 2).body() == {"id": "s", **WORK, "from_us": 2, "until_us": 3, "by": "ann"}
    assert kept_silence(silence.body()) == silence


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"reason": "x"}, "must name a rule, a device or a tag expression"),
        ({"device": "pump"}, "reason must be a text of 1 to 500 characters"),
        (WORK | {"reason": "x" * 501}, "reason must be a text of 1 to 500 characters"),
        (WORK | {"device": 7}, "device must be a text"),
        (WORK | {"colour": 1}, "no field 'colour'"),
        (WORK | {"for_s": 0}, "for_s must be a number above 0"),
        (WORK | {"for_s": 1e9}, "for_s must be a number above 0"),
        (WORK | {"for_s": float("nan")}, "for_s must be a number above 0"),
        (WORK | {"for_s": True}, "for_s must be a number above 0"),
        (WORK | {"from_us": -1}, "from_us must be a time in µs since 1970"),
        (WORK | {"from_us": 1.5}, "from_us must be a time in µs since 1970"),
        (WORK | {"until_us": "tomorrow"}, "until_us must be a time in µs since 1970"),
        (WORK | {"until_us": 999}, "would be over before it begins, or by now"),
        (WORK | {"from_us": 5_000, "until_us": 5_000}, "would be over before it begins, or by now"),
        (WORK | {"until_us": 2_000, "for_s": 1}, "until_us and for_s contradict each other"),
        (WORK | {"where": "floor="}, "the expression needs a value"),
    ],
)
def test_a_wrong_field_is_named_with_its_limit(body: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said.replace("(", r"\(").replace(")", r"\)")) as refused:
        silence_in("s", body, "ann", 1_000)
    assert refused.value.status == 422


@pytest.mark.parametrize(
    "more",
    [{"from_us": 0}, {"from_us": 2**62}, {"until_us": 2**62}, {"for_s": MAX_FOR_S}, {"reason": "x" * MAX_REASON}, {"device": "d" * 1_024}],
)
def test_a_field_at_its_limit_is_taken(more: dict[str, Any]) -> None:
    body = silence_in("s", WORK | more, "ann", 1_000).body()
    assert more.get("for_s") or body.items() >= more.items()


@pytest.mark.parametrize("more", [{"from_us": 2**62 + 1}, {"until_us": 2**62 + 1}, {"device": "d" * 1_025}])
def test_a_field_beyond_its_limit_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        silence_in("s", WORK | more, "ann", 1_000)
