"""What every test stands on: servers that may be missing here but never in CI, and how hard Hypothesis tries.

Owns the `needs_server` and `slow` markers, fixtures that many files share, and the Hypothesis profiles;
`TRIBUTARY_TEST_PROFILE=thorough` tries much more.
"""

import gc
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from trio.testing import MockClock

from hub.cli.starting import start_quickly
from tests.support.environment import IS_CI

if TYPE_CHECKING:
    import trustme

start_quickly()

# Virtual machines stall now and then: a slow example is no defect of the code.
settings.register_profile("quick", max_examples=50, deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("quick"), derandomize=False, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=1_000)
settings.load_profile(os.environ.get("TRIBUTARY_TEST_PROFILE", "ci" if IS_CI else "quick"))

# Tests count devices and frames: the hub's own come in only where a test is of them.
os.environ.setdefault("TRIBUTARY_OWN_DEVICE", "")


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Redis for all tests of a file."""
    from tests.support.redis import running_redis  # coredis takes 0.4 s to import

    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="module")
def authority() -> "trustme.CA":
    """One authority for the certificates of a file."""
    import trustme  # takes 0.1 s to import

    return trustme.CA()


def pytest_collection_finish() -> None:
    """Spare the collector what lives to the end: it would look at all test functions again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Give it back: some libraries complain of what is never collected."""
    gc.unfreeze()


@pytest.fixture
def slow_clock() -> MockClock:
    """A clock by which a second lasts twenty: for tests in the middle of which something would be over on a busy machine."""
    return MockClock(rate=0.05)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose server is not installed, with the reason; in CI that is a failure."""
    for marker in item.iter_markers("needs_server"):
        missing = [binary for binary in marker.args if shutil.which(binary) is None]
        if not missing:
            continue
        reason = f"needs {', '.join(missing)}, which is not installed"
        if IS_CI:
            pytest.fail(f"{reason}; in CI nothing is skipped: install it in .ci/run", pytrace=False)
        pytest.skip(reason)
