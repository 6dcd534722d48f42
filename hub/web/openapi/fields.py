"""What stands below a field in the source of its model is the field's description.

Owns how it is read: when the document is made, and not when the hub starts, as pydantic would. Called by document.py.
"""

import ast
import sys
from functools import cache
from inspect import cleandoc, getsource
from itertools import pairwise

from pydantic import BaseModel


def descriptions_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the descriptions of a model's fields, also of those that it inherits, by name."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            found |= _classes(each.__module__).get(each.__name__, {})
    return found


@cache
def _classes(module: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(getsource(sys.modules[module]))
    return {each.name: dict(_described(each)) for each in tree.body if isinstance(each, ast.ClassDef)}


def _described(model: ast.ClassDef) -> list[tuple[str, str]]:
    return [
        (field.target.id, cleandoc(below.value.value))
        for field, below in pairwise(model.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    ]
