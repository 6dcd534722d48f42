"""What a target wants, how it is read, and when a notice is tried again."""

from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.core.notices import DELIVERED, WAITING, Event, delivery, given_up, kept_target, notice, pause_s, target_in, tried

HOOK: dict[str, Any] = {"kind": "webhook", "url": "https://example.com/"}
MAIL: dict[str, Any] = {"kind": "email", "to": ["ann@example.com"]}
ALERT = {"id": "a1", "rule": "hot", "severity": "warning", "state": "open", "version": 3, "held": True}


def test_a_target_is_told_of_its_rules_from_its_severity_on() -> None:
    assert target_in("t", HOOK).wants(ALERT)
    assert target_in("t", HOOK | {"severity": "warning", "rules": ["cold", "hot"]}).wants(ALERT)
    assert not target_in("t", HOOK | {"severity": "critical"}).wants(ALERT)
    assert not target_in("t", HOOK | {"rules": ["cold"]}).wants(ALERT)


@pytest.mark.parametrize("body", [HOOK, MAIL, HOOK | {"rules": ["b", "a"], "severity": "critical", "note": "the night shift"}])
def test_a_target_is_kept_as_it_was(body: dict[str, Any]) -> None:
    target = target_in("t", body)
    assert kept_target("t", target.body()) == target
    assert "secret" not in target.item()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (HOOK | {"colour": 1}, "no field 'colour'"),
        (HOOK | {"kind": "pigeon"}, "kind must be one of"),
        (HOOK | {"severity": "loud"}, "severity must be one of info, warning, critical, not 'loud'"),
        (HOOK | {"severity": ["info"]}, "severity must be one of"),
        (HOOK | {"url": ""}, "url must be a text of 1 to 2048 characters"),
        (HOOK | {"url": "h" * 2_049}, "url must be a text of 1 to 2048 characters"),
        ({"kind": "webhook"}, "url must be a text"),
        ({"url": "https://example.com/"}, "kind must be one of webhook, email, not None"),
        (HOOK | {"to": ["ann@example.com"]}, "no field 'to'"),
        (MAIL | {"url": "https://example.com/"}, "no field 'url'"),
        ({"kind": "email"}, "to must be an array of 1 to 20 e-mail addresses"),
        (MAIL | {"to": []}, "to must be an array of 1 to 20 e-mail addresses"),
        (MAIL | {"to": "ann@example.com"}, "to must be an array of 1 to 20 e-mail addresses"),
        (MAIL | {"to": ["ann@example.com"] * 21}, "to must be an array of 1 to 20 e-mail addresses"),
        *[
            (MAIL | {"to": [wrong]}, "to must hold e-mail addresses like ann@example.com")
            for wrong in ("ann", "@", "a@b c", "a@b\r\nRCPT TO:<x>", "a@b,c@d", "<a@b>", "a" * 65 + "@b", 7, "é@example.com")
        ],
        (HOOK | {"rules": "hot"}, "rules must be an array of names"),
        (HOOK | {"rules": []}, "rules of 0 names is outside 1 to 256"),
        (HOOK | {"note": "x" * 501}, "note must be a text of 0 to 500 characters"),
    ],
)
def test_a_wrong_field_is_named_with_its_limit(body: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal) as refused:
        target_in("t", body)
    assert said in refused.value.message
    assert (refused.value.code, refused.value.status) == ("bad_target", 422)


def test_a_notice_keeps_its_id_and_content_over_its_attempts() -> None:
    first = notice("t", Event.OPENED, ALERT, 7, 1_000, 60.0)
    assert first["content"] == {
        **{"id": first["id"], "event": "alert.opened", "made_us": 1_000},
        "alert": {"id": "a1", "rule": "hot", "severity": "warning", "state": "open"},
    }
    second = tried(first, WAITING, 2_000, 503, "answered 503", 50.0)
    third = tried(second, DELIVERED, 3_000, 204, "", 40.0)
    assert (third["id"], third["content"], third["attempts"]) == (first["id"], first["content"], 2)
    assert delivery(third) == {
        **{"id": first["id"], "target": "t", "event": "alert.opened", "alert": "a1", "made_us": 1_000},
        **{"state": "delivered", "attempts": 2, "last_us": 3_000, "status": 204},
    }
    assert given_up(second, 9_000, "its time is over")["error"] == "given up: its time is over; last: answered 503"


def test_pauses_double_to_five_minutes_and_differ() -> None:
    assert [pause_s(failures, 0.0) for failures in (1, 2, 3, 9, 10, 1_000)] == [1, 2, 4, 256, 300, 300]
    assert pause_s(3, 1.0) == 2
