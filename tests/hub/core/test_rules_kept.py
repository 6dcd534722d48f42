"""What is kept of a device comes back as it was, and so does what an older hub kept of a rule."""

from hub.core.rules_kept import MAX_JOURNALS, body_of, with_older

OLDER = {
    "open": [["pump", "temp", 7], ["fan", "temp", 8]],
    "spells": [["pump", "hum", 1, 2, 81.5]],
    "last": [["fan", "temp", 8, 20.0]],
}


def test_only_rules_that_keep_something_are_in_the_document() -> None:
    assert body_of({"hot": {"open": [["temp", 7]]}, "cold": {}}, {"hot": 3, "cold": 1}, {"j": 5}) == {
        "judged": {"j": 5},
        "rules": {"hot": {"version": 3, "open": [["temp", 7]]}},
    }


def test_of_many_journals_the_newest_are_remembered() -> None:
    judged = {str(number): number for number in range(MAX_JOURNALS + 3)}
    assert list(body_of({}, {}, judged)["judged"]) == [str(number) for number in range(3, MAX_JOURNALS + 3)]


def test_what_an_older_hub_kept_of_a_rule_becomes_parts_of_devices() -> None:
    assert with_older({}, [("hot", 2, OLDER), ("none", 1, {})]) == {
        "pump": {"judged": {}, "rules": {"hot": {"version": 2, "open": [["temp", 7]], "spells": [["hum", 1, 2, 81.5]]}}},
        "fan": {"judged": {}, "rules": {"hot": {"version": 2, "open": [["temp", 8]], "last": [["temp", 8, 20.0]]}}},
    }


def test_what_an_older_hub_kept_is_newer_than_what_is_there_and_other_rules_stay() -> None:
    known = {"fan": {"judged": {"j": 9}, "rules": {"hot": {"version": 2, "last": [["temp", 1, 1.0]]}, "wet": {"version": 1}}}}
    found = with_older(known, [("hot", 2, OLDER)])
    assert found["fan"]["rules"] == {"hot": {"version": 2, "open": [["temp", 8]], "last": [["temp", 8, 20.0]]}, "wet": {"version": 1}}
    assert found["fan"]["judged"] == {}
