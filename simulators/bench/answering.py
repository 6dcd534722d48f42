"""The side of a helper program: it gets its plan as a line of JSON, then commands, and answers each with a line of JSON.

Owns that conversation on stdin and stdout, and how a program says why it gives up. program.py is the other side; used by every
program here.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from simulators.hub_process import raise_descriptor_limit


class GivenUp(Exception):
    """The program cannot go on; the text says why."""


def say(answer: Mapping[str, Any]) -> None:
    """Answer."""
    print(json.dumps(answer), flush=True)


def heard() -> str:
    """Return the command that waits on stdin; `quit` where nobody is there any more."""
    return os.read(0, 4096).decode().strip() or "quit"


def run_program(run: Callable[[dict[str, Any]], None]) -> None:
    """Read the plan and run; an end by GivenUp or a failed socket is said as {"failed": why}."""
    raise_descriptor_limit()
    try:
        # Unbuffered: what follows the plan is watched with epoll.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as unbuffered:
            plan = json.loads(unbuffered.readline())
        run(plan)
    except (GivenUp, OSError) as error:
        say({"failed": str(error) or type(error).__name__})
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)  # the one who asked says so
