"""A step's new name inside the expressions of other steps, with everything else of the text left as it stands."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from runtime.graph.expressions import Code, Path, Text, has_expression, parse
from runtime.graph.program import ExpressionError

_OPENING = re.compile(r"(\\*)\{\{\s*")


class NameTaken(ValueError):
    """The new name already means something else inside this expression."""


def rename_in(value: Any, old: str, new: str) -> Any:
    """A config value whose expressions read `new` where they read `old`; the same object when none does.

    An expression that cannot be parsed stays as it is. Raises: NameTaken.
    """
    if isinstance(value, str):
        return _text(value, old, new)
    if isinstance(value, Mapping):
        made = {key: rename_in(item, old, new) for key, item in value.items()}
        return made if any(made[key] is not item for key, item in value.items()) else value
    if isinstance(value, list):
        items = [rename_in(item, old, new) for item in value]
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    return value


def _text(text: str, old: str, new: str) -> str:
    if old not in text or not has_expression(text):
        return text
    try:
        parsed = parse(text)
    except ExpressionError:
        return text
    written, at = [], 0
    for expression in parsed.parts if isinstance(parsed, Text) else (parsed,):
        if isinstance(expression, str):
            continue
        start = _opening(text, at)
        written.append(text[at:start])
        written.append(_source(expression, old, new))
        at = start + len(expression.source)
    made = "".join([*written, text[at:]])
    return text if made == text else made


def _opening(text: str, at: int) -> int:
    """Where the source of the next expression begins; an odd number of backslashes makes braces plain text."""
    return next(found.end() for found in _OPENING.finditer(text, at) if len(found[1]) % 2 == 0)


def _source(expression: Path | Code, old: str, new: str) -> str:
    if isinstance(expression, Path):
        return new + expression.source[len(old) :] if expression.step == old else expression.source
    return _code(expression, old, new) if old in expression.steps else expression.source


def _code(expression: Code, old: str, new: str) -> str:
    # In parentheses, as it is compiled, so that it may span lines.
    tree = ast.parse(f"(\n{expression.source}\n)", mode="eval")
    bound = {name for name, binds in _names(tree) if binds}
    if new in bound:
        raise NameTaken(expression.source)
    # Python 3.11 does not know where things stand inside an f-string; then the expression is written anew.
    if any(isinstance(node, ast.JoinedStr) and _uses(node, old) for node in ast.walk(tree)):
        return ast.unparse(_Renamer(old, new).visit(tree))
    lines = [line.encode() for line in expression.source.split("\n")]
    places = [
        (node.lineno - 2, node.col_offset)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.arg) and _name(node) == old
    ]
    for line, column in sorted(places, reverse=True):
        lines[line] = lines[line][:column] + new.encode() + lines[line][column + len(old.encode()) :]
    return b"\n".join(lines).decode()


def _names(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.arg):
            yield _name(node), isinstance(node, ast.arg) or isinstance(node.ctx, ast.Store)


def _name(node: ast.Name | ast.arg) -> str:
    return node.arg if isinstance(node, ast.arg) else node.id


def _uses(node: ast.AST, name: str) -> bool:
    return any(found == name for found, _ in _names(node))


class _Renamer(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.new) if node.arg == self.old else node
