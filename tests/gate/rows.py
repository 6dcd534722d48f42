"""What this hub promises of its reliability, row by row, and the command lines that show it.

Owns the table: a gate form that fits into `make gate`, a longer one that a release is tried with, the test in `make test` that is the short
form, and which words of a command's output are its figures. Runs nothing: running.py does.
"""

from dataclasses import dataclass
from typing import Final

PYTHON: Final = ".venv/bin/python"
_PYTEST: Final = f"{PYTHON} -m pytest -q"
_PASSED: Final = r"^(?:\d+ failed, )?(?P<n>\d+) passed"
_IMAGES: Final = (r"N = (?P<n>\d+) images", r"(\d+ of them wrong)$", r"^  (after .* \(operation .*)$")
_RFC6455: Final = ("tests/hub/web/test_rfc6455.py", "tests/hub/web/test_rfc6455_handshake.py", "tests/e2e/test_rfc6455.py")
_SERVERS: Final = (
    *("tests/hub/store/influxdb", "tests/hub/store/victoriametrics", "tests/hub/history", "tests/hub/redis"),
    *("tests/e2e/test_victoria.py", "tests/e2e/test_redis.py"),
)
_ROLES: Final = ("tests/hub/web/test_access.py", "tests/hub/web/test_limited.py", "tests/e2e/test_origins.py")
_ERRORS: Final = (
    *("tests/e2e/test_bad_start.py", "tests/e2e/test_bad_input.py", "tests/e2e/test_bad_queries.py"),
    *("tests/hub/config", "tests/hub/cli/test_failures.py", "tests/hub/test_datadir.py"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One promise. An empty `gate`: too long for it; an empty `release`: the gate's form is whole already.

    `figures` are patterns of what the output says: the last match of each is shown, of its group `n` as the number of trials. Some are
    said of a failure only.
    """

    goal: str
    what: str
    promised: str
    gate: str
    release: str
    short: tuple[str, ...]
    figures: tuple[str, ...] = (_PASSED,)


ROWS: Final = (
    Row(
        "G1",
        "kill -9 at random moments, 3,000 frames/s of 200 devices",
        "0 acked lost, 0 stored twice; listens again within 2 s (p99)",
        f"{PYTHON} -m simulators.crash --kills 50",
        'make crash-test CRASH="--kills 1000"',
        ("tests/e2e/test_crash.py",),
        (r"^N = (?P<n>\d+) faults", r"s: (.* differences)$", r"(listened again after .* at most)$"),
    ),
    Row(
        "G2",
        "kill -9 at the steps of a hub's whole life",
        "every acked reading once, whatever the step",
        f"{PYTHON} -m tests.power --kills --subject life --images 200",
        "make kill-test",
        ("tests/power/test_power.py",),
        _IMAGES,
    ),
    Row(
        "G3",
        "power cut, images of what the disk may hold",
        "0 acked lost, 0 that cannot be opened",
        f"{PYTHON} -m tests.power --images 1500",
        "make power-test",
        ("tests/power/test_power.py",),
        _IMAGES,
    ),
    Row(
        "G3",
        "bits that change, files that end early",
        "nothing wrong is served, what is missing is said",
        f"{PYTHON} -m tests.power.rot --flips 60",
        "make rot-test",
        ("tests/power/test_power.py",),
        (r"N = (?P<n>\d+)", r"(\d+ of them served.*), ", r"^  (.*: (?:silent|wrong): .*)$"),
    ),
    Row(
        "G4",
        "RFC 6455, each case of the table in every way",
        "every case",
        f"TRIBUTARY_TEST_RFC6455_THOROUGH=1 {_PYTEST} {' '.join(_RFC6455)}",
        "make rfc6455",
        _RFC6455,
    ),
    Row(
        "G5",
        "simulation, 20 devices, ten minutes of each seed",
        "safe throughout; all caught up 60 s after the faults",
        f"{PYTHON} -m tests.sim --seeds 20 --hours 0.17",
        "make sim SEEDS=2000",
        ("tests/sim/test_sim.py",),
        (r"^(?P<n>\d+) seeds, \d+ failed", r"^\d+ seeds, (\d+ failed)", r"([\d,]+ device-hours with [\d,]+ faults)", r"^(seed \d+: .*)"),
    ),
    Row(
        "G6",
        "hostile input of 24 families beside a healthy device",
        "0 crashes, tracebacks, leaks; growth < 20 MB; the device loses 0 frames",
        f"{PYTHON} -m tests.fuzz --cases 400 --keep-nothing",
        "make fuzz",
        ("tests/fuzz/test_fuzz.py", "tests/fuzz/test_packets.py"),
        (
            *(r"^seeds 1 to (?P<n>\d+ of 24 families)", r"^(\d+ broken)$", r"^(healthy device: .*)$", r"^(memory: .*)$"),
            r"^(H\d+(?: seed .*|: memory grew .*))$",
        ),
    ),
    Row(
        "G6",
        "floods of connects, heads and frames; few descriptors; 256 MB",
        "known devices come in; nothing is left of it",
        f"{PYTHON} -m simulators.siege",
        "make flood-test",
        ("tests/simulators/siege/test_siege.py", "tests/hub/web/test_crowd.py"),
        (r"(?P<n>\d+) (?:of \d+ )?promises (?:are broken|held)", r"^(.*promises (?:are broken|held).*)$"),
    ),
    Row(
        "G7",
        "50 viewers, of which one is slow and ten never read",
        "the others' p99 changes < 10 %, or less than idle pairs differ; < 5 MB each",
        f"{PYTHON} -m tests.gate.slow_viewers --viewers 50 --dead 10",
        "make slow-viewers-test",
        ("tests/e2e/test_slow_viewers.py", "tests/gate/test_slow_viewers.py"),
        (r"^N = (?P<n>\d+) pairs", r"^(p99 .*)$", r"^(the hub grew .*)$"),
    ),
    Row(
        "G8",
        "1,000 devices whose hub restarts, or whose links all break",
        "streaming again < 20 s, where links break < 10 s; 0 acked lost; memory back within 10 %",
        f"{PYTHON} -m tests.gate.storm --devices 1000",
        "make storm-test",
        ("tests/e2e/test_simulate.py",),
        (r"^N = (?P<n>[\d,]+) devices", r"^(cut: .*)$", r"^(restart: .*)$"),
    ),
    Row(
        "G9",
        "the history store killed while it writes, and a database server",
        "each reading once",
        f"{PYTHON} -m simulators.crash --store --rounds 3",
        "make store-test",
        ("tests/e2e/test_crash.py", "tests/e2e/test_victoria.py"),
        (r"^N = (?P<n>\d+) faults", r"s: (.* differences)$"),
    ),
    Row(
        "G9",
        "a store that was away for 20 minutes at 1,000 frames/s",
        "0 lost, in order, drained at 3 times the ingest rate",
        f"{PYTHON} -m simulators.backlog --hours 0.33",
        "make backlog-test",
        ("tests/e2e/test_backlog.py",),
        (r"^N = (?P<n>[\d,]+) frames", r"(drained in .*)$"),
    ),
    Row(
        "G9",
        "stores that refuse, hang, ask for patience, answer nonsense; a Redis that dies",
        "each is told, nothing is lost",
        f"{_PYTEST} {' '.join(_SERVERS)}",
        "make cluster-test",
        _SERVERS,
    ),
    Row(
        "G9",
        "an alert whose receiver is down, and whose hub is killed",
        "told once",
        f"TRIBUTARY_TEST_DOWN_S=20 {_PYTEST} tests/e2e/test_notifications.py",
        "make notify-test",
        ("tests/e2e/test_notifications.py",),
    ),
    Row(
        "G10",
        "commands to devices that are cut and killed, as hubs are",
        "0 run twice, 0 left in an unknown state",
        f"{PYTHON} -m simulators.commands --commands 500",
        "make command-test",
        ("tests/e2e/test_commands.py",),
        (r"^(?P<n>[\d,]+) commands and those", r"(\d+ differences)$", r"^ends: (.*)$"),
    ),
    Row(
        "G10",
        "nodes cut off from Redis while devices move",
        "0 commands run twice",
        f"{PYTHON} -m tests.splits --splits 50",
        "make split-test",
        ("tests/splits/test_splits.py",),
        (r"^(?P<n>[\d,]+) splits", r"(\d+ of them twice)"),
    ),
    Row(
        "G11",
        "tokens revoked on one node of devices on another",
        "dead on all nodes < 5 s",
        f"{PYTHON} -m tests.gate.revocations --devices 20",
        "make revocation-test",
        ("tests/gate/test_revocations.py",),
        (r"^N = (?P<n>\d+) revocations", r"^(the slowest .*)$"),
    ),
    Row(
        "G11",
        "frames of which a fifth is said again, out of turn",
        "0 stored twice",
        f"{PYTHON} -m tests.gate.replays --frames 200000",
        "make replay-test",
        ("tests/gate/test_replays.py",),
        (r"^N = (?P<n>[\d,]+) frames", r"^(stored: .*)$"),
    ),
    Row(
        "G12",
        "soak: 1,000 devices, 100 viewers, five cuts a second",
        "memory < 1 MB/h, nothing left open, due to shown p99 < 250 ms",
        "",
        "make soak-test",
        ("tests/e2e/test_simulate.py",),
        (r"^N = (?P<n>.* hours)", r"^(memory .*)$", r"^(p99 .*)$"),
    ),
    Row(
        "G13",
        "a dashboard of twelve charts that stays open",
        "heap growth < 50 MB in 8 h",
        f"{PYTHON} -m tests.gate.page_soak --minutes 3",
        "make page-soak",
        ("tests/e2e/test_bench.py",),
        (r"^N = (?P<n>.* minutes)", r"^(page: slope of heap.*)$", r"^(page after .*)$"),
    ),
    Row(
        "G13",
        "200 hostile names and texts in the page",
        "0 run, 0 complaints of the browser",
        f"{_PYTEST} tests/browser/test_hostile_texts.py",
        "",
        ("tests/browser/test_hostile_texts.py",),
    ),
    Row(
        "G14",
        "every route and message as every role",
        "0 holes",
        f"{_PYTEST} {' '.join(_ROLES)}",
        "make api-test",
        _ROLES,
    ),
    Row(
        "G15",
        "a hub that cannot start, settings that are wrong, requests that are",
        "each says what, where, what to do; no traceback",
        f"{_PYTEST} {' '.join(_ERRORS)}",
        "",
        _ERRORS,
    ),
    Row(
        "G16",
        "branch coverage of protocol, journal, store and sessions",
        ">= 95 %",
        "",
        "make coverage",
        ("tests/gate/test_rows.py",),
        (r"^TOTAL .*?([\d.]+%)$",),
    ),
    Row(
        "G16",
        "mutants of devices/wire, hub/journal and hub/core",
        ">= 80 % are found",
        "",
        "make mutation MUTANTS=300",
        ("tests/gate/test_mutation.py",),
        (r"^N = (?P<n>\d+) mutants", r"^(score .*)$"),
    ),
)
