"""Figures never stand without the machine they were measured on."""

from simulators.bench.machine import machine_line, processor_of


def test_machine_is_told_in_one_line() -> None:
    said = machine_line()
    assert "\n" not in said
    assert "trio " in said
    assert "cores" in said


def test_processor_is_named_or_unknown() -> None:
    assert processor_of(["processor : 0", "model name\t: Quick CPU 9"]) == "Quick CPU 9"
    assert processor_of([]) == "an unknown processor"
