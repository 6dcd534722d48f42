"""The C client on tests/vectors: it reads each message as it is meant, acts on the hub's, and says its own as all clients do."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgpack
import pytest

from tests.support.c_programs import SANITIZED, Build

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[3] / "vectors/vectors.json").read_text())
EPOCH, TIME_US = 0x1122334455667788, 1_700_000_000_000_000
# Told by what follows from the body's form alone; the others are good msgpack that means nothing.
FORMLESS = {"not msgpack at all", "a body cut short", "an array of 4,097 items", "nested five deep", "an extension type"}
pytestmark = pytest.mark.needs_server("cc")


@pytest.fixture(scope="module")
def program(build: Build) -> Path:
    return build("vectors", *SANITIZED, "-D_GNU_SOURCE", "-DTRIBUTARY_MESSAGE_BYTES=4096")


def run(program: Path, mode: str, messages: Sequence[str] = ()) -> list[str]:
    said = subprocess.run([str(program), mode], input="".join(f"{each}\n" for each in messages), capture_output=True, text=True, timeout=20)
    assert said.returncode == 0, said.stderr
    return said.stdout.splitlines()


def test_every_message_is_read_as_it_is_meant(program: Path) -> None:
    good = [each for each in VECTORS["good"] if each["message"]["op"] != "hello"]  # nests deeper than what a device has to read
    read = run(program, "read", [each["hex"] for each in good])
    assert [json.loads(line) for line in read] == [each["message"] for each in good]


def test_what_has_no_form_is_refused(program: Path) -> None:
    read = run(program, "read", [each["hex"] for each in VECTORS["refused"]])
    assert {each["meaning"] for each, line in zip(VECTORS["refused"], read, strict=True) if line == "refused"} == FORMLESS


def taken(program: Path, meaning: str) -> dict[str, Any]:
    (vector,) = [each for each in VECTORS["good"] if each["meaning"] == meaning]
    (line,) = run(program, "take", [vector["hex"]])
    said: dict[str, Any] = json.loads(line)
    assert said["good"]
    return said


def test_welcome_lets_go_of_what_is_durable_and_opens_the_windows(program: Path) -> None:
    said = taken(program, "welcome: epoch 77 is durable up to 4")
    assert (said["live_first"], said["old_first"]) == (1, 5)
    assert (said["live"], said["backfill"]) == ([256, 1_048_576], [64, 262_144])
    assert (said["fence"], said["floor"], said["heartbeat_s"]) == (1_700_000_000_000_008, 1_700_000_000_500, 20)


def test_acks_and_credit_are_obeyed(program: Path) -> None:
    assert taken(program, "frames up to 12 are durable")["live_first"] == 13
    held = taken(program, "hold: the disk is full")
    assert (held["live_first"], held["live"], held["backfill"]) == (1, [0, 0], [0, 0])


def test_what_the_hub_wants_is_done(program: Path) -> None:
    assert taken(program, "reading 1 of frame 3 is refused, the others are stored")["heard"] == "readings: 1 of 2 readings"
    assert taken(program, "a command")["heard"] == "identify c-3"
    assert taken(program, "a command")["commands"] == "c-3accepted"
    fenced = taken(program, "a command of the connection with this fence")
    assert (fenced["heard"], fenced["fence"]) == ("identify c-4", 1_700_000_000_000_008)
    assert taken(program, "stop a command")["commands"] == "c-3cancelled"
    assert taken(program, "stop a command, of the connection with this fence")["fence"] == 1_700_000_000_000_008
    desired = taken(program, "the desired document")
    assert (desired["heard"], desired["wanted"]) == ("desired of 1", 1_700_000_001_000)
    assert taken(program, "nothing is desired")["good"]


def test_bye_says_when_to_come_back(program: Path) -> None:
    restart = taken(program, "the hub restarts")
    assert (restart["bye"], restart["retry_s"], restart["jitter_s"]) == (1012, 1, 15)
    assert taken(program, "the frame's number cannot be read")["bye"] == 4005


def readable(message: dict[str, Any]) -> dict[str, Any]:
    return {key: {"bin": value.hex()} if isinstance(value, bytes) else value for key, value in message.items()}


def test_what_it_says_is_what_the_vectors_say(program: Path) -> None:
    said = dict(line.split() for line in run(program, "say"))
    meant = {each["meaning"]: each["message"] for each in VECTORS["good"]}
    for name, meaning in {
        "data": "two readings, the second 1 ms later",
        "undated": "a reading that can never be dated",
        "pack": "a pack of three float32 readings 0.5 ms apart: 1.5, -2, 0.25",
        "result": "a command is done",
        "reported": "what the device is like, by the desired document of that version",
        "failed": "that version could not be applied",
        "log": "a log line",
        "gap": "frames 1 to 5 are lost",
        "give_up": "the rest of epoch 77 is given up",
        "hello": "hello with one unfinished epoch, a command and a result not yet acked",
    }.items():
        message = readable(msgpack.unpackb(bytes.fromhex(said[name])))
        assert message == meant[meaning]
        assert list(message)[:2] == list(meant[meaning])[:2]  # e and s come first
