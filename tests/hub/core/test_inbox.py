"""The inbox holds what is open, by device, within its bounds: what is over them is refused and nothing in it is dropped."""

import pytest

from hub.core.errors import Refusal
from hub.core.inbox import MAX_WAITING, MAX_WAITING_BYTES, Inbox, size_of
from hub.ports import CommandRecord


def command(number: int, device: str = "pump", state: str = "queued", text: str = "") -> CommandRecord:
    return CommandRecord(f"c{number}", device, "blink", {"text": text}, state, 1, "tester", number, number, 1_000)


def check(inbox: Inbox, *records: CommandRecord) -> None:
    for record in records:
        inbox.check_device(record)
    inbox.check_room(records)


def refused(inbox: Inbox, *records: CommandRecord) -> Refusal:
    with pytest.raises(Refusal) as error:
        check(inbox, *records)
    return error.value


def test_commands_are_kept_by_device_in_the_order_they_came() -> None:
    inbox = Inbox()
    for number, device in enumerate(["pump", "fan", "pump"]):
        inbox.put(command(number, device))
    inbox.put(command(0, state="running"))
    assert [(each.id, each.state) for each in inbox.of("pump")] == [("c0", "running"), ("c2", "queued")]
    assert [each.id for each in inbox.waiting("pump")] == ["c2"]
    for number in (0, 0, 2):
        inbox.drop(f"c{number}")
    assert (inbox.of("pump"), inbox.get("c0"), len(inbox), [each.id for each in inbox.all()]) == ([], None, 1, ["c1"])


def test_a_device_has_room_for_so_many_that_it_has_not_answered() -> None:
    inbox = Inbox()
    for number in range(MAX_WAITING):
        inbox.check_device(command(number))
        inbox.put(command(number))
    said = refused(inbox, command(999))
    assert (said.code, said.status) == ("too_many_commands", 409)
    assert f"{MAX_WAITING}" in said.message
    inbox.check_device(command(999, "fan"))
    inbox.put(command(0, state="accepted"))
    inbox.check_device(command(999))


def test_a_device_has_room_for_so_many_bytes() -> None:
    inbox = Inbox()
    large = command(0, text="x" * 60_000)
    fitting = MAX_WAITING_BYTES // size_of(large)
    for number in range(fitting):
        inbox.put(command(number, text="x" * 60_000))
    assert f"{MAX_WAITING_BYTES:,}" in refused(inbox, command(fitting, text="x" * 60_000)).message
    inbox.check_device(command(fitting))


def test_the_hub_has_room_for_so_many_of_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.core.inbox.MAX_OPEN", 3)
    inbox = Inbox()
    inbox.put(command(0, "a", "running"))
    inbox.check_room([command(1, "b"), command(2, "c")])
    assert "limits of 3 and" in refused(inbox, command(1, "b"), command(2, "c"), command(3, "d")).message
