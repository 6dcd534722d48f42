"""Data directories as hubs of earlier formats left them: files made of SQL, which those hubs wrote and nobody makes anew.

tests/formats has a device with five readings and, from 2 on, a command that it ran and one that waits; where their hub knew them a user, a
token, a rule, a tag. Owns where they are and what is in them; checks nothing. A new format of a file brings a directory more.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

KEPT = Path(__file__).parent.parent / "formats"
# of each: the formats of state.db and journal.db, and the token of its device
LEFT = {
    1: (1, 2, "vGQTE8vvPTZIVJe1I0gfTr86ywuKDtbZd5nBkuvrMOM"),
    2: (2, 2, "o1ENFBWnkUEzEd4KBaWQRfvz8uvJQXHfYct-2mhwxQQ"),
    3: (3, 2, "Ip68tdIa44DfFC60gVkQLuefVchwm_Vv5UeBbyqON6U"),
    4: (4, 2, "Hbyi-O1buTjo-8Mv1Srq3jbWLtWpl9hdrEtv0wv9QnI"),
    5: (5, 2, "mTiOWPGPJDEn5pHgpvHewi6YCpIRiAmQT6-EvbWGUQs"),
    6: (5, 3, "VN5g5Mel-eiHySq8FwmUq76D5f1go0yOVMZxructKlo"),
}
SENT = [(1_795_300_000_000_000 + number * 1_000_000, 20.0 + number) for number in range(5)]


def left_by(number: int, folder: Path) -> Path:
    """Make a data directory as a hub of that time left it; its history was not kept, and is made anew of the journal."""
    folder.mkdir(mode=0o700)
    (folder / "format").write_text("1\n")
    for name in ("state", "journal"):
        with closing(sqlite3.connect(folder / f"{name}.db")) as file:
            file.executescript((KEPT / f"{number}-{name}.sql").read_text())
    return folder


def formats_of(folder: Path) -> tuple[int, ...]:
    found = []
    for name in ("state.db", "journal.db"):
        with closing(sqlite3.connect(folder / name)) as file:
            found.append(file.execute("PRAGMA user_version").fetchone()[0])
    return tuple(found)
