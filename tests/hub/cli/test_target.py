"""`tributary target` on a real hub: made, listed, tested, its secret replaced, deleted; the delivery log."""

import json
from collections.abc import Iterator

import pytest

from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub, running_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    environment = {"TRIBUTARY_WEBHOOK_ALLOW": "127.0.0.1"}
    with running_hub(tmp_path_factory.mktemp("hub") / "data", environment=environment) as running:
        yield running


def test_a_target_is_made_listed_tested_and_deleted(run: CommandLine) -> None:
    assert "no targets yet" in run("target", "list").err
    url = "http://127.0.0.1:9/hook"  # nobody listens on the discard port
    done = run("target", "set", "on-call", "--url", url, "--severity", "warning", "--rule", "hot", "--note", "the night shift")
    assert done.err.startswith("target on-call is at version 1\n")
    assert done.out.startswith("whsec_")
    assert f"on-call  1        warning        hot       {url}" in run("target", "list").out
    assert run("target", "set", "on-call", "--url", url, "--version", "1").out == ""
    assert json.loads(run("target", "list", "--json").out)[0]["severity"] == "info"
    failed = run("target", "test", "on-call")
    assert failed.code != 0
    assert "the test notice did not reach on-call" in failed.err
    assert json.loads(run("target", "deliveries", "--state", "given_up", "--json").out)[0]["event"] == "test"
    assert "test" in run("target", "deliveries").out
    assert run("target", "secret", "on-call", "--overlap", "1h").out.startswith("whsec_")
    assert run("target", "delete", "on-call").err == "deleted on-call\n"
    assert json.loads(run("target", "list", "--json").out) == []


def test_a_target_in_the_own_network_is_refused_with_the_setting_that_would_allow_it(run: CommandLine) -> None:
    done = run("target", "set", "inside", "--url", "http://10.0.0.1/")
    assert done.code != 0
    assert "10.0.0.1 is no public address; the setting webhook_allow may name it" in done.err
