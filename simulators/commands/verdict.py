"""What became of each command, compared with what the devices wrote down: never twice, one end, and an end that is true.

Owns the comparison; reads the devices' files of runs, asks nobody. Used by simulators/commands/course.py.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devices.wire.messages import CommandState

_NEVER_RUN: Final = ("expired", "rejected")


@dataclass(slots=True)
class Told:
    """What the hub said of a command on the way."""

    number: int
    ends: set[str] = field(default_factory=set)  # final states, by any answer
    cancel: str = ""  # the answer to its cancellation, where there was one that settles it

    def hear(self, item: Mapping[str, Any]) -> None:
        """Take a command as the hub shows it."""
        if CommandState(item["state"]).is_final:
            self.ends.add(item["state"])


def number_of(number: int, device: int) -> int:
    """Return the number of a device's part of a group command, whose number is the same at each."""
    return number * 100_000 + device


def runs_of(files: Sequence[Path], first_of_groups: int) -> Counter[int]:
    """Return how often each number was run; the file at a place is that device's."""
    runs = Counter[int]()
    for at, file in enumerate(files):
        for line in file.read_text().split() if file.exists() else ():
            number = int(line)
            runs[number if number < first_of_groups else number_of(number, at)] += 1
    return runs


def differences(told: Iterable[Told], items: Mapping[int, Mapping[str, Any]], runs: Mapping[int, int]) -> list[str]:
    """Return what is not as promised, a line each; `items` are the commands at the end, by number."""
    found = []
    for each in told:
        item, ran = items.get(each.number), runs.get(each.number, 0)
        if item is None:
            found.append(f"command {each.number} is not in the ledger")
            continue
        state = item["state"]
        each.hear(item)
        if ran > 1:
            found.append(f"command {each.number} was run {ran} times; it is {state}")
        if not CommandState(state).is_final:
            found.append(f"command {each.number} has not ended: {state}")
        if len(each.ends) > 1:
            found.append(f"command {each.number} ended as {' and '.join(sorted(each.ends))}")
        if (state == "done" and not ran) or (state in _NEVER_RUN and ran):
            found.append(f"command {each.number} is {state} and was run {ran} times")
        if (each.cancel == "cancelled") != (state == "cancelled") and each.cancel:
            found.append(f"command {each.number}: its cancellation was answered {each.cancel}, and it is {state}")
    return found
