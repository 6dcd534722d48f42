"""Compare what devices made with where the hub says each reading is: the invariant of the design, by identity.

Owns the rule; plain code, no I/O. A reading is stored exactly once, or rejected with a reason, or inside a declared gap;
one whose send() had not returned when its process was killed may be missing, and is stored at most once.
Called by simulators/crash/rounds.py.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulators.crash.ledger import Made


@dataclass(frozen=True, slots=True)
class DeclaredGap:
    """Readings a device has given up, by the time range it declared."""

    readings: int
    from_us: int
    to_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the hub has of one device: per channel (time, value) of each stored point, gaps, and times of rejects."""

    stored: Mapping[str, Sequence[tuple[int, int]]]
    gaps: Sequence[DeclaredGap] = ()
    rejected: frozenset[tuple[str, int]] = frozenset()  # (channel, time_us)


@dataclass(slots=True)
class Verdict:
    """Counts of readings by their place, and every difference by name."""

    made: int = 0
    stored: int = 0
    in_gaps: int = 0
    rejected: int = 0
    uncertain: int = 0  # not there, and send() had not returned
    differences: list[str] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        """Take in another device's or scene's verdict."""
        for name in ("made", "stored", "in_gaps", "rejected", "uncertain"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.differences += other.differences

    def line(self) -> str:
        """Return the counts as one line."""
        return (
            f"{self.made} readings made: {self.stored} stored once, {self.in_gaps} in declared gaps, {self.rejected} rejected, "
            f"{self.uncertain} never promised, {len(self.differences)} differences"
        )


def judge(device: str, made: Mapping[str, Made], found: Found) -> Verdict:
    """Return where each reading of one device is, by channel; a difference is one sentence that names it."""
    verdict = Verdict()
    used = [0] * len(found.gaps)
    for channel, its in made.items():
        _judge_channel(verdict, f"{device}/{channel}", channel, its, found, used)
    for gap, missing in zip(found.gaps, used, strict=True):
        if missing > gap.readings:
            verdict.differences.append(
                f"{device}: the gap {gap.from_us}...{gap.to_us} ({gap.reason}) declares {gap.readings} readings, but {missing} are missing"
            )
    return verdict


def _judge_channel(verdict: Verdict, name: str, channel: str, made: Made, found: Found, used: list[int]) -> None:
    points = found.stored.get(channel, ())
    times = Counter(value for _, value in points)
    verdict.made += len(made.time_us)
    for time_us, value in points:
        if value not in made.time_us:
            verdict.differences.append(f"{name}: reading {value} at {time_us} is stored and was never made")
        elif made.time_us[value] != time_us:
            verdict.differences.append(f"{name}: reading {value} made at {made.time_us[value]} is stored at {time_us}")
    for number, time_us in made.time_us.items():
        if times[number] > 1:
            verdict.differences.append(f"{name}: reading {number} is stored {times[number]} times")
        elif times[number] == 1:
            verdict.stored += 1
        elif (channel, time_us) in found.rejected:
            verdict.rejected += 1
        elif number not in made.certain:
            verdict.uncertain += 1  # before the gaps: it may never have been in the spool that a gap counts
        elif (gap := _gap_over(found.gaps, used, time_us)) is not None:
            verdict.in_gaps += 1
            used[gap] += 1
        else:
            verdict.differences.append(f"{name}: reading {number} made at {time_us} is nowhere")


def _gap_over(gaps: Sequence[DeclaredGap], used: Sequence[int], time_us: int) -> int | None:
    """Return which gap covers a time, one with readings left to account for where there are several."""
    covering = [at for at, gap in enumerate(gaps) if gap.from_us <= time_us <= gap.to_us]
    return next((at for at in covering if used[at] < gaps[at].readings), covering[0] if covering else None)
