"""The tables of docs/simulators.md name every kind and fault with its parameters and their defaults."""

import re
from pathlib import Path

import pytest

from simulators.sensors import KINDS, MODELS, SENSOR_FAULTS, parameters_of

TEXT = (Path(__file__).parents[3] / "docs" / "simulators.md").read_text()


@pytest.mark.parametrize(("name", "kind"), [*KINDS.items(), *SENSOR_FAULTS.items()])
def test_the_tables_name_every_kind_with_its_parameters(name: str, kind: type) -> None:
    (row,) = re.findall(rf"^\| {name} \|.*\|$", TEXT, re.MULTILINE)
    said = re.findall(r"(\w+) \((-?[\d.]+)[^)]*\)", row.rsplit("|", 2)[1])
    assert [(name, float(default)) for name, default in said] == [(name, each.default) for name, each in parameters_of(kind).items()]


def test_the_models_are_named() -> None:
    assert ", ".join(f"`{name}`" for name in MODELS) in " ".join(TEXT.split())
