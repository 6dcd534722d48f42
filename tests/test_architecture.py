"""The shape of the code: who may import whom, which file a library lives in, how long a file and a function may be.

Reads every source file with ast and runs none. The rules stand in docs/architecture.md; here they are held.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("hub", "devices", "dashboard", "simulators")
FIRMWARE = ROOT / "devices" / "firmware"  # for microcontrollers: one file each, on purpose, and imported by nothing here
MAX_FILE_LINES, MAX_BODY_LINES = 250, 40

# May be imported by every part of the hub; of them core takes ports and its own errors only.
SHARED = {"hub.config", "hub.certificate", "hub.auth", "hub.metrics", "hub.ports", "hub.core.errors", "hub.core.records"}
# part of the hub -> what else of the hub it may import (main: everything)
HUB = {
    "hub.cli": {
        *("hub.main", "hub.client", "hub.logs", "hub.datadir", "hub.stores", "hub.part_settings", "hub.backup", "hub.redis"),
        *("hub.workers", "hub.web.listening"),  # the parent of several hubs holds their port
    },
    "hub.client": {"hub.layers"},
    "hub.web": {"hub.sessions", "hub.core"},
    "hub.sessions": {"hub.core", "hub.journal", "hub.layers"},
    "hub.bus": {"hub.core", "hub.redis"},
    "hub.gathering": {
        *("hub.bus", "hub.core", "hub.journal", "hub.layers", "hub.redis", "hub.nodes"),
        *("hub.history", "hub.sessions", "hub.system", "hub.web"),
    },
    "hub.store": {"hub.core"},
    "hub.state": {"hub.core", "hub.redis"},
    "hub.redis": {"hub.core"},
    "hub.nodes": {"hub.core", "hub.redis"},
    "hub.journal": {"hub.core"},
    "hub.core": {"hub.ports"},
    "hub.config": set[str](),
    "hub.auth": {"hub.core"},
    "hub.certificate": set[str](),
    "hub.metrics": set[str](),
    "hub.ports": {"hub.core"},
    "hub.logs": set[str](),
    "hub.layers": set[str](),
    "hub.datadir": {"hub.reserve"},
    "hub.reserve": set[str](),
    "hub.followers": {"hub.core", "hub.journal"},
    # main's other half
    "hub.control": {
        "hub.core",
        "hub.journal",
        "hub.rules",
        "hub.sessions",
        "hub.followers",
        "hub.layers",
        "hub.datadir",
        "hub.nodes",
        "hub.part_settings",
        "hub.redis",
    },
    "hub.api_parts": {
        *("hub.backup", "hub.control", "hub.core", "hub.datadir", "hub.doors", "hub.figures", "hub.gathering", "hub.journal"),
        *("hub.part_settings", "hub.redis", "hub.rules", "hub.sessions", "hub.strain", "hub.system", "hub.web"),
    },
    "hub.system": {"hub.core", "hub.journal", "hub.history"},
    "hub.states": {"hub.core", "hub.datadir", "hub.nodes", "hub.part_settings", "hub.redis", "hub.state"},
    "hub.figures": {
        *("hub.control", "hub.core", "hub.hops", "hub.journal", "hub.load", "hub.sessions", "hub.system", "hub.web"),
    },
    "hub.load": {"hub.samples"},
    "hub.watchdog": {"hub.core"},
    "hub.memory": set[str](),
    "hub.strain": {"hub.core", "hub.layers", "hub.memory", "hub.sessions", "hub.watchdog"},
    "hub.hops": {"hub.samples"},
    "hub.samples": set[str](),
    "hub.stores": {"hub.core", "hub.store"},
    "hub.part_settings": {"hub.core", "hub.journal", "hub.memory", "hub.web"},
    "hub.doors": {"hub.part_settings", "hub.web", "hub.workers"},
    "hub.workers": {"hub.auth.admin_token", "hub.core", "hub.datadir", "hub.journal"},
    # a node without devices or viewers
    "hub.orphans": {
        *("hub.control", "hub.core", "hub.datadir", "hub.followers", "hub.history", "hub.journal", "hub.layers", "hub.nodes"),
        *("hub.part_settings", "hub.redis", "hub.reserve", "hub.rules", "hub.states", "hub.stores", "hub.workers"),
    },
    "hub.history": {"hub.core", "hub.journal", "hub.followers", "hub.layers"},
    "hub.rules": {"hub.core", "hub.journal", "hub.followers", "hub.layers"},
    # It opens the parts of a hub that does not run, and looks into the very files that make a backup.
    "hub.backup": {
        *("hub.core", "hub.journal", "hub.store.duckdb", "hub.state", "hub.datadir"),
        *("hub.layers", "hub.stores", "hub.part_settings", "hub.states"),
    },
}
# folder -> what it may import of the other folders
OTHER_FOLDERS = {
    "devices": set[str](),
    "dashboard": {"devices.wire"},
    "simulators": {"devices", "hub.client"},
    "simulators.conformance": {"devices.wire"},  # it judges clients, ours among them
    "simulators.bench": {"devices", "hub.client", "hub.store", "hub.stores", "hub.ports", "hub.core.records"},
    # A file means there what it means to an import.
    "simulators.replay": {"devices", "hub.core.exchange", "hub.core.records", "hub.core.errors"},
    "simulators.backlog": {"devices", "hub.client", "hub.journal", "hub.ports", "hub.core.records"},  # a day of frames: only straight in
    "hub.cli": {"devices", "dashboard", "simulators"},
    "hub": {"devices", "dashboard"},
    "hub.core": {"devices.wire"},
}
EVERYWHERE = {"trio", "trio_websocket", "numpy", "msgpack", "structlog"}
# library -> the files that may know it. More than one place needs its reason.
HOMES = {
    "typer": ("hub.cli",),
    # We ask a hub; the hub asks receivers of notices, and other nodes.
    "httpx": ("hub.client", "hub.rules.webhook", "hub.bus.pulling", "hub.web.ways.relay"),
    "pydantic_settings": ("hub.config",),
    "pydantic": ("hub.config", "hub.web"),  # the library FastAPI and pydantic-settings are made of
    "fastapi": ("hub.web",),
    "starlette": ("hub.web",),  # FastAPI is made of it
    "h11": ("hub.web", "devices.client", "hub.client"),
    # Parquet of any encoding is read by DuckDB, without a database; DuckDB without us is what we are measured against.
    "duckdb": ("hub.store", "hub.core.exchange.parquet_input", "simulators.bench.duckdb_floor", "simulators.bench.peers.reading_table"),
    "influxdb_client": ("hub.store", "simulators.bench.influx_floor", "simulators.bench.peers.mqtt_writer"),  # as with DuckDB
    "websockets": ("simulators.bench.peers",),  # what others build on
    "uvloop": ("simulators.bench.peers",),
    "paho": ("simulators.bench.peers",),
    "urllib3": ("hub.store",),  # influxdb-client speaks through it and raises its errors
    "plotly": ("dashboard",),
    "argon2": ("hub.auth",),
    "prometheus_client": ("hub.metrics",),
    "coredis": ("hub.redis", "hub.state.redis", "hub.bus.redis"),  # the connections, and the names of what Redis is asked
    "anyio": ("hub.redis",),  # coredis is made of it, and lets its errors through
    "rich": ("hub.cli",),
    "psutil": ("devices.host",),
    # a browser to measure the page in; wanted where it is measured only
    "playwright": (
        "simulators.bench.board",
        "simulators.bench.chromium",
        "simulators.bench.painting",
        "simulators.bench.scrolling",
        "simulators.pictures",
    ),
    # trio-websocket raises its errors and offers no names of its own for them
    # the conformance course sees each frame of a client, and sends what a library would not
    "wsproto": ("devices.client", "hub.client", "hub.web", "simulators.conformance"),
}

# What a unit test does without: the API app, commands of `tributary`, hubs as processes.
WHOLE = {
    f"tests.support.{name}" for name in ("api_hub", "whole_hub", "served_hub", "hub_process", "command_line", "victoria", "redis", "pages")
}


@dataclass(frozen=True)
class Source:
    """What the rules ask of one file, read once: its tree is not kept."""

    text_lines: int
    says_what_it_owns: bool  # an empty one owns nothing
    imported: tuple[tuple[str, str, int], ...]  # the module, the name taken from it (empty: the module itself), the line
    bodies: tuple[tuple[str, int, int], ...]  # each function's name, its line, the lines of its body


@dataclass(frozen=True)
class Module:
    """One source file of the product."""

    name: str  # dotted, a package without __init__
    path: Path

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield every imported module with its line; `from a import b` as a.b where that is a module of ours."""
        for base, name, line in source(self.path).imported:
            inner = f"{base}.{name}"
            yield (inner if name and inner in modules() else base), line


def statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield every statement with those inside it; no expression holds what the rules ask for."""
    for node in body:
        yield node
        for inside in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from statements(getattr(node, inside, ()))


def imported_by(node: ast.AST, path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield what a statement imports."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "", node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{path}:{node.lineno} imports relatively"
        yield from ((node.module or "", alias.name, node.lineno) for alias in node.names)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a body, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@cache
def source(path: Path) -> Source:
    """Read a file."""
    text = path.read_text()
    tree = ast.parse(text, str(path))
    inside = list(statements(tree.body))
    functions = [node for node in inside if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return Source(
        text_lines=text.count("\n"),
        says_what_it_owns=not text.strip() or bool(ast.get_docstring(tree)),
        imported=tuple(each for node in inside for each in imported_by(node, path)),
        bodies=tuple((function.name, function.lineno, body_lines(function)) for function in functions),
    )


@cache
def modules() -> dict[str, Module]:
    """Return every source file of the product by its dotted name."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.is_relative_to(FIRMWARE):
                continue
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module(name, path)
    return found


def is_in(name: str, places: set[str] | tuple[str, ...]) -> bool:
    """Tell whether a module is one of the places or below one."""
    return any(name == place or name.startswith(place + ".") for place in places)


def rule_for(name: str, rules: dict[str, set[str]]) -> set[str] | None:
    """Return the rule of the deepest place that a module lies in."""
    places = [place for place in rules if is_in(name, (place,))]
    return rules[max(places, key=len)] if places else None


def may_import(name: str, other: str) -> bool:
    """Tell whether a module of ours may import another one of ours."""
    folder, other_folder = name.partition(".")[0], other.partition(".")[0]
    if name == "hub.main" or other == "hub":
        return True
    if folder != other_folder:
        allowed = rule_for(name, OTHER_FOLDERS)
        return allowed is not None and is_in(other, allowed)
    if folder != "hub":
        return True
    part = next((place for place in HUB if is_in(name, (place,))), None)
    if part is None:
        return False  # a new part of the hub: say in HUB what it may import
    shared = SHARED if part != "hub.core" else set()
    return is_in(other, (part,)) or is_in(other, HUB[part]) or other in shared


def test_each_part_of_the_hub_has_its_rule() -> None:
    """A new part of the hub says in HUB what it may import."""
    parts = {name for name in modules() if is_in(name, ("hub",)) and name not in ("hub", "hub.main")}
    assert {name for name in parts if not is_in(name, set(HUB))} == set()


def test_each_part_imports_only_what_it_may() -> None:
    wrong = [
        f"{module.path.relative_to(ROOT)}:{line} imports {other}"
        for module in modules().values()
        for other, line in module.imports()
        if other.partition(".")[0] in FOLDERS and not may_import(module.name, other)
    ]
    assert wrong == []


def test_no_module_imports_itself_through_others() -> None:
    """Late imports inside functions count too: they only hide a cycle."""
    edges = {
        module.name: sorted({other for other, _ in module.imports() if other in modules() and other != module.name})
        for module in modules().values()
    }
    # A package's __init__ gathers the names of its modules; they may not import it back.
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for other in edges[name]:
                walk(other, (*trail, name))
            done.add(name)

    for name in edges:
        walk(name, ())


def test_each_library_has_one_home() -> None:
    wrong = []
    for module in modules().values():
        for other, line in module.imports():
            library = other.partition(".")[0]
            if library in FOLDERS or library in EVERYWHERE or library in sys.stdlib_module_names:
                continue
            if not is_in(module.name, HOMES.get(library, ())):
                wrong.append(f"{module.path.relative_to(ROOT)}:{line} imports {library}, at home in {HOMES.get(library, 'nowhere yet')}")
    assert wrong == []


def test_devices_run_without_the_hub_extra() -> None:
    base = {"trio", "trio_websocket", "wsproto", "h11", "msgpack", "psutil"}
    wrong = [
        f"{module.path.relative_to(ROOT)}:{line} imports {other}"
        for module in modules().values()
        if is_in(module.name, ("devices",))
        for other, line in module.imports()
        if other.partition(".")[0] not in {"devices", *base, *sys.stdlib_module_names}
    ]
    assert wrong == []


def source_files() -> list[Path]:
    """Return the product's files and the tests'."""
    return [module.path for module in modules().values()] + sorted((ROOT / "tests").rglob("*.py"))


def test_every_file_says_what_it_owns() -> None:
    assert [str(path.relative_to(ROOT)) for path in source_files() if not source(path).says_what_it_owns] == []


def test_no_file_of_the_product_is_too_long() -> None:
    lengths = {str(module.path.relative_to(ROOT)): source(module.path).text_lines for module in modules().values()}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_two_ideas() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{at} {name}: {lines} lines"
        for path in source_files()
        if path != ROOT / "tests" / "vectors" / "make.py"  # a table
        for name, at, lines in source(path).bodies
        if lines > MAX_BODY_LINES
    ]
    assert wrong == []


def test_unit_tests_need_neither_the_api_nor_a_program() -> None:
    """They are what lies in none of the Makefile's lists of slower groups."""
    lists = re.findall(r"^(?:PARTS|PROGRAMS) := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    slower = [ROOT / place for line in lists for place in line.split()]
    assert [place for place in slower if not place.exists()] == []
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {base}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if not any(path == place or place in path.parents for place in slower)
        for base, _, line in source(path).imported
        if base in WHOLE
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("devices.link", "hub.ports"),
        ("hub.core.registry", "hub.sessions.device"),
        ("hub.core.registry", "hub.config"),
        ("hub.store.duckdb", "hub.web.api"),
        ("hub.web.door", "hub.journal.journal"),
        ("hub.cli.serve", "hub.store.duckdb"),
        ("dashboard.figures", "devices.client"),
        ("simulators.crash.fleet", "hub.ports"),
        ("hub.brandnew", "hub.ports"),
    ],
)
def test_the_rules_would_notice(name: str, other: str) -> None:
    assert not may_import(name, other)
