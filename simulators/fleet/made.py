"""What a run made, as far as an audit must know: seed, schedules, names, and how far each device came. A file of it lets one audit again.

Owns the record, its JSON, and under which number a frame went out. The values are not in it: they are computed. course.py gathers it
from the workers' files; store_audit.py and viewers are asked by it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from simulators.fleet.difference import Difference
from simulators.fleet.errors import FleetError
from simulators.fleet.lives import Life, read_lives
from simulators.fleet.notes import read_numbers
from simulators.fleet.plans import Make, Truth, Unit
from simulators.fleet.store_audit import Subject

FORMAT: Final = 1
APART_US: Final = 600_000_000  # what is nearer is read back as one span
Stretches = Sequence[Sequence[int]]  # of numbers of frames, [first, end)


@dataclass(frozen=True, slots=True)
class Made:
    """The readings of a run. `left`: what was still on spools; `numbers`: by device [frame, epoch, seq] wherever a stretch begins.

    `known`: how many readings a device dropped and was told to be rejected, of those that were not killed.
    """

    run: str
    seed: int
    begin_us: int
    makes: Sequence[Make]
    units: Sequence[Unit]
    lives: Sequence[Sequence[Life]]
    left: Mapping[str, Stretches]
    numbers: Mapping[str, Sequence[Sequence[int]]]
    known: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def spans_us(self) -> list[tuple[int, int]]:
        """The times that readings may have, as spans apart from each other, in order."""
        truth, found = self.truth(), list[tuple[int, int]]()
        shown = {span for at in range(len(self.units)) for span in truth.schedule(at).spans_us()}
        for low, high in sorted(shown):
            if found and low <= found[-1][1] + APART_US:
                found[-1] = found[-1][0], max(found[-1][1], high)
            else:
                found.append((low, high))
        return found

    def truth(self) -> Truth:
        """Return what computes the values."""
        return Truth(self.seed, self.makes, self.units, self.begin_us)

    def subjects(self) -> list[Subject]:
        """Return the devices for an audit of what is stored."""
        return [Subject(unit.name, at, self.lives[at]) for at, unit in enumerate(self.units)]

    def stretches(self, places: Sequence[int]) -> dict[str, list[list[int]]]:
        """Return which frames some devices have made for certain."""
        return {self.units[at].name: [[life.first, life.returned] for life in self.lives[at]] for at in places}

    def named(self, difference: Difference) -> Difference:
        """Return a difference with epoch and seq, where they are known."""
        known = [each for each in self.numbers.get(difference.device, ()) if each[0] <= (difference.number or 0)]
        if difference.number is None or not known:
            return difference
        number, epoch, seq = max(map(tuple, known))
        return replace(difference, epoch=epoch, seq=seq + difference.number - number)

    def write(self, path: Path) -> None:
        """Write it to a file. Raises OSError."""
        said = {"format": FORMAT, "what": "tributary simulate", **asdict(self)}
        path.write_text(json.dumps(said))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read such a file. Raises FleetError, OSError."""
        try:
            said = json.loads(path.read_text())
            if said.pop("what") != "tributary simulate" or said.pop("format") != FORMAT:
                raise ValueError
            makes = [Make(each["tables"], [(seconds, rate) for seconds, rate in each["stretches"]], each["rate"]) for each in said["makes"]]
            lives = [[Life(**life) for life in each] for each in said["lives"]]
            return cls(**said | {"makes": makes, "units": [Unit(**each) for each in said["units"]], "lives": lives})
        except (ValueError, KeyError, TypeError, AttributeError):
            hint = "give a file that `tributary simulate --keep FILE` has written"
            raise FleetError(f"{path} does not say what a simulation made", hint, is_usage=True) from None


def gathered_lives(folder: Path, workers: int, devices: int) -> list[list[Life]]:
    """Return the lives of all devices out of their workers' files."""
    found: list[list[Life]] = [[] for _ in range(devices)]
    for worker in range(workers):
        places = range(worker, devices, workers)
        for at, lives in zip(places, read_lives(folder, worker, len(places)), strict=True):
            found[at] = lives
    return found


def gathered_numbers(folder: Path, workers: int, units: Sequence[Unit]) -> dict[str, list[list[int]]]:
    """Return under which numbers frames went out, out of the workers' files."""
    found: dict[str, list[list[int]]] = {}
    for worker in range(workers):
        for device, *numbers in read_numbers(folder, worker):
            found.setdefault(units[device * workers + worker].name, []).append(numbers)
    return found
