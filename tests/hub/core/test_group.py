"""A group command as it is kept: it ends once, with the tally of then, and comes back from its document as it was."""

from dataclasses import replace

from hub.core.group import Group, Refused, group_in, refusals_document, refusals_in

GROUP = Group("g1", "turn", "ann", "f", "floor=2", 3, 1, 9, 100, 900, counts={"queued": 3})


def test_it_ends_with_its_last_command_and_only_once() -> None:
    running = GROUP.counted({"done": 2, "running": 1, "sent": 0}, 200)
    assert (running.is_open, running.ended_us, running.version) == (True, None, 1)
    ended = running.counted({"done": 2, "failed": 1}, 300)
    assert (ended.is_open, ended.ended_us, ended.version) == (False, 300, 2)
    assert (ended.counted({"done": 2, "failed": 1}, 400).ended_us, ended.item()["tally"]) == (300, {"done": 2, "failed": 1})


def test_what_is_missing_went_with_its_device() -> None:
    counted = GROUP.counted({"done": 1}, 200)
    assert counted.item()["tally"] == {"done": 1, "removed": 2}
    assert counted.ended_us == 200


def test_a_tally_goes_through_the_states_in_their_order() -> None:
    assert list(GROUP.counted({"failed": 1, "queued": 1, "running": 1}, 200).item()["tally"]) == ["queued", "running", "failed"]


def test_an_open_ones_document_has_no_counts_and_an_ended_ones_has_them() -> None:
    assert group_in(GROUP.document()) == replace(GROUP, counts={})
    ended = GROUP.counted({"done": 3}, 300)
    assert group_in(ended.document()) == ended


def test_who_was_refused_comes_back_by_name() -> None:
    refused = [Refused("fan", "disabled", "device fan is disabled")]
    assert refusals_in(refusals_document("g1", refused)) == refused
    assert refusals_in(None) == []
