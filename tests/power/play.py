"""`python -m tests.power.play SUBJECT FOLDER SCALE`: the program that is cut off. What it promises goes into the file `told`, a line each.

Owns nothing but that file. Started under strace by tests/power/__main__.py.
"""

import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.power.oplog import TOLD


def main() -> None:
    """Run the subject that the command line names."""
    subject, folder = import_module(f"tests.power.{sys.argv[1]}"), Path(sys.argv[2])
    told = os.open(folder / TOLD, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(what: Mapping[str, Any]) -> None:
        os.write(told, json.dumps(what).encode() + b"\n")

    subject.play(folder, tell, float(sys.argv[3]))


if __name__ == "__main__":
    main()
