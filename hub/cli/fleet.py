"""What `tributary device` needs beside the commands: tags put beside those that are there, and a fleet read from a CSV file.

Owns the columns of that file, and that no token is lost: the file for them is there before a device is added. device.py has the commands.
"""

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TextIO

import typer

from hub.cli.options import DataDirOption, ask_hub
from hub.core.errors import Refusal

if TYPE_CHECKING:
    from hub.client import HubClient

COLUMNS: Final = ("name", "title", "kind", "tags", "notes")
MAX_DEVICES: Final = 100_000
_UNITS_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_EDITS: Final = 5  # where somebody else edits at the same time


def span_s(text: str) -> float:
    """Return a stretch of time in seconds. Raises Refusal."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|w)", text.strip())
    if match is None:
        raise Refusal("bad_usage", f"{text!r} is no stretch of time", "write 30s, 5m, 2h or 7d")
    return float(match[1]) * _UNITS_S[match[2]]


async def put_fact(client: "HubClient", name: str, said: Mapping[str, Any], tags: Sequence[str], untags: Sequence[str]) -> dict[str, Any]:
    """Change what is said of a device, tags beside those it has; return it. Raises HubError."""
    from hub.client import HubError, fleet

    for left in reversed(range(_EDITS)):
        item = await client.device(name)
        changes = dict(said)
        if tags or untags:
            changes["tags"] = _tags(item.get("tags", ()), tags, untags)
        try:
            return await fleet.edit(client, name, changes, item.get("revision", 0))
        except HubError as error:
            if error.code != "conflict" or not left:
                raise
    raise AssertionError("the last try returns or raises")


def _tags(kept: Sequence[str], added: Sequence[str], taken: Sequence[str]) -> list[str]:
    keys = {tag.partition("=")[0] for tag in added}
    if missing := sorted(set(taken) - {tag.partition("=")[0] for tag in kept}):
        raise Refusal("bad_usage", f"there is no tag {missing[0]!r} to take away", f"it has: {', '.join(kept) or 'none'}")
    return [tag for tag in kept if tag.partition("=")[0] not in keys | set(taken)] + list(added)


def import_devices(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with a column name; title, kind, notes, and tags (a;b=c) may be there.")
    ],
    tokens: Annotated[
        Path | None, typer.Option("--tokens", metavar="FILE", help="New file for the tokens, yours alone. Default: FILE.tokens.csv")
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Add every device of a CSV file, or none where a line is wrong; their tokens are written to a file that only you may read."""
    new = read_fleet(file)
    place = tokens or file.with_name(file.name + ".tokens.csv")
    added = ask_hub(data_dir, lambda client: _import(client, new, place))
    typer.echo(f"added {added:,} devices; their tokens are in {place}", err=True)


async def _import(client: "HubClient", new: Sequence[Mapping[str, Any]], place: Path) -> int:
    from hub.client import fleet

    await fleet.check_new(client, new)
    with _token_file(place) as out:
        rows = csv.writer(out, lineterminator="\n")
        for at in range(0, len(new), fleet.PAGE):
            added = await fleet.add(client, new[at : at + fleet.PAGE])
            rows.writerows([*([("name", "token")] if not at else []), *added.items()])
            out.flush()
            os.fsync(out.fileno())
    return len(new)


@contextmanager
def _token_file(place: Path) -> Iterator[TextIO]:
    """Open a new file that nobody else may read. Raises Refusal where there is one, OSError."""
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refusal("bad_usage", f"{place} exists, and may hold tokens", "name another file: --tokens") from None
    with open(descriptor, "w", encoding="utf-8", newline="") as out:
        try:
            yield out
        finally:
            if not os.fstat(descriptor).st_size:  # nothing was added
                place.unlink()


def read_fleet(file: Path) -> list[dict[str, Any]]:
    """Read the devices of a CSV file and check what only the file can tell. Raises Refusal with the line, OSError."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text, strict=True)
            columns = _columns(next(rows, []))
            found = [_device(columns, row, rows.line_num) for row in rows if any(cell.strip() for cell in row)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise Refusal("bad_file", f"{file} is no CSV in UTF-8: {error}", "save it as CSV in UTF-8") from None
    if not 0 < len(found) <= MAX_DEVICES:
        raise Refusal("bad_file", f"{file} has {len(found):,} devices, which is outside 1 to {MAX_DEVICES:,}", "give it a line for each")
    names: set[str] = set()
    for each in found:
        if each["name"] in names:
            raise Refusal("bad_file", f"{file} has the name {each['name']!r} twice", "give each device a name of its own")
        names.add(each["name"])
    return found


def _columns(head: Sequence[str]) -> list[str]:
    columns = [name.strip().lower() for name in head]
    for column in columns:
        if column not in COLUMNS or columns.count(column) > 1:
            raise Refusal("bad_file", f"column {column!r} is not known, or there twice", f"the columns are: {', '.join(COLUMNS)}")
    if "name" not in columns:
        raise Refusal("bad_file", "there is no column name", f"the first line names the columns: {', '.join(COLUMNS)}")
    return columns


def _device(columns: Sequence[str], row: Sequence[str], line: int) -> dict[str, Any]:
    if len(row) != len(columns):
        raise Refusal("bad_file", f"line {line} has {len(row)} cells, the first line {len(columns)}", "correct the line")
    said: dict[str, Any] = {column: cell.strip() for column, cell in zip(columns, row, strict=True) if cell.strip()}
    if "name" not in said:
        raise Refusal("bad_file", f"line {line} has no name", "give each device a name")
    if "tags" in said:
        said["tags"] = [tag.strip() for tag in said["tags"].split(";") if tag.strip()]
    return said
