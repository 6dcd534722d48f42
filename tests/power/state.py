"""The state store through power cuts: a file of the first format that is upgraded, documents, devices, a follower's cursor, the audit log.

Owns the program that is cut off and what must hold of each image of its file. A subject of tests/power/__main__.py.
"""

import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import trio

from hub.core.records import Cursor
from hub.ports import Audited, DeviceRecord, Document, StoreUnavailable
from hub.state.file import FORMAT, TABLES
from hub.state.sqlite import SQLiteStateStore

_CHANGES: Final = 110  # of each of its lives
_LIVES: Final = 3
_FOLLOWER: Final = "ledger"
_OLD: Final = DeviceRecord("old", 1, b"old", {})
Tell = Callable[[Mapping[str, Any]], None]


def body_of(version: int) -> dict[str, Any]:
    """Return what a version of the document says."""
    return {"said": random.Random(version).randbytes(version * 53 % 700).hex(), "version": version}


def play(folder: Path, tell: Tell, scale: float) -> None:
    """Lead a store through its lives, and tell what was promised."""
    with closing(sqlite3.connect(folder / "state.db", isolation_level=None)) as first:
        first.execute("PRAGMA journal_mode = WAL")
        first.execute("PRAGMA synchronous = FULL")
        first.executescript(f"BEGIN; {TABLES} PRAGMA user_version = 1; COMMIT;")
        first.execute("INSERT INTO devices VALUES ('old', 1, CAST('old' AS BLOB), '{}', NULL, 0)")
        tell({"devices": 1})
    for life in range(_LIVES):
        trio.run(_life, folder, life, int(_CHANGES * scale), tell)


async def _life(folder: Path, life: int, changes: int, tell: Tell) -> None:
    store = SQLiteStateStore(folder / "state.db")
    await store.start()
    tell({"format": FORMAT})
    for version in range(life * changes + 1, (life + 1) * changes + 1):
        audited = [Audited(version, "me", "changed", "it", {})]
        await store.change([Document("rule", "it", version, body_of(version))], cursor=(_FOLLOWER, Cursor("j", version)), audited=audited)
        tell({"version": version})
        if version % 4 == 0:
            tell({"begun": version})
            await store.put_device(DeviceRecord(f"d{version}", version, b"hash", {"version": version}))
            tell({"devices": version // 4 + 1})
        if version % 40 == 0:
            tell({"trimming": version - 30})
            await store.trim_audit(version - 30, 1_000)
    await store.aclose()


def check(folder: Path, told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with an image."""
    promised: dict[str, Any] = {"version": 0, "devices": 0, "begun": 0, "trimming": 0}
    for each in told:
        promised.update(each)
    return trio.run(_complaints, folder, promised)


async def _complaints(folder: Path, promised: Mapping[str, Any]) -> list[str]:
    store, wrong = SQLiteStateStore(folder / "state.db"), []
    try:
        await store.start()
        document, cursor = await store.document("rule", "it"), await store.cursor_of(_FOLLOWER)
        version = document.version if document else 0
        if not promised["version"] <= version <= promised["version"] + 1:
            wrong.append(f"version {promised['version']} was promised, {version} is there")
        if document is not None and document.body != body_of(version):
            wrong.append(f"version {version} says something else")
        if (cursor.position if cursor else 0) != version:
            wrong.append(f"the cursor {cursor} is not of version {version}")
        noted = [each.at_us for each in await store.audit(None, 1_000)]
        if noted != list(range(version, version - len(noted), -1)) or len(noted) < version - max(0, promised["trimming"]):
            wrong.append(f"the audit log of {version} changes has {noted[:3]} ... {noted[-3:]}")
        devices = {device.name: device for device in await store.devices()}
        if len(devices) < promised["devices"] or (devices and devices.get("old") != _OLD):
            wrong.append(f"{len(devices)} devices are there, {promised['devices']} were promised")
        await store.put_device(DeviceRecord("new", 1, b"hash", {}))
        await store.aclose()
    except (StoreUnavailable, sqlite3.Error, ValueError) as error:
        wrong.append(f"it cannot be opened: {error}")
    return wrong
