"""English and French from one catalogue: the English text is the key, and the browser switches by itself."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import reflex as rx
import yaml
from reflex.vars import VarData

LANGUAGES = {"en": "English", "fr": "Français"}
CATALOGUE = Path(__file__).with_name("french.yaml")

rx.asset("dictionary.js", shared=True)
_library = rx.asset("language.js", shared=True).importable_path


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """English text to French text, by section: what the interface says and what the runtime does."""
    sections: dict[str, dict[str, str]] = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    return {name: {english: _typeset(text) for english, text in section.items()} for name, section in sections.items()}


def french() -> dict[str, str]:
    """The whole catalogue, English text to French text."""
    return {english: text for section in catalogue().values() for english, text in section.items()}


def _typeset(text: str) -> str:
    """A French text with the spaces that French puts before some signs, which no line may break at."""
    return re.sub(" (?=[;!?])", "\u202f", re.sub("(?<=«) | (?=[:»…])", "\u00a0", text))


def translate(text: str, language: str, **values: object) -> str:
    """A text of the catalogue in a language, its `{braces}` filled; a text it does not know stays English."""
    template = french().get(text, text) if language == "fr" else text
    return template.format(**values) if values else template


def t(text: str, **values: Any) -> rx.Var[str]:
    """An interface text as a variable that follows the language without asking the server.

    text: a literal of the catalogue's `interface` section; a test collects them all. values: fill its braces,
    plain or variables: `t("{count} flows", count=State.count)`.
    """
    return tr(text, **values)


def tr(text: Any, **values: Any) -> rx.Var[str]:
    """Like `t` for a text known only at run time: a label or help of a node, a message of a run."""
    filled = ", ".join(f"{json.dumps(name)}: {rx.Var.create(value)!s}" for name, value in values.items())
    return _variable(f"translate(pageLanguage, {rx.Var.create(text)!s}, {{{filled}}})", str, text, *values.values())


def told(template: Any, values: Any) -> rx.Var[str]:
    """Like `tr` for a message whose values are known only at run time as well. values: a variable with a dict."""
    code = f"translate(pageLanguage, {rx.Var.create(template)!s}, {rx.Var.create(values)!s})"
    return _variable(code, str, template, values)


def language() -> rx.Var[str]:
    """The language of the page, "en" or "fr"."""
    return _variable("pageLanguage", str)


def choice(name: str) -> rx.Var[str]:
    """What the person chose for `theme` or `language`; "system" until they do."""
    data = VarData(
        hooks={f"const {name}Choice = useChoice({json.dumps(name)});": None}, imports={_library: "useChoice"}
    )
    return rx.Var(f"{name}Choice", _var_data=data).to(str)


def choose(name: str, value: Any) -> rx.event.EventSpec:
    """The event that makes a choice, in the browser alone."""
    data = VarData(imports={_library: "choose"})
    return rx.call_function(rx.Var(f"() => choose({json.dumps(name)}, {rx.Var.create(value)!s})", _var_data=data))


def _variable(code: str, kind: type, *parts: Any) -> rx.Var[Any]:
    own = VarData(hooks={"const pageLanguage = useLanguage();": None}, imports={_library: ["useLanguage", "translate"]})
    borrowed = (part._get_all_var_data() for part in parts if isinstance(part, rx.Var))
    return rx.Var(code, _var_data=VarData.merge(own, *borrowed)).to(kind)
