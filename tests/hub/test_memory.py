"""What memory the process has, and may have."""

import os
import resource

from hub import memory


def test_a_process_uses_memory_and_addresses_more() -> None:
    resident, addressed = memory.used_bytes()
    assert 10_000_000 < resident < addressed


def test_the_bound_is_the_setting_or_what_the_machine_has() -> None:
    assert memory.bound_bytes(1_000_000) == 1_000_000
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < memory.bound_bytes(0) <= machine


def test_the_bound_of_addresses_is_that_of_the_system() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    assert memory.address_bound_bytes() == max(0, soft)
