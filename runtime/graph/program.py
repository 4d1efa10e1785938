"""An author's expression as a program for the sandbox: parsed, checked, its attribute chains turned into keys."""

import ast
import keyword
import warnings
from dataclasses import dataclass
from typing import Any

from runtime.errors import AuthorError

# What an expression may call by name. Everything else that it names is a step.
_FUNCTIONS = """
    abs all any bool chr dict divmod enumerate filter float format int isinstance len list map max min ord pow
    range repr reversed round set sorted str sum tuple zip
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
_LITERALS = {"true": True, "false": False, "null": None}

# Names that cannot be the id of a step, because an expression that uses them would mean something else.
RESERVED = FUNCTIONS | frozenset(keyword.kwlist) | frozenset(_LITERALS)


class ExpressionError(AuthorError):
    """An expression that cannot be read; `source` is the text between the braces."""

    def __init__(self, what: str, source: str, mend: str = "") -> None:
        super().__init__(what, shown(source) if source else "", mend)
        self.source = source


@dataclass(frozen=True, slots=True)
class Reference:
    """What an expression reads: a step and the keys from its outputs on; no keys: the whole outputs."""

    step: str
    keys: tuple[str | int, ...]
    source: str


def shown(source: str) -> str:
    """An expression in a message."""
    return f"{{{{ {shorten(source)} }}}}"


def shorten(text: str, longest: int = 80) -> str:
    """A text on one line, short enough for a message and safe to print."""
    line = " ".join(text.split()).encode("utf-8", "replace").decode()
    return line if len(line) <= longest else line[: longest - 1] + "…"


def compile_program(source: str) -> tuple[str, tuple[Reference, ...]]:
    """The program that the sandbox runs for an expression, and what it reads. Raises: ExpressionError."""
    # Parentheses let an expression span lines, as it may in a text block.
    text = f"(\n{source}\n)" if "\n" in source else source
    try:
        with warnings.catch_warnings(action="ignore"):  # an odd escape in a flow is no business of our stderr
            tree = ast.parse(text, mode="eval")
        reader = _Reader(source)
        program = ast.unparse(ast.fix_missing_locations(reader.visit(tree)))
        if isinstance(tree.body, ast.Lambda):
            raise ExpressionError("An expression gives a value, and this is a function", source, "Call it.")
    except SyntaxError as error:
        raise ExpressionError(f"This is not an expression: {error.msg}", source, _HOW) from None
    except (RecursionError, MemoryError):
        raise ExpressionError("The expression is nested too deeply", source, "Compute it in several steps.") from None
    except ValueError as error:  # a null byte, a lone surrogate, quotes in an f-string that cannot be written down
        raise ExpressionError(f"This is not an expression: {error}", source, _HOW) from None
    return program, tuple(dict.fromkeys(reader.reads))


_HOW = r"Write a path such as `start.message` or a Python expression; for literal braces write `\{{`."

_VIEWS = {"items", "keys", "values"}  # of an object; as they are, they would come back as their own description
_REFUSED: dict[type[ast.AST], str] = {
    ast.NamedExpr: "`:=` (an expression assigns nothing)",
    ast.Await: "`await`",
    ast.Yield: "`yield`",
    ast.YieldFrom: "`yield`",
}


class _Reader(ast.NodeTransformer):
    """Turns `a.b.c` into `a["b"]["c"]`, keeps method calls, and notes which steps are read.

    `local` holds the names bound by the comprehensions and lambdas around the node at hand; `inside` is true in the
    middle of a chain.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.reads: list[Reference] = []
        self.local: frozenset[str] = frozenset()
        self.inside = False

    def visit(self, node: ast.AST) -> Any:
        if refused := _REFUSED.get(type(node)):
            raise ExpressionError(f"An expression cannot use {refused}", self.source, "Compute it in several steps.")
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id not in self.local:
            if node.id in _LITERALS:
                return ast.Constant(_LITERALS[node.id])
            self._note(node.id, ())
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if node.attr.startswith("__"):
            raise ExpressionError(f"An expression cannot use `{shorten(node.attr, 40)}`", self.source, _HOW)
        if isinstance(node.value, ast.Name) and node.value.id in FUNCTIONS - self.local:
            raise ExpressionError(
                f"`{node.value.id}.{node.attr}` cannot be handed over as a function",
                self.source,
                f"Write a loop such as `[each.{node.attr}() for each in …]`.",
            )
        return self._guarded(node, ast.Subscript(self._base(node), ast.Constant(node.attr), node.ctx))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return self._guarded(node, ast.Subscript(self._base(node), self.visit(node.slice), node.ctx))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function = node.func
        if isinstance(function, ast.Attribute) and not function.attr.startswith("__"):
            function.value = self.visit(function.value)  # a method: only what it is called on is a chain
        else:
            node.func = self.visit(function)
        node.args = [self.visit(each) for each in node.args]
        node.keywords = [self.visit(each) for each in node.keywords]
        if (
            isinstance(function, ast.Attribute)
            and function.attr in _VIEWS
            and not node.args
            and "list" not in self.local
        ):
            return ast.Call(ast.Name("list", ast.Load()), [node], [])
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        outside, names = self.local, node.args
        names.defaults = [self.visit(each) for each in names.defaults]
        names.kw_defaults = [each and self.visit(each) for each in names.kw_defaults]
        every = [*names.posonlyargs, *names.args, *names.kwonlyargs, names.vararg, names.kwarg]
        self.local |= {each.arg for each in every if each}
        node.body = self.visit(node.body)
        self.local = outside
        return node

    def _comprehension(self, node: Any) -> ast.expr:
        outside = self.local
        for loop in node.generators:  # an iterable sees the names of the loops before it, not its own
            if loop.is_async:
                raise ExpressionError("An expression cannot use `async`", self.source, _HOW)
            loop.iter = self.visit(loop.iter)
            self.local |= {each.id for each in ast.walk(loop.target) if isinstance(each, ast.Name)}
            loop.ifs = [self.visit(each) for each in loop.ifs]
        for part in ("elt", "key", "value"):
            if hasattr(node, part):
                setattr(node, part, self.visit(getattr(node, part)))
        self.local = outside
        return node  # type: ignore[no-any-return]

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _base(self, node: ast.Attribute | ast.Subscript) -> ast.expr:
        """What the key is taken from, rewritten; the longest chain is noted, the shorter ones inside it are not."""
        chain = self._chain(node)
        if chain is None or chain[0] in self.local:
            return self.visit(node.value)  # type: ignore[no-any-return]
        self._note(*chain)
        noted, outside = len(self.reads), self.inside
        self.inside = True
        base: ast.expr = self.visit(node.value)
        self.inside = outside
        del self.reads[noted:]
        return base

    def _guarded(self, node: ast.Attribute | ast.Subscript, made: ast.Subscript) -> ast.expr:
        """A chain beyond a port, such as `step.port.key`, which is null where the port is.

        A port that stayed silent reads null, and so does everything of a skipped step, however deep one looks.
        """
        chain = self._chain(node)
        if self.inside or chain is None or len(chain[1]) < 2 or chain[0] in self.local | FUNCTIONS:
            return made
        port: ast.expr = made
        while isinstance(port, ast.Subscript) and not isinstance(port.value, ast.Name):
            port = port.value
        return ast.IfExp(ast.Compare(port, [ast.Is()], [ast.Constant(None)]), ast.Constant(None), made)

    def _chain(self, node: ast.expr) -> tuple[str, tuple[str | int, ...]] | None:
        """The root name and the keys, when the node is nothing but `name.key[0]["key"]`."""
        keys: list[str | int] = []
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Attribute):
                keys.append(node.attr)
            elif isinstance(node, ast.Subscript) and (key := _literal_key(node.slice)) is not None:
                keys.append(key)
            else:
                return None
            node = node.value
        return node.id, tuple(reversed(keys))

    def _note(self, name: str, keys: tuple[str | int, ...]) -> None:
        if name not in FUNCTIONS and name not in _LITERALS:
            self.reads.append(Reference(name, keys, self.source))


def _literal_key(node: ast.expr) -> str | int | None:
    """A key written down: a text or a whole number, also a negative one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        key = _literal_key(node.operand)
        return -key if isinstance(key, int) else None
    if isinstance(node, ast.Constant) and type(node.value) in (str, int):
        return node.value  # type: ignore[return-value]
    return None
