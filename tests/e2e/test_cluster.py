"""The short form of the cluster test: nodes and Redis killed and restarted behind HAProxy, under load; nothing acked is lost."""

import subprocess
import sys

import pytest

from simulators import haproxy_process, redis_process, victoria_process


@pytest.mark.slow
@pytest.mark.needs_server(haproxy_process.PROGRAM, redis_process.PROGRAM, victoria_process.PROGRAM)
def test_whatever_is_killed_of_a_cluster_nothing_acked_is_lost_and_everything_goes_on() -> None:
    run = subprocess.run([sys.executable, "-m", "simulators.cluster", "--short"], capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "PASSED" in run.stdout
