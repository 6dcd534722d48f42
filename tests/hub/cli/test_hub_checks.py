"""What doctor says of a hub that runs: who may log in, which tokens end, what its process may open, and its state database."""

import json
import os
from pathlib import Path

import pytest

from hub.cli.findings import Verdict
from hub.cli.hub_checks import ending_tokens, open_files
from tests.support.command_line import CommandLine
from tests.support.hub_process import running_hub

DAY_US = 86_400_000_000


def test_a_running_hub_is_asked_who_may_log_in_and_whose_tokens_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = CommandLine(tmp_path / "data", monkeypatch, capsys)

    def findings() -> dict[str, dict[str, str]]:
        return {each["what"]: each for each in json.loads(run("doctor", "--json").out)}

    with running_hub(tmp_path / "data") as hub:
        found = findings()
        assert found["hub"]["verdict"] == Verdict.OK
        assert found["state.db"]["verdict"] == Verdict.OK
        assert found["users"]["verdict"] == Verdict.WARN
        assert "tributary user add" in found["users"]["advice"]
        assert "tokens" not in found
        hub.api("POST", "/api/v1/users", {"name": "ann", "role": "admin", "password": "correct horse"})
        hub.api("POST", "/api/v1/tokens", {"name": "grafana", "role": "viewer", "days": 3})
        hub.api("POST", "/api/v1/tokens", {"name": "backup", "role": "viewer", "days": 90})
        found = findings()
        assert found["users"]["verdict"] == Verdict.OK
        assert found["tokens"]["verdict"] == Verdict.WARN
        assert "grafana ends in 3.0 days" in found["tokens"]["found"]


def test_a_token_that_is_over_is_told_with_what_replaces_it() -> None:
    tokens = [{"name": name, "expires_us": days * DAY_US} for name, days in (("old", 8), ("soon", 11), ("fine", 100))]
    old, soon = ending_tokens(tokens, 10 * DAY_US)
    assert "old ended 2.0 days ago" in old.found
    assert "soon ends in 1.0 days" in soon.found
    assert all("tributary token" in each.advice for each in (old, soon))


def test_a_process_that_may_open_too_few_files_is_told() -> None:
    limits = Path(f"/proc/{os.getpid()}/limits")
    assert list(open_files(limits, 1)) == []
    (finding,) = open_files(limits, 10**9)
    assert finding.verdict == Verdict.WARN
    assert "LimitNOFILE=1000000128" in finding.advice
    assert list(open_files(Path("/proc/none/limits"), 10**9)) == []
