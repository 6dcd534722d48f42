"""Small changes of a source file, each of which a good test notices: turned comparisons, other numbers, statements left out.

Owns which places are changed, and how. mutation.py draws from these and runs the tests. What nobody promises is let be:
- annotations, docstrings, and what is logged;
- `strict=` of a zip, which guards what its caller has already made equally long;
- how many random bytes an id or a token has: one more is as good, and fewer than any of these is not among the changes;
- how much of a wrong value an error repeats, the cut in f"... {name[:64]}".
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_TURNED: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_LOGS: Final = ("_log", "log", "logger")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the file's path in the tree, its line, what was there and what is there now, and the whole text with it."""

    path: str
    line: int
    before: str
    after: str
    text: str


def count_of(text: str) -> int:
    """Return how many mutants a file has."""
    return sum(1 for _ in _places(ast.parse(text)))


def mutant(path: str, text: str, number: int) -> Mutant:
    """Return one of them."""
    tree = ast.parse(text)
    node, change = list(_places(tree))[number]
    before, after, line = _short(node), _short(_changed(node, change)), getattr(node, "lineno", 0)
    _change(tree, node, change)
    return Mutant(path, line, before, after, ast.unparse(ast.fix_missing_locations(tree)))


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield (node, kind of change) in the order of the source."""
    if isinstance(node, ast.Expr) and (isinstance(node.value, ast.Constant) or _is_log(node.value)):
        return
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if _is_let_be(node):
        return
    yield from ((node, change) for change in _changes_of(node))
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_params", "decorator_list", "ctx"):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from _places(each)


def _changes_of(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Compare(ops=ops):
            yield from (f"op {at}" for at, op in enumerate(ops) if type(op) in _TURNED)
        case ast.BoolOp() | ast.BinOp() | ast.AugAssign() if type(node.op) in _TURNED and not _is_text(node):
            yield "op"
        case ast.UnaryOp(op=ast.Not()):
            yield "not"
        case ast.Constant(value=bool() | int()):
            yield "value"
        case ast.If() | ast.While() | ast.IfExp():
            yield "test"
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield "left out"
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield "return"
        case ast.Break() | ast.Continue():
            yield "left out"


def _is_let_be(node: ast.AST) -> bool:
    """Tell whether nothing in an expression is promised to anybody, as the head of this file says."""
    match node:
        case ast.keyword(arg="strict"):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="secrets"))):
            return True
        case ast.FormattedValue(value=ast.Subscript(slice=ast.Slice())):
            return True
    return False


def _is_log(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in _LOGS


def _is_text(node: ast.AST) -> bool:
    """Tell whether texts are put together: where they are, the other operation would only raise."""
    for name in ("left", "right", "value"):
        part = getattr(node, name, None)
        if isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str | bytes)):
            return True
    return False


def _changed(node: Any, change: str) -> Any:
    """Return the changed copy of a node."""
    node = copy.deepcopy(node)
    if change.startswith("op "):
        at = int(change[3:])
        node.ops[at] = _TURNED[type(node.ops[at])]()
    elif change == "op":
        node.op = _TURNED[type(node.op)]()
    elif change == "not":
        node = node.operand
    elif change == "value":
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif change == "test":
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif change == "return":
        node.value = ast.Constant(None)
    else:
        node = ast.Pass()
    return node


def _change(tree: ast.AST, node: ast.AST, change: str) -> None:
    """Put the changed node into its place."""
    new = _changed(node, change)
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(each is node for each in value):
                value[next(at for at, each in enumerate(value) if each is node)] = new


def _short(node: ast.AST) -> str:
    """Return the first line of a node as source."""
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).partition("\n")[0][:90]
