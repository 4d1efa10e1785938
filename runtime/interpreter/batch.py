"""The expressions of a step as one program for a worker, and in the author's words why one of them failed."""

import ast
import math
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.graph.expressions import Code, ExpressionFailed, keys_of, missing
from runtime.graph.program import shorten, shown
from runtime.graph.values import describe

SECONDS = 0.5  # for all expressions of a step together
MEMORY = 32 * 1024 * 1024  # bytes of a worker's heap, values included
DEPTH = 100  # calls in one another
LARGEST = 2**63  # whole numbers beyond do not survive JSON readers and databases

_SMALLER = "Read less, or compute it in several steps; Aggregate and Filter take lists of any length."
_CORRECT = "Correct the expression, or the values it reads."
_WIDER: dict[type[BaseException], str] = {
    TimeoutError: f"takes more than {SECONDS} seconds",
    MemoryError: f"needs more than {MEMORY // 1024 // 1024} MB",
    RecursionError: f"calls itself more than {DEPTH} times",
}


def program(codes: Sequence[Code]) -> str:
    """A program that answers with the values of the expressions.

    It prints an empty line before each: how many there are tells how far it came, also when it was stopped from
    outside. A range would come back as its own description, `range(0, 3)`.
    """
    lines = ["answers = [", *(f"print() or ({code.program})," for code in codes), "]"]
    return "\n".join([*lines, "print() or [list(each) if isinstance(each, range) else each for each in answers]"])


def inputs(codes: Sequence[Code], names: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the expressions read: whole ports only, so that `http.status` does not ship a large body.

    names: step id -> {port: value}, None for a skipped step. Raises: ExpressionFailed.
    """
    made: dict[str, Any] = {}
    for number, read in ((number, read) for number, code in enumerate(codes) for read in code.reads):
        if read.step not in names:
            what = f"There is no step `{shorten(read.step)}`; there is: {keys_of(names)}"
            raise ExpressionFailed(what, shown(read.source), "Use the id of a step before this one.", number)
        outputs = names[read.step]
        if not read.keys:
            made[read.step] = outputs
        elif outputs is None:  # a skipped step: each of its ports reads null, and so does the step as a whole
            ports = made.setdefault(read.step, {})
            if ports is not None:
                ports[read.keys[0]] = None
        elif made.setdefault(read.step, {}) is not outputs and read.keys[0] in outputs:
            made[read.step][read.keys[0]] = outputs[read.keys[0]]
    return made


def failed(
    codes: Sequence[Code], number: int | None, cause: BaseException, names: Mapping[str, Any], said: str
) -> ExpressionFailed:
    """The error of a batch. number: the expression that failed, when that is known. said: what the worker says."""
    mine = codes if number is None else [codes[number]]
    for kind, what in _WIDER.items():
        if isinstance(cause, kind):
            return ExpressionFailed(f"The expression {what}", where(mine), _SMALLER, number)
    if isinstance(cause, KeyError | IndexError | TypeError):
        for read in (read for code in mine for read in code.reads):
            if reason := missing(read.step, read.keys, names):
                return ExpressionFailed(reason, where(mine), "Correct the expression, or the step it reads.", number)
    what = f"The expression failed: {shorten(said, 200)}"
    if isinstance(cause, KeyError):
        key, *known = str(cause.args[0]).split("\n")
        what = f"An object here has no `{shorten(key, 40)}`; it has: {keys_of(known)}"
    return ExpressionFailed(what, where(mine), _CORRECT, number)


def where(codes: Sequence[Code]) -> str:
    """Expressions in a message, the first three."""
    return ", ".join(shown(code.source) for code in codes[:3]) + (" …" if len(codes) > 3 else "")


def begun(printed: str, line: int | None, count: int) -> int | None:
    """Which of `count` expressions was at work. printed: by the program. line: of it, when an error names one."""
    number = 0 if count == 1 else printed.count("\n") - 1 if line is None else line - 2
    return number if 0 <= number < count else None


_TAKE = """
def _take(value, key):
    if isinstance(value, dict) and key not in value:
        raise KeyError("\\n".join([str(each) for each in [key] + list(value)]))
    return value[key]
"""


def asking(code: Code) -> str:
    """A program for an expression that looked for a key in vain: its KeyError has the key and those there are."""
    tree = _Asking().visit(ast.parse(code.program, mode="eval"))
    return f"{_TAKE}\n{ast.unparse(ast.fix_missing_locations(tree))}"


class _Asking(ast.NodeTransformer):
    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.slice, ast.Slice):
            return node
        return ast.Call(ast.Name("_take", ast.Load()), [node.value, node.slice], [])


def answer(value: Any, code: Code, number: int) -> Any:
    """The answer as exact JSON types; tuples become lists because `zip` and `items` give them."""
    try:
        return _plain(value)
    except _NotPlain as error:
        what, mend = f"The expression gives {error}", error.mend
    except RecursionError:
        what, mend = "The expression gives a value that is nested too deeply", _SMALLER
    raise ExpressionFailed(what, where([code]), mend, number)


class _NotPlain(Exception):
    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def _plain(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
    if kind is int:
        if -LARGEST <= value < LARGEST:
            return value
        raise _NotPlain("a whole number of more than 64 bits", "Turn it into a text with `str(…)`.")
    if kind is float:
        if math.isfinite(value):
            return value
        raise _NotPlain("a number that is not finite", "Check for division by zero and huge values first.")
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise _NotPlain(f"an object with {describe(key)} as a key", "Turn keys into texts with `str(…)`.")
        return {key: _plain(item) for key, item in value.items()}
    if kind is set or kind is frozenset:
        raise _NotPlain("a set", "Wrap it in `sorted(…)` or `list(…)`.")
    raise _NotPlain("something that is not a value", "Give a text, a number, true or false, a list or an object.")
