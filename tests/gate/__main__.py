"""`python -m tests.gate [--release] [GOAL ...]`: what is promised of reliability, tried one after the other, in one table.

Owns the command line and what is printed. A row that fails is told at once and the next one is begun; exits with 1 where any was not
held. `make gate` runs it.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from tests.gate.rows import ROWS, Row
from tests.gate.running import Outcome, run, tail

_TIMEOUT_S: Final = 900.0  # of a row; on a quiet machine none takes half of it
_RELEASE_TIMEOUT_S: Final = 36 * 3_600.0
_HEAD: Final = ("row", "what", "N", "figures", "promised", "verdict", "s", "again")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.gate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("goals", nargs="*", metavar="GOAL", help="G1 to G16; all where none is named")
    parser.add_argument("--release", action="store_true", help="the long forms; days, all together")
    parser.add_argument("--list", action="store_true", help="say what would be run, and run nothing")
    parser.add_argument("--markdown", type=Path, help="write the table there, too")
    parser.add_argument("--json", type=Path, help="write it there as JSON")
    given = parser.parse_args()
    if unknown := set(given.goals) - {row.goal for row in ROWS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are G1 to G16")
    return given


def command_of(row: Row, *, is_release: bool) -> str:
    """Return what is run of a row; empty: nothing in this form."""
    return (row.release or row.gate) if is_release else row.gate


def _cells(outcome: Outcome) -> tuple[str, ...]:
    row, said = outcome.row, "; ".join([*outcome.figures, *outcome.left_out, *filter(None, [outcome.why])])
    return (
        row.goal,
        row.what,
        outcome.n or "-",
        said or "-",
        row.promised,
        outcome.verdict,
        f"{outcome.seconds:,.0f}",
        f"`{outcome.command}`",
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    lines = [_HEAD, ("---",) * len(_HEAD), *map(_cells, outcomes)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a JSON array."""
    cells = ({**dict(zip(_HEAD, _cells(outcome), strict=True)), "again": outcome.command, "held": outcome.held} for outcome in outcomes)
    return json.dumps(list(cells), indent=2)


def _ends(number: int, frame: Any) -> NoReturn:
    sys.exit(128 + number)  # what runs is ended on the way out


def _try(plan: Sequence[tuple[Row, str]], directory: Path, timeout_s: float, outcomes: list[Outcome]) -> None:
    """Run row after row; each is told as it ends, so that a run that is cut off has said what it found."""
    for row, command in plan:
        print(f"{row.goal} {row.what}: {command or f'not in the gate; {row.release}'}", flush=True)
        if not command:
            continue
        outcome = run(row, command, directory, timeout_s)
        outcomes.append(outcome)
        _, _, n, said, *_ = _cells(outcome)
        print(f"   {row.goal} {outcome.verdict} after {outcome.seconds:.0f} s, N = {n}: {said}", flush=True)
        if not outcome.held:
            print("\n".join(f"   | {line}" for line in tail(outcome).splitlines()), flush=True)


def _tell(outcomes: Sequence[Outcome], given: argparse.Namespace) -> None:
    print(f"\n{table(outcomes)}\n")
    for path, text in ((given.markdown, table(outcomes)), (given.json, as_json(outcomes))):
        if path is not None:
            path.write_text(text + "\n")


def main() -> int:
    """Run what is asked for."""
    given = _arguments()
    signal.signal(signal.SIGTERM, _ends)
    plan = [(row, command_of(row, is_release=given.release)) for row in ROWS if not given.goals or row.goal in given.goals]
    if given.list:
        print(*(f"{row.goal} {row.what}: {command or f'not in the gate; {row.release}'}" for row, command in plan), sep="\n")
        return 0
    directory, began_s = Path(tempfile.mkdtemp(prefix="tributary-gate-")), time.monotonic()
    outcomes: list[Outcome] = []
    try:
        _try(plan, directory, _RELEASE_TIMEOUT_S if given.release else _TIMEOUT_S, outcomes)
    finally:  # also where it was cut off
        _tell(outcomes, given)
    failed = sum(not outcome.held for outcome in outcomes)
    load = os.getloadavg()[0]
    print(f"{len(outcomes)} rows in {time.monotonic() - began_s:,.0f} s, {failed} FAILED; load {load:.1f}; outputs in {directory}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
