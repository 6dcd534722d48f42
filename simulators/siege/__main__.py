"""`python -m simulators.siege [SCENE ...] [--short]`: floods against real hubs, in a table.

Owns the command line. Exit code 0: every promise held; 1: one did not, and the directory with the hub's log is kept. `make flood-test`
runs it.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from simulators.hub_process import raise_descriptor_limit
from simulators.siege.scenes import SCENES, Row, Size

_SHORT = Size(connects=1_500, drips=200, newcomers=300, viewers=150)
_IN_SHORT = ("flood", "drip", "shout", "descriptors")


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulators.siege", description="Flood hubs, and see who still gets in.")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"of {', '.join(SCENES)}; all where none is named")
    parser.add_argument("--short", action="store_true", help="a tenth of everything, without memory; some 20 s")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenes) - set(SCENES):
        parser.error(f"there is no scene {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    raise_descriptor_limit()
    directory = Path(tempfile.mkdtemp(prefix="tributary-siege-"))
    rows: list[Row] = []
    for scene in arguments.scenes or (_IN_SHORT if arguments.short else tuple(SCENES)):
        (place := directory / scene).mkdir()
        for row in SCENES[scene](_SHORT if arguments.short else Size(), place):
            print(f"| {row.scene} | {row.promised} | {row.measured} | {'ok' if row.holds else 'BROKEN'} |", flush=True)
            rows.append(row)
    broken = [row for row in rows if not row.holds]
    if broken:
        print(f"{len(broken)} of {len(rows)} promises are broken; logs in {directory}", flush=True)
        return 1
    shutil.rmtree(directory)
    print(f"all {len(rows)} promises held", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
