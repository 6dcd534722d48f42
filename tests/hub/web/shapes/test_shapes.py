"""The shapes of answers: their names are their own, and each fits its examples."""

import importlib
import pkgutil

import pytest

from hub.web import shapes
from hub.web.openapi.convention import Shape

for each in pkgutil.iter_modules(shapes.__path__):
    importlib.import_module(f"hub.web.shapes.{each.name}")


@pytest.mark.parametrize("shape", [shape for shape in Shape.all() if shape.examples()], ids=lambda shape: shape.__name__)
def test_a_shape_fits_its_own_examples(shape: type[Shape]) -> None:
    for example in shape.examples():
        shape.model_validate(example)


def test_names_of_shapes_are_their_own() -> None:
    names = [shape.__name__ for shape in set(Shape.all())]
    assert sorted(names) == sorted(set(names))
