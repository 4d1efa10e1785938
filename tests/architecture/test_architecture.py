"""The house rules that a machine can watch: sizes, names, homes of outside things, and who imports whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("runtime", "nodes", "builder")
OURS = (*CODE, "tests", "benchmarks")
LONGEST_FILE = 420  # lines; the aim is 400
LONGEST_TEST_FILE = 700
LONGEST_FUNCTION = 60  # lines with its docstring; the aim is 40
NO_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "base"}

# Each outside thing has one home; who else needs it asks that home.
HOMES = {
    "reflex": ("builder/", "rxconfig.py"),
    "sqlalchemy": ("runtime/storage/",),
    "sqlmodel": ("runtime/storage/",),
    "alembic": ("runtime/storage/",),
    "aiosqlite": ("runtime/storage/",),
    "sqlite3": ("runtime/storage/",),
    "asyncpg": ("runtime/storage/",),
    "anthropic": ("runtime/llm/",),
    "xllamacpp": ("runtime/llm/",),
    "onnxruntime": ("runtime/llm/",),
    "tokenizers": ("runtime/llm/",),
    "httpx2": ("runtime/outbound/", "runtime/llm/"),
    "qdrant_client": ("runtime/memory/",),
    "pydantic_monty": ("runtime/interpreter/sandbox.py",),
    "networkx": ("runtime/graph/check.py",),  # for questions about a drawn flow, never while one runs
    "yaml": ("runtime/graph/markup.py", "builder/language.py"),
}


def python_files(*folders: str) -> list[Path]:
    """Our Python files: those in the folders, or all of them."""
    inside = (path for folder in folders or OURS for path in (ROOT / folder).rglob("*.py"))
    return sorted([*inside, *(() if folders else ROOT.glob("*.py"))])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported anywhere in a file, also inside its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


every_file = pytest.mark.parametrize("path", python_files(), ids=name_of)
code_files = pytest.mark.parametrize("path", [*python_files(*CODE), ROOT / "canevas.py"], ids=name_of)


@every_file
def test_file_is_of_a_size_that_one_reads(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    longest = LONGEST_TEST_FILE if "tests" in path.parts else LONGEST_FILE
    assert lines <= longest, "find the noun that wants to be a file of its own"


@every_file
def test_functions_are_short(path: Path) -> None:
    long = {each.name: each.end_lineno - each.lineno + 1 for each in functions(tree_of(path)) if each.end_lineno}
    assert {name: lines for name, lines in long.items() if lines > LONGEST_FUNCTION} == {}


@every_file
def test_file_opens_with_a_sentence(path: Path) -> None:
    opening = (ast.get_docstring(tree_of(path)) or "").split("\n\n")[0].strip()
    assert opening.endswith((".", ":")), "say in one sentence what the file is for"


@every_file
def test_file_is_called_after_the_noun_that_it_defines(path: Path) -> None:
    words = {word for part in path.relative_to(ROOT).with_suffix("").parts for word in part.lower().split("_")}
    assert not words & NO_NAMES
    classes = [node.name.lower() for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]
    assert not [name for name in classes if name.endswith(("manager", "util", "utils", "helper", "helpers"))]


@every_file
def test_package_file_holds_a_docstring_at_most(path: Path) -> None:
    if path.name == "__init__.py":
        statements = [node for node in tree_of(path).body if not isinstance(node, ast.Expr)]
        assert statements == [], "import a name from the file that defines it"


@every_file
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [word for word in ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error") if word in text]


@code_files
def test_outside_things_are_at_home(path: Path) -> None:
    away = {
        module
        for module in imports(tree_of(path))
        if (homes := HOMES.get(module.split(".")[0])) and not name_of(path).startswith(homes)
    }
    assert away == set()


@code_files
def test_environment_is_read_in_settings_alone(path: Path) -> None:
    read = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"))
        or (isinstance(node, ast.Name) and node.id in ("environ", "getenv"))
    ]
    hands_it_on = ("runtime/settings.py", "builder/build.py")  # the second starts a program with it, and reads nothing
    assert name_of(path) in hands_it_on or read == []


@pytest.mark.parametrize("path", python_files("runtime"), ids=name_of)
def test_runtime_knows_no_interface_and_no_concrete_node(path: Path) -> None:
    tops = {module.split(".")[0] for module in imports(tree_of(path))}
    assert not tops & {"reflex", "nodes", "builder", "canevas", "tests"}


@pytest.mark.parametrize("path", python_files("runtime/graph"), ids=name_of)
def test_what_a_flow_is_touches_nothing_outside(path: Path) -> None:
    assert not set(imports(tree_of(path))) & {"asyncio", "os", "pathlib", "socket", "subprocess", "time", "threading"}


@pytest.mark.parametrize("path", python_files("runtime/interpreter"), ids=name_of)
def test_engine_has_no_listeners(path: Path) -> None:
    parameters = {
        argument.arg
        for each in functions(tree_of(path))
        for argument in (*each.args.posonlyargs, *each.args.args, *each.args.kwonlyargs)
    }
    words = {word for name in parameters for word in name.split("_")}
    assert not words & {
        "listener",
        "listeners",
        "callback",
        "callbacks",
        "hook",
        "hooks",
        "observer",
        "subscriber",
        "on",
    }


@pytest.mark.parametrize("path", python_files("tests"), ids=name_of)
def test_tests_use_the_real_thing(path: Path) -> None:
    assert not [
        module for module in imports(tree_of(path)) if module.startswith(("unittest.mock", "mock", "pytest_mock"))
    ]
