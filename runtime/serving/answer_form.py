"""The page on which somebody answers without an account: plain HTML from the question's schema, without a script."""

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.interpreter.waits import Wait

if TYPE_CHECKING:  # half a megabyte for one page that most processes never show
    from markdown_it import MarkdownIt

Given = Mapping[str, str | list[str]]  # what the browser sent
Say = Mapping[str, str]  # English to the language of the page

FRENCH: Say = {
    "Send the answer": "Envoyer la réponse",
    "Asked of {to}": "Demandé à {to}",
    "Data to judge": "Données à juger",
    "optional": "facultatif",
    "Write JSON.": "Écrivez du JSON.",
    "Yes": "Oui",
    "Please correct what is marked below.": "Corrigez ce qui est signalé ci-dessous.",
    "is missing": "est manquant",
    "must be a text": "doit être un texte",
    "must be a number": "doit être un nombre",
    "must be a whole number": "doit être un nombre entier",
    "must be true or false": "doit être vrai ou faux",
    "must be a list": "doit être une liste",
    "must be an object": "doit être un objet",
    "Thank you": "Merci",
    "Your answer has been taken. You can close this page.": "Votre réponse est prise en compte. Vous pouvez fermer "
    "cette page.",
    "Nothing to answer here": "Rien à répondre ici",
    "This question was answered, its time is over, or the address is not whole.": "Cette question a reçu sa réponse, "
    "son délai est passé, ou l’adresse est incomplète.",
}

_STYLE = """
:root { color-scheme: light dark; background: var(--page); color: var(--text); --page: #f8f9fa; --card: #fff;
  --text: #212529; --soft: #495057; --line: #dee2e6; --edge: #6c757d; --bad: #a30000; --go: #0052a3; --on-go: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0a0a0a; --card: #1a1a1a; --text: #fff; --soft: #ccc; --line: #333; --edge: #8a8a8a;
    --bad: #ff9999; --go: #66b3ff; --on-go: #0a0a0a; } }
@media (prefers-contrast: more) {
  :root { --page: #000; --card: #000; --text: #fff; --soft: #fff; --line: #fff; --edge: #fff;
    --bad: #fff; --go: #fff; --on-go: #000; } }
* { box-sizing: border-box; }
body { font: 1rem/1.55 Inter, system-ui, sans-serif; margin: 0 auto; max-width: 42rem; padding: 2.5rem 1rem 4rem; }
main { padding: 1.75rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
footer { margin-top: 1rem; color: var(--soft); font-size: .75rem; text-align: center; }
h1 { font: 600 1.5rem/1.25 Poppins, Inter, system-ui, sans-serif; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: .875rem; margin: 1.25rem 0 .25rem; }
p, pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 1rem; }
code { font-family: "JetBrains Mono", ui-monospace, monospace; font-size: .875em; }
.text { overflow-wrap: anywhere; } .text p { white-space: normal; } a { color: var(--go); }
.text :is(h1, h2, h3, h4, h5, h6) { font: 600 1rem/1.4 Inter, system-ui, sans-serif; margin: 1rem 0 .25rem; }
.text :is(th, td) { border: 1px solid var(--line); padding: .25rem .5rem; text-align: left; }
pre { font: inherit; background: var(--page); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem;
  max-height: 24rem; overflow: auto; }
pre.json { font: .875rem/1.5 "JetBrains Mono", ui-monospace, monospace; }
fieldset, .field { border: 0; margin: 0 0 1.25rem; padding: 0; min-width: 0; }
legend, .field > label { font-weight: 600; font-size: .875rem; display: block; margin-bottom: .25rem; padding: 0; }
.choice, .field > label.choice { display: flex; gap: .6rem; align-items: center; min-height: 2.75rem; font-size: 1rem; }
fieldset .choice { padding: 0 .875rem; margin-top: .5rem; border: 1px solid var(--edge); border-radius: .5rem;
  cursor: pointer; }
fieldset .choice:has(:checked) { border-color: var(--go); box-shadow: inset 0 0 0 1px var(--go); }
.choice input { width: 1.25rem; height: 1.25rem; flex: none; margin: 0; accent-color: var(--go); }
.hint { color: var(--soft); font-size: .875rem; font-weight: 400; margin: 0 0 .25rem; }
.wrong { color: var(--bad); font-size: .875rem; margin: .25rem 0 0; }
textarea, input:not([type=radio]):not([type=checkbox]) { font: inherit; color: inherit; background: var(--card);
  width: 100%; padding: .6rem .75rem; border: 1px solid var(--edge); border-radius: .5rem; }
[aria-invalid=true] { border-color: var(--bad) !important; }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .6rem 1.5rem; border-radius: .5rem;
  border: 0; background: var(--go); color: var(--on-go); cursor: pointer; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class AnswerForm:
    """The pages of one question in one language. language: `en` or `fr`."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._words: Say = FRENCH if language == "fr" else {}

    def ask(self, wait: Wait, given: Given | None = None, wrong: Mapping[str, str] | None = None) -> str:
        """The question with its form. given: what was entered before; wrong: what is wrong with it, by field."""
        request, wrong = wait.request or {}, wrong or {}
        title = str(request.get("title") or wait.step)
        parts = [f"<h1>{escape(title)}</h1>"]
        if to := request.get("to"):
            parts.append(f'<p class="hint">{escape(self._say("Asked of {to}").format(to=to))}</p>')
        if text := request.get("text"):
            parts.append(f'<div class="text">{_markdown().render(str(text))}</div>')
        if (shown := request.get("shown")) is not None:
            look = "" if isinstance(shown, str) else ' class="json"'
            parts.append(f'<h2>{self._say("Data to judge")}</h2><pre{look} tabindex="0">{escape(_shown(shown))}</pre>')
        if wrong:
            told = "".join(f" {escape(text)}" for name, text in wrong.items() if not name)
            parts.append(f'<p role="alert" class="wrong">{self._say("Please correct what is marked below.")}{told}</p>')
        schema = request.get("schema", {})
        required = schema.get("required", ())
        fields = (
            self._field(name, described, name in required, given, wrong.get(name, ""))
            for name, described in schema.get("properties", {}).items()
        )
        parts.append(f'<form method="post">{"".join(fields)}<button>{self._say("Send the answer")}</button></form>')
        return self._page(title, "\n".join(parts))

    def said(self, title: str, text: str) -> str:
        """A page that only says something. title, text: in English, of this file's table."""
        return self._page(self._say(title), f'<h1>{self._say(title)}</h1><p role="status">{self._say(text)}</p>')

    def wrong(self, detail: str) -> str:
        """What is wrong with a field, in the language of the page as far as it is known."""
        return self._say(detail)

    def _say(self, text: str) -> str:
        return self._words.get(text, text)

    def _page(self, title: str, body: str) -> str:
        return (
            f'<!doctype html>\n<html lang="{self._language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n{body}\n</main>"
            "<footer>Canevas</footer></body></html>"
        )

    def _field(self, name: str, described: dict[str, Any], required: bool, given: Given | None, wrong: str) -> str:
        id = escape(f"field-{name}", quote=True)
        label = escape(str(described.get("title") or name.replace("_", " ").capitalize()))
        if not required and described.get("type") != "boolean":
            label += f' <span class="hint">({self._say("optional")})</span>'
        hints = [str(described["description"])] if described.get("description") else []
        if _kind(described) == "json":
            hints.append(self._say("Write JSON."))
        about = "".join(f'<p class="hint" id="{id}-hint">{escape(" ".join(hints))}</p>' for _ in hints[:1])
        below = f'<p class="wrong" id="{id}-wrong">{escape(wrong)}</p>' if wrong else ""
        names = [f"{id}-{part}" for part, there in (("hint", hints), ("wrong", wrong)) if there]
        said = f' aria-describedby="{" ".join(names)}"' if names else ""
        said += ' aria-invalid="true"' if wrong else ""
        entered = _last(given, name) if given is not None else _entered(described)
        if _kind(described) == "options":
            inputs = "".join(self._options(id, name, described, required, entered))
            return f'<fieldset role="radiogroup"{said}><legend>{label}</legend>{about}{inputs}{below}</fieldset>'
        place = f'id="{id}" name="{escape(name, quote=True)}"{said}'
        if _kind(described) == "boolean":
            checked = " checked" if entered else ""
            box = f'<input type="checkbox" value="true" {place}{checked}>'
            return f'<div class="field"><label class="choice" for="{id}">{box}{label}</label>{about}{below}</div>'
        must = " required" if required else ""
        if _kind(described) == "number":
            value = f' value="{escape(entered, quote=True)}"' if entered else ""
            box = f'<input type="number" step="any" {place}{value}{must}>'
        else:
            box = f'<textarea rows="3" {place}{must}>\n{escape(entered)}</textarea>'
        return f'<div class="field"><label for="{id}">{label}</label>{about}{box}{below}</div>'

    def _options(self, id: str, name: str, described: dict[str, Any], required: bool, entered: str) -> Iterator[str]:
        for number, (value, title) in enumerate(_choices(described)):
            checked = " checked" if entered == _text(value) else ""
            must = " required" if required else ""
            place = f'id="{id}-{number}" name="{escape(name, quote=True)}" value="{escape(_text(value), quote=True)}"'
            box = f'<input type="radio" {place}{checked}{must}>'
            yield f'<label class="choice" for="{id}-{number}">{box}{escape(title)}</label>'


def value_of(schema: Mapping[str, Any], given: Given) -> dict[str, Any]:
    """What was filled in, as the schema has it; what cannot be read as that stays a text, and the schema says so."""
    value: dict[str, Any] = {}
    for name, described in schema.get("properties", {}).items():
        text = _last(given, name)
        if _kind(described) == "boolean":
            value[name] = bool(text)
        elif text.strip():
            value[name] = _read(_kind(described), described, text)
    return value


def _read(kind: str, described: dict[str, Any], text: str) -> Any:
    if kind == "options":
        return next((value for value, _ in _choices(described) if _text(value) == text), text)
    if kind == "number":
        try:
            number = float(text)
        except ValueError:
            return text
        return (int(number) if number.is_integer() else number) if math.isfinite(number) else text
    if kind == "json":
        try:
            return msgspec.json.decode(text.encode("utf-8", "replace"))
        except (msgspec.DecodeError, RecursionError):
            return text
    return text.replace("\r\n", "\n")


def _kind(described: Mapping[str, Any]) -> str:
    """How a field is filled in: options, boolean, number, text or json."""
    if _choices(described):
        return "options"
    kinds = {"boolean": "boolean", "number": "number", "integer": "number", "string": "text"}
    return kinds.get(str(described.get("type")), "json")


def _choices(described: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """The values to choose from, and what a person reads of them."""
    if "enum" in described:
        return [(value, _text(value)) for value in described["enum"]]
    options = described.get("oneOf", ())
    if options and all("const" in option for option in options):
        return [(option["const"], str(option.get("title", option["const"]))) for option in options]
    return []


def _entered(described: Mapping[str, Any]) -> str:
    default = described.get("default")
    return "" if default is None or default is False else _text(default)


def _last(given: Given, name: str) -> str:
    value = given.get(name, "")
    return value if isinstance(value, str) else value[-1]


@lru_cache(maxsize=1)
def _markdown() -> "MarkdownIt":
    """Reads what an author wrote, in which a step may have put anything: markup is shown as it stands."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable("image")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
