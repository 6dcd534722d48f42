"""Since when nothing is heard of what a device has begun."""

from dataclasses import replace

from hub.core.begun import Begun
from hub.ports import CommandRecord

ACCEPTED = CommandRecord("c", "pump", "blink", {}, "accepted", 1, "ann", 1, 100, 1)


def test_a_command_is_silent_from_the_first_time_its_device_came_after_its_last_word() -> None:
    begun = Begun()
    assert begun.silent_since_us(ACCEPTED) is None
    begun.came([ACCEPTED], 200)
    begun.came([ACCEPTED], 300)
    assert begun.silent_since_us(replace(ACCEPTED, version=2)) == 200
    further = replace(ACCEPTED, state="running", progress=0.5)
    assert begun.silent_since_us(further) is None
    begun.came([further], 500)
    assert begun.silent_since_us(further) == 500


def test_what_a_device_names_as_it_comes_it_has_until_it_comes_again() -> None:
    begun = Begun()
    begun.came([ACCEPTED], 200)
    begun.name(ACCEPTED)
    assert begun.silent_since_us(ACCEPTED) is None
    begun.came([ACCEPTED], 400)
    assert begun.silent_since_us(ACCEPTED) == 400
    begun.drop("c")
    begun.drop("c")
    assert begun.silent_since_us(ACCEPTED) is None
