"""`python -m tests.sim --seed N`: one seed, told in full; `--seeds 2000`: many, over all cores. Exits with 1 where one fails.

Owns the command line and what it prints: of each seed that fails its complaints and the command that repeats it, which then belongs into
tests/sim/seeds.txt.
"""

import argparse
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.sim.bugs import BUGS
from tests.sim.world import Outcome, Scene, simulate

_MAX_CPU_S: Final = 600.0  # of one seed: a run whose time stands still ends so
_SHOWN: Final = 5  # complaints of a seed among many


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, help="run this one")
    parser.add_argument("--seeds", type=int, default=50, help="run so many, side by side (default 50)")
    parser.add_argument("--first", type=int, default=1, help="the first of them (default 1)")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated hours of each (default 1)")
    parser.add_argument("--devices", type=int, default=20, help="devices of each (default 20)")
    parser.add_argument("--viewers", type=int, default=3, help="viewers of each (default 3)")
    parser.add_argument("--calm", action="store_true", help="let nothing go wrong: what an hour costs where all is well")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--bug", choices=sorted(BUGS), default="", help="put this bug into the product and see it found")
    parser.add_argument(
        "--by-socket", action="store_true", default=None, help="let devices come by real WebSockets (default: the seed says)"
    )
    parser.add_argument("--trace", type=Path, help="with --seed: write every message and event there")
    return parser.parse_args()


def _ends(signal_number: int, frame: Any) -> None:
    raise TimeoutError(f"no end after {_MAX_CPU_S:g} s of CPU time: virtual time stands still")


def _guarded(scene: Scene) -> Outcome:
    signal.signal(signal.SIGPROF, _ends)
    signal.setitimer(signal.ITIMER_PROF, _MAX_CPU_S)
    try:
        return simulate(scene)
    except TimeoutError as error:
        return Outcome(scene.seed, "", [str(error)])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _again(scene: Scene) -> str:
    more = (f" --bug {scene.bug}" if scene.bug else "") + (" --calm" if scene.is_calm else "") + (" --by-socket" if scene.by_socket else "")
    scale = f"--hours {scene.hours:g} --devices {scene.devices} --viewers {scene.viewers}"
    return f".venv/bin/python -m tests.sim --seed {scene.seed} {scale}{more}"


def _one(scene: Scene, trace: Path | None) -> int:
    outcome = _guarded(scene)
    for name, value in outcome.figures.items():
        print(f"{name:>28} {value:,.1f}")
    print(f"{'trace':>28} {outcome.trace}")
    print(*outcome.complaints or ["nothing is wrong"], sep="\n")
    if trace is not None:
        trace.write_bytes(b"".join(outcome.lines or []))
    return int(bool(outcome.complaints))


def _many(scenes: list[Scene], jobs: int) -> int:
    """Run them side by side; with a bug put in, the first seed that finds it is enough."""
    began_s, failed = time.monotonic(), 0
    done: list[tuple[Scene, Outcome]] = []
    with ProcessPoolExecutor(jobs) as pool:
        for scene, outcome in zip(scenes, pool.map(_guarded, scenes), strict=True):
            done.append((scene, outcome))
            if outcome.complaints:
                failed += 1
                print(f"seed {scene.seed}: {len(outcome.complaints)} complaints; again: {_again(scene)}")
                print(*[f"    {each[-2_000:]}" for each in outcome.complaints[:_SHOWN]], sep="\n", flush=True)
                if scene.bug:
                    pool.shutdown(cancel_futures=True)
                    break
            elif len(done) % 100 == 0:
                print(f"{len(done)} seeds, {failed} failed, {time.monotonic() - began_s:.0f} s", flush=True)
    print(f"{len(done)} seeds, {failed} failed, {time.monotonic() - began_s:,.0f} s")
    for ways, is_by_socket in (("by messages in memory", False), ("through real WebSockets", True)):
        if of_these := [each for each in done if each[1].figures and bool(each[1].figures["is_by_socket"]) is is_by_socket]:
            print(f"{len(of_these)} {ways}: {_pace(of_these)}")
    return int(failed > 0)


def _pace(done: list[tuple[Scene, Outcome]]) -> str:
    """Say what was simulated, and how fast."""
    hours = sum(scene.devices * scene.hours for scene, _ in done)
    cpu_s, faults, hub_starts = (sum(outcome.figures[name] for _, outcome in done) for name in ("cpu_s", "faults", "hub_starts"))
    a_minute = hours / max(cpu_s, 1e-9) * 60
    with_what = f"{faults:,.0f} faults and {hub_starts:,.0f} starts of the hub"
    return f"{hours:,.0f} device-hours with {with_what} in {cpu_s:,.0f} s of CPU time, {a_minute:,.0f} device-hours a CPU-minute"


def main() -> int:
    """Run what is asked for."""
    args = _arguments()
    scale = partial(Scene, devices=args.devices, hours=args.hours, viewers=args.viewers)
    make = partial(scale, is_calm=args.calm, bug=args.bug, by_socket=args.by_socket, is_traced=args.trace is not None)
    if args.seed is not None:
        return _one(make(args.seed), args.trace)
    return _many([make(seed) for seed in range(args.first, args.first + args.seeds)], args.jobs)


if __name__ == "__main__":
    sys.exit(main())
