"""What the runtime says is complete in French: nodes, problems, wrong values and errors, whole or filled already."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from builder.editor.forms import Field
from builder.editor.kinds import GROUPS, kind_view
from builder.language import catalogue, french
from builder.notices import said
from nodes.catalog import builtin
from runtime.errors import AuthorError, CanevasError, OperatorError
from runtime.graph import validation
from runtime.graph.check import check
from runtime.graph.flow import Flow
from runtime.graph.node import Node
from runtime.graph.problems import MESSAGES, Problem
from runtime.interpreter.events import Failure
from runtime.storage import faults

ROOT = Path(__file__).parents[2]
DICTIONARY = ROOT / "builder" / "dictionary.js"
BRACES = re.compile(r"\{\w+\}")
# How finished sentences are put together: `Failure.of`, the checks' `detail`, the name of the step that failed.
FRAMES = {"{what} ({where})", "{what}.", "{step}: {what}", "`{field}` {what}", "`{field}` {what}; {detail}"}
# What nobody sees in the browser: said on a terminal, over the HTTP API, or to the author of a node's code.
ELSEWHERE = (
    "runtime/settings.py",
    "runtime/serving",
    "runtime/storage/database.py",
    "runtime/storage/migrations",
    "runtime/storage/ownership.py",
    "runtime/storage/scope.py",
    "runtime/outbound/addresses.py",
    "builder/build.py",
    "builder/bundle.py",
    "builder/theme.py",
)
ERRORS = {each.__name__ for each in (CanevasError, *CanevasError.__subclasses__())} | {"ExpressionError", "EditError"}
REASONS = {"NotJson", "ValueError", "_NotPlain"}  # they become part of an error's sentence

Translate = Callable[..., list[str]]


@pytest.fixture(scope="module")
def translate() -> Translate:
    """Texts, or (template, values), to French by the code that browsers run."""
    bun = shutil.which("bun", path=str(Path(sys.executable).parent)) or shutil.which("bun")
    assert bun, "bun comes with the requirements"
    script = f"""
        import {{ dictionary }} from {json.dumps(str(DICTIONARY))};
        const [catalogue, texts] = JSON.parse(await Bun.stdin.text());
        const translate = dictionary(catalogue);
        console.log(JSON.stringify(texts.map(([text, values]) => translate("fr", text, values))));
    """

    def run(*texts: str | tuple[str, Any]) -> list[str]:
        asked = json.dumps([catalogue(), [(text, {}) if isinstance(text, str) else text for text in texts]])
        done = subprocess.run([bun, "-e", script], input=asked, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return run


def described(part: Any) -> Iterator[str]:
    """The descriptions in a JSON Schema."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if key == "description" and isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            yield from described(value)


def of_fields(fields: tuple[Field, ...]) -> Iterator[str]:
    for field in fields:
        yield from (field.label, field.help, *(str(option) for option in field.options))
        yield from of_fields(field.columns)


def of_node(node: type[Node]) -> Iterator[str]:
    """What the palette, the form, the ports and the preview of a node say."""
    kind = kind_view(node)
    yield from (kind.label, kind.help, *of_fields(kind.fields))
    yield from (port.help for port in (*kind.inputs, *kind.outputs))
    if node.trigger:
        yield from described(node().accepts())


@cache
def spoken() -> set[str]:
    """The texts that come whole; what is all capitals, such as GET, is the same in every language."""
    texts = {text for node in builtin() for text in of_node(node)} | set(GROUPS.values())
    texts |= {text for _, *sentences in MESSAGES.values() for text in sentences}
    texts |= {*validation.SENTENCES.values(), validation.EMPTY}
    return {text for text in texts if re.search(r"[a-z]", BRACES.sub("", text))}


def templates(node: ast.expr | None, hole: str) -> Iterator[str]:
    """The texts that an expression may be, with `hole` where a value is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else hole for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*templates(node.body, hole), *templates(node.orelse, hole))


def sources() -> list[tuple[Path, ast.Module]]:
    paths = [path for folder in ("runtime", "nodes", "builder") for path in (ROOT / folder).rglob("*.py")]
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def raised() -> Iterator[str]:
    """What errors say that reach the browser; `¤` stands for each value."""
    for path, module in sources():
        if path.relative_to(ROOT).as_posix().startswith(ELSEWHERE):
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.Assign) and any(getattr(to, "id", "") in ("what", "mend") for to in node.targets):
                yield from templates(node.value, "¤")
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS | REASONS:
                given = [node.args[number] for number in (0, 2) if number < len(node.args)]
                given += [keyword.value for keyword in node.keywords if keyword.arg in ("what", "mend")]
                for each in given:
                    yield from templates(each, "¤")


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts_in(item)


def of_databases() -> set[str]:
    return {text for value in vars(faults).values() if isinstance(value, tuple) for text in texts_in(value)}


def test_every_text_that_comes_whole_is_translated() -> None:
    assert spoken() - set(french()) == set()


def test_every_error_is_translated(translate: Translate) -> None:
    texts = sorted({text for text in {*raised(), *of_databases()} if re.search(r"[a-z]{2}", text)})
    assert len(texts) > 150
    assert {text for text, made in zip(texts, translate(*texts), strict=True) if text == made} - set(french()) == set()


def test_no_translation_is_left_over() -> None:
    """Each entry is what some line of the code says, or may say once it is filled."""
    said_whole, said_filled = set(), set()
    for _, module in sources():
        for node in ast.walk(module):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                for text in templates(node, "\0"):
                    (said_filled if "\0" in text else said_whole).add(text)
    shapes = [(re.compile(re.escape(text).replace("\0", ".*")), _own(text)) for text in said_filled]

    left = catalogue()["runtime"].keys() - said_whole - spoken() - FRAMES
    # A line that is mostly holes, such as `f"{a}: {b}"`, says nothing of its own.
    assert {
        entry for entry in left if not any(3 * own > _own(entry) and shape.fullmatch(entry) for shape, own in shapes)
    } == set()


def _own(text: str) -> int:
    return len(BRACES.sub("", text).replace("\0", ""))


def test_signs_stand_behind_spaces_that_do_not_break() -> None:
    assert [text for text in french().values() if re.search(r" [:;!?»]|« ", text)] == []


def told(problem: Problem) -> tuple[str, Any]:
    """A problem as the editor gets it."""
    values = {"field": problem.field, "edge": problem.edge, "step": problem.step, **problem.params}
    return MESSAGES[problem.code][1], values


def test_problems_are_french_to_their_last_word(translate: Translate) -> None:
    steps = {
        "start": {"kind": "api_start"},
        "answer": {"kind": "answer", "config": {"value": "{{ start.text", "status": 42}},
        "join": {"kind": "join_texts"},
        "switch": {"kind": "switch", "config": {"value": 1, "cases": [{"name": "a"}, {"name": 5}]}},
        "classify": {"kind": "classify", "config": {"labels": []}},
        "llm": {"kind": "llm", "config": {"prompt": "x"}},
    }
    flow = Flow.model_validate({"steps": steps, "edges": ["start.text -> llm.history", "start.text -> answer"]})
    french = translate(*(told(problem) for problem in check(flow, builtin()) if problem.severity == "error"))
    assert french == [
        "`value`\u00a0: Une expression est ouverte par `{{` et jamais fermée ({{ start.text }}).",
        "`status`\u00a0: doit être au moins 200.",
        "`cases`\u00a0: `1.name`\u00a0: doit être un texte.",
        "`labels`\u00a0: ne doit pas être vide.",
        "L’entrée `text` a besoin d’un fil.",
        "Le fil `start.text -> llm.history` porte un texte vers un port qui prend une liste.",
    ]


@pytest.mark.parametrize(
    ("error", "french"),
    [
        (
            OperatorError("There is no key for Anthropic", "claude-haiku-4-5", "Try again later."),
            "Il n’y a pas de clé pour Anthropic (claude-haiku-4-5)",
        ),
        (
            AuthorError("The input `value` expected a number, got a text"),
            "L’entrée `value` ne convient pas\u00a0: un nombre était attendu, et non un texte",
        ),
        (
            AuthorError("`value`: `start` has 2 entries, so there is no entry 5", "{{ start[5] }}"),
            "`value`\u00a0: `start` a 2 entrées, il n’y a donc pas d’entrée 5 ({{ start[5] }})",
        ),
        (
            AuthorError("Flows may not call `nas`: it is in a private network", "nas:80"),
            "Les flux ne peuvent pas appeler `nas`\u00a0: c’est dans un réseau privé (nas:80)",
        ),
        (AuthorError("Nobody translated this: a text", "here"), "Nobody translated this: a text (here)"),
        (AuthorError("The server answered 404: text"), "Le serveur a répondu 404: text"),
    ],
)
def test_finished_sentences_are_found_by_their_shape(translate: Translate, error: CanevasError, french: str) -> None:
    failure = Failure.of(error)
    assert translate(failure.what, f"llm: {failure.what}", said(error))[:2] == [french, f"llm\u00a0: {french}"]


def test_what_people_wrote_is_not_translated(translate: Translate) -> None:
    flow = Flow.model_validate({"steps": {"text": {"kind": "template", "config": {"template": "{{ list.number }}"}}}})
    problems = [told(problem) for problem in check(flow, builtin()) if problem.code == "unknown_step"]
    assert translate(*problems) == [
        "`template` renvoie à `list`, mais aucune étape ne s’appelle ainsi. Étapes\u00a0: none."
    ]
    assert translate(("“{name}” was deleted.", {"name": "Home"})) == ["«\u00a0Home\u00a0» a été supprimé."]


def test_a_notice_is_translated_in_both_parts(translate: Translate) -> None:
    error = OperatorError("The disk of the database is full", "x.db", "Free some space; nothing was half written.")
    assert translate(said(error)) == [
        "Le disque de la base de données est plein. Libérez de la place\u202f; rien n’a été écrit à moitié."
    ]
    assert translate(said(OperatorError("The disk is full"))) == ["Le disque est plein."]
