"""What a program does to the files below a folder, call by call: written, cut, synced, renamed, as strace saw it.

Owns the run under strace and the reading of its log, whichever library makes the calls. A write to the file `told` is a note
of the program: what it promised somebody by then. Used by tests/power/__main__.py and its tests.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TOLD: Final = "told"
_CALLS: Final = (
    "write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,truncate,rename,renameat,renameat2,unlink,unlinkat,open,openat,creat,lseek,"
    "mkdir,mkdirat,rmdir,copy_file_range,sendfile,link,linkat,symlink,fallocate"
)
_LINE: Final = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))$", re.DOTALL)
_HEX: Final = r"((?:\\x[0-9a-f]{2})*)"
_FD: Final = re.compile(rf"(\d+)<{_HEX}>(\(deleted\))?")
_TEXT: Final = re.compile(rf'"{_HEX}"')
_PATH: Final = re.compile(rf'(?:\w+<{_HEX}>, )?"{_HEX}"')  # the ...at calls say which folder a name is in
_UNFINISHED: Final = " <unfinished ...>"


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that was done. Paths are below the folder."""

    kind: str  # write, cut, sync, create, link, rename, unlink, mkdir, note
    path: str
    at: int = 0  # offset of a write, length of a cut
    data: bytes = b""
    to: str = ""  # of a link and a rename
    covers: int = 0  # of a sync: how many operations had ended when it began


class UnknownCall(Exception):
    """The program changed files in a way that is not understood here."""


def recorded(command: Sequence[str], folder: Path, timeout_s: float = 300.0) -> list[Op]:
    """Run a program and return what it did below `folder`. Raises CalledProcessError where it fails."""
    log = folder.with_name(f"{folder.name}.strace")
    traced = ["strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "-e", f"trace={_CALLS}", "-e", "signal=none", "-o", str(log)]
    try:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([*traced, *command], check=True, timeout=timeout_s, env=environment, stdout=sys.stderr)
        return list(_Reading(os.path.realpath(folder)).ops(log))
    finally:
        log.unlink(missing_ok=True)


class _Reading:
    """One log that is being read."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._count = 0
        self._offsets: dict[str, int] = {}  # by descriptor: where write() writes; -1: at the end
        self._contents: dict[str, bytearray] = {}
        self._begun: dict[str, tuple[str, int]] = {}  # by thread: the first half of a call, and how many operations had ended

    def ops(self, log: Path) -> Iterator[Op]:
        """Yield the operations."""
        with log.open() as lines:
            for line in lines:
                if (found := self._whole(line.rstrip("\n"))) is not None:
                    for op in self._understood(*found):
                        self._count += 1
                        self._follow(op)
                        yield op

    def _whole(self, line: str) -> tuple[str, str, str, int] | None:
        """Return (call, arguments, result, how many operations had ended when it began), once it has ended."""
        matched = _LINE.match(line)
        if matched is None:
            return None
        thread, resumed, rest, call, text = matched.groups()
        covers = self._count
        if resumed is not None:
            begun, covers = self._begun.pop(thread, ("", self._count))
            call, text = resumed, begun + rest
        elif text.endswith(_UNFINISHED):
            self._begun[thread] = (text.removesuffix(_UNFINISHED), self._count)
            return None
        arguments, _, result = text.rpartition(" = ")
        return (call, arguments.rstrip(" )"), result, covers) if result and not result.startswith("-1") else None

    def _understood(self, call: str, arguments: str, result: str, covers: int) -> Iterator[Op]:
        if call in ("open", "openat", "creat"):
            yield from self._opened(arguments, result)
        elif call in ("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"):
            if paths := self._paths(arguments):
                kind = "mkdir" if call.startswith("mkdir") else "rename" if call.startswith("rename") else "unlink"
                yield Op(kind, paths[0], to=paths[-1] if kind == "rename" else "")
        elif call in ("link", "linkat") and len(paths := self._paths(arguments)) == 2:
            yield Op("link", paths[0], to=paths[1])
        elif (descriptor := _FD.match(arguments)) is not None and (path := self._below(descriptor[2])) and not descriptor[3]:
            yield from self._on_descriptor(call, descriptor[1], path, arguments[descriptor.end() + 2 :], result, covers)
        elif call in ("symlink", "truncate") and self._paths(arguments):
            raise UnknownCall(f"{call}({arguments[:200]})")

    def _opened(self, arguments: str, result: str) -> Iterator[Op]:
        descriptor, named = _FD.match(result), _TEXT.search(arguments)
        if descriptor is None or named is None or not (path := self._below(descriptor[2])):
            return
        self._offsets[descriptor[1]] = -1 if "O_APPEND" in arguments else 0
        if "O_CREAT" in arguments and path not in self._contents:
            yield Op("create", path)
        elif "O_TRUNC" in arguments and self._contents.get(path):
            yield Op("cut", path)

    def _on_descriptor(self, call: str, number: str, path: str, rest: str, result: str, covers: int) -> Iterator[Op]:
        if call in ("fsync", "fdatasync"):
            yield Op("sync", path, covers=covers)
        elif call == "lseek":
            self._offsets[number] = self._offsets.get(number, 0) if self._offsets.get(number) == -1 else int(result.split()[0])
        elif call == "ftruncate":
            yield Op("cut", path, int(rest))
        elif call == "pwrite64":
            yield Op("write", path, int(rest.rpartition(", ")[2]), _written(rest, result))
        elif call in ("write", "sendfile"):
            data = _written(rest, result) if call == "write" else self._copied(rest, result)
            if path == TOLD:
                yield Op("note", path, data=data)
            elif data:
                at = self._place(number, path)
                if self._offsets.get(number, 0) >= 0:
                    self._offsets[number] = at + len(data)
                yield Op("write", path, at, data)
        elif call == "fallocate" or result != "0":
            raise UnknownCall(f"{call} on {path}")

    def _copied(self, rest: str, result: str) -> bytes:
        source = _FD.match(rest)
        assert source is not None
        begin = int(rest[source.end() :].partition("[")[2].partition("]")[0])
        return bytes(self._contents[self._below(source[2])][begin : begin + int(result)])

    def _place(self, number: str, path: str) -> int:
        offset = self._offsets.get(number, 0)
        return len(self._contents.get(path, b"")) if offset < 0 else offset

    def _follow(self, op: Op) -> None:
        contents = self._contents
        if op.kind == "rename":
            for name in [name for name in contents if name == op.path or name.startswith(f"{op.path}/")]:
                contents[op.to + name.removeprefix(op.path)] = contents.pop(name)
        elif op.kind == "link":
            contents[op.to] = contents[op.path]
        elif op.kind == "unlink":
            contents.pop(op.path, None)
        elif op.kind in ("create", "write", "cut"):
            put(contents.setdefault(op.path, bytearray()), op)

    def _paths(self, arguments: str) -> list[str]:
        """Return the paths below the folder that a call names. A name alone, in the folder where the program works, is not understood."""
        found = [name if name.startswith("\\x2f") or not folder else rf"{folder}\x2f{name}" for folder, name in _PATH.findall(arguments)]
        return [path for raw in found if (path := self._below(raw))]

    def _below(self, raw: str) -> str:
        """Return a path below the folder, or nothing; strace gives what descriptors stand for, and programs say whole paths."""
        path = _bytes(raw).decode(errors="replace")
        if path == self._folder:
            return "."
        below = path.removeprefix(f"{self._folder}/")
        return below if below != path and not below.endswith("-shm") else ""


def put(found: bytearray, op: Op) -> None:
    """Do to the bytes of a file what a write or a cut does to it."""
    if op.kind == "cut":
        del found[op.at :]
        found.extend(bytes(op.at - len(found)))
    else:
        found.extend(bytes(max(0, op.at - len(found))))
        found[op.at : op.at + len(op.data)] = op.data


def _written(rest: str, result: str) -> bytes:
    quoted = _TEXT.match(rest)
    assert quoted is not None
    return _bytes(quoted[1])[: int(result)]


def _bytes(raw: str) -> bytes:
    return bytes.fromhex(raw.replace("\\x", ""))
