"""New names inside the expressions of a flow, with everything else of each text left as it stands."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from runtime.graph.expressions import Code, Path, Text, has_expression, parse
from runtime.graph.program import ExpressionError

_OPENING = re.compile(r"(\\*)\{\{\s*")

_Change: TypeAlias = Callable[[Path | Code], str]  # the new source of an expression
_Place: TypeAlias = tuple[int, int, int, str]  # line, first and last byte column, and what stands there instead


class NameTaken(ValueError):
    """The new name already means something else inside this expression."""


def rename_step(value: Any, old: str, new: str) -> Any:
    """A config value whose expressions read the step `new` where they read `old`; the same object when none does.

    An expression that cannot be parsed stays as it is. Raises: NameTaken.
    """

    def change(expression: Path | Code) -> str:
        if isinstance(expression, Path):
            return new + expression.source[len(old) :] if expression.step == old else expression.source
        if old not in expression.steps:
            return expression.source
        tree = _tree(expression)
        if new in _bound(tree):
            raise NameTaken(expression.source)
        return _written(expression, tree, _Names(old, new))

    return _changed(value, old, change)


def rename_output(value: Any, step: str, old: str, new: str) -> Any:
    """The same for an output of a step: `step.new` where `step.old` stood."""
    path = re.compile(rf"({re.escape(step)}\s*(?:\.\s*|\[\s*[\"']))({re.escape(old)})(?!\w)")

    def change(expression: Path | Code) -> str:
        if isinstance(expression, Path):
            reads = expression.step == step and expression.keys[:1] == (old,)
            return path.sub(rf"\g<1>{new}", expression.source, count=1) if reads else expression.source
        if not any(read.step == step and read.keys[:1] == (old,) for read in expression.reads):
            return expression.source
        tree = _tree(expression)
        if step in _bound(tree):  # then the name stands for something of the expression's own
            return expression.source
        return _written(expression, tree, _Outputs(step, old, new))

    return _changed(value, old, change)


def _changed(value: Any, word: str, change: _Change) -> Any:
    if isinstance(value, str):
        return _text(value, change) if word in value and has_expression(value) else value
    if isinstance(value, Mapping):
        made = {key: _changed(item, word, change) for key, item in value.items()}
        return made if any(made[key] is not item for key, item in value.items()) else value
    if isinstance(value, list):
        items = [_changed(item, word, change) for item in value]
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    return value


def _text(text: str, change: _Change) -> str:
    try:
        parsed = parse(text)
    except ExpressionError:
        return text
    written, at = [], 0
    for expression in parsed.parts if isinstance(parsed, Text) else (parsed,):
        if isinstance(expression, str):
            continue
        start = _opening(text, at)
        written += [text[at:start], change(expression)]
        at = start + len(expression.source)
    made = "".join([*written, text[at:]])
    return text if made == text else made


def _opening(text: str, at: int) -> int:
    """Where the source of the next expression begins; an odd number of backslashes makes braces plain text."""
    return next(found.end() for found in _OPENING.finditer(text, at) if len(found[1]) % 2 == 0)


def _tree(expression: Code) -> ast.Expression:
    # In parentheses, as it is compiled, so that it may span lines.
    return ast.parse(f"(\n{expression.source}\n)", mode="eval")


def _bound(tree: ast.AST) -> set[str]:
    """The names that comprehensions and lambdas give to things of their own."""
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}


def _written(expression: Code, tree: ast.Expression, renamer: "_Names | _Outputs") -> str:
    # Python 3.11 does not know where things stand inside an f-string; then the expression is written anew.
    if any(isinstance(node, ast.JoinedStr) and any(renamer.places(node)) for node in ast.walk(tree)):
        return ast.unparse(renamer.visit(tree))
    lines = [line.encode() for line in expression.source.split("\n")]
    for line, start, end, text in sorted(renamer.places(tree), reverse=True):
        lines[line] = lines[line][:start] + text.encode() + lines[line][end:]
    return b"\n".join(lines).decode()


class _Names(ast.NodeTransformer):
    """A name, wherever it stands."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def places(self, tree: ast.AST) -> Iterator[_Place]:
        for node in ast.walk(tree):
            if (isinstance(node, ast.Name) and node.id == self.old) or (
                isinstance(node, ast.arg) and node.arg == self.old
            ):
                yield node.lineno - 2, node.col_offset, node.col_offset + len(self.old.encode()), self.new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.new) if node.arg == self.old else node


class _Outputs(ast.NodeTransformer):
    """A key right after the name of a step: `step.old` or `step["old"]`."""

    def __init__(self, step: str, old: str, new: str) -> None:
        self.step, self.old, self.new = step, old, new

    def places(self, tree: ast.AST) -> Iterator[_Place]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and self._reads(node, node.attr):
                end = node.end_col_offset or 0
                yield (node.end_lineno or 0) - 2, end - len(node.attr.encode()), end, self.new
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                key = node.slice
                if self._reads(node, key.value):
                    yield key.lineno - 2, key.col_offset, key.end_col_offset or 0, repr(self.new)

    def _reads(self, node: ast.Attribute | ast.Subscript, key: object) -> bool:
        return key == self.old and isinstance(node.value, ast.Name) and node.value.id == self.step

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        return ast.Attribute(node.value, self.new, node.ctx) if self._reads(node, node.attr) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return ast.Subscript(node.value, ast.Constant(self.new), node.ctx) if self._reads(node, key) else node
