"""How commands end: one line, an exit code, and no traceback unless it is a defect."""

import errno

import pytest
import trio

from devices.client import DeviceRefused
from devices.spool import SpoolInUse
from hub.cli.failures import failure_of
from hub.client import HubError
from hub.core.errors import Refusal
from hub.datadir import DataDirError
from hub.ports import JournalBroken
from hub.workers.supervisor import WorkerEnded


def test_refusal_says_what_and_what_to_do() -> None:
    failure = failure_of(Refusal("exists", "device pump exists", "for a new token: tributary device token pump"))
    assert failure == ("error: device pump exists; for a new token: tributary device token pump", 1)


def test_wrong_setting_has_the_exit_code_of_wrong_usage() -> None:
    failure = failure_of(Refusal("bad_config", "port = 99999 is not allowed", "correct port"))
    assert failure is not None
    assert failure.exit_code == 2


def test_what_the_hub_calls_wrong_input_is_wrong_usage() -> None:
    for error in (
        HubError("bad_width", "width is one of raw, 1s", "correct width", 422),
        Refusal("bad_certificate", "no file", "name one"),
    ):
        failure = failure_of(error)
        assert failure is not None
        assert failure.exit_code == 2


def test_line_ends_of_others_do_not_make_a_second_line() -> None:
    failure = failure_of(Refusal("x", "first\nsecond\r\n", "third\nfourth"))
    assert failure is not None
    assert failure.line == "error: first second ; third fourth"


def test_broken_journal_ends_with_75_also_out_of_nested_nurseries() -> None:
    group = BaseExceptionGroup("", [ExceptionGroup("", [JournalBroken("write failed: Input/output error")])])
    failure = failure_of(group)
    assert failure is not None
    assert failure.exit_code == 75
    assert "Input/output error" in failure.line


def test_the_end_of_a_worker_is_handed_on_with_its_code() -> None:
    for code, exit_code in ((75, 75), (2, 2), (-9, 1), (0, 1)):
        failure = failure_of(ExceptionGroup("", [ExceptionGroup("", [WorkerEnded("big-2", code)])]))
        assert failure is not None
        assert failure.exit_code == exit_code
        assert "big-2" in failure.line


def test_broken_journal_counts_before_what_came_of_it() -> None:
    failure = failure_of(ExceptionGroup("", [Refusal("x", "y", "z"), ExceptionGroup("", [JournalBroken("sync failed")])]))
    assert failure is not None
    assert failure.exit_code == 75


@pytest.mark.parametrize("error", [DeviceRefused(401, "no device has this token", "make a new one"), SpoolInUse("the spool is in use")])
def test_device_that_cannot_run_says_why(error: Exception) -> None:
    failure = failure_of(ExceptionGroup("", [error]))
    assert failure is not None
    assert str(error) in failure.line


async def test_cancellation_beside_an_error_does_not_hide_it() -> None:
    caught: list[BaseException] = []
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise Refusal("port_taken", "port 8080 is taken", "choose another")
    except* Refusal as group:
        caught.append(group)
    failure = failure_of(caught[0])
    assert failure is not None
    assert failure.line == "error: port 8080 is taken; choose another"


def test_data_directory_that_is_in_use_is_one_line() -> None:
    failure = failure_of(ExceptionGroup("", [DataDirError("the data directory /srv is in use by process 7; stop that hub")]))
    assert failure == ("error: the data directory /srv is in use by process 7; stop that hub", 1)


def test_missing_library_names_the_extra() -> None:
    failure = failure_of(ModuleNotFoundError("No module named 'pydantic_settings'", name="pydantic_settings"))
    assert failure is not None
    assert "pip install 'tributary-hub[hub]'" in failure.line


def test_missing_module_of_our_own_is_a_defect() -> None:
    assert failure_of(ModuleNotFoundError("No module named 'hub.nonsense'", name="hub.nonsense")) is None


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.ENOENT])
def test_path_that_cannot_be_used_is_named(number: int) -> None:
    failure = failure_of(OSError(number, "strerror", "/srv/data"))
    assert failure is not None
    assert "/srv/data" in failure.line


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), OSError(errno.EIO, "I/O error"), ExceptionGroup("", [TypeError()])])
def test_what_nobody_foresaw_keeps_its_traceback(error: BaseException) -> None:
    assert failure_of(error) is None
