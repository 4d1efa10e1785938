"""What a step of a run asks a person, ready to be shown and answered; pure."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from builder.preview.inputs import InputForm, Option, fields_of, read_fields
from builder.preview.inspected import Value, shown
from builder.preview.overlay import StepTrace


class Question(TypedDict):
    """One question. id: tells it from all others. step: the path of the step that asks.

    text: Markdown. shown: the data to judge. fields: what to fill in; choices: the buttons that send it,
    each with a value for the field `choice`; without any there is one button to send. asked, until: seconds since the
    epoch, `until` 0 when it waits as long as it takes. to: who should answer, as the author wrote it.
    """

    id: str
    run: str
    step: str
    flow: str
    flow_name: str
    title: str
    text: str
    shown: list[Value]
    fields: list[InputForm]
    choice: str
    choices: list[Option]
    asked: float
    until: float
    to: str


def question(
    run: str,
    step: str,
    request: Mapping[str, Any],
    *,
    asked: float,
    until: float | None,
    flow: str = "",
    flow_name: str = "",
) -> Question:
    """A question from what the step asked. request: title, text, schema, shown and to, as `Request` has them."""
    fields = fields_of(request.get("schema") or {})
    # The first thing to choose is what one decides: its values are the buttons.
    decided = next((field for field in fields if field["options"] and field["required"]), None)
    judged = request.get("shown")
    return Question(
        id=f"{run}/{step}",
        run=run,
        step=step,
        flow=flow,
        flow_name=flow_name,
        title=str(request.get("title", "")),
        text=str(request.get("text", "")),
        shown=[] if judged is None else _judged(judged),
        fields=[field for field in fields if field is not decided],
        choice=decided["name"] if decided else "",
        choices=decided["options"] if decided else [],
        asked=asked,
        until=until or 0.0,
        to=str(request.get("to", "")),
    )


def questions_of(run: str, steps: Iterable[StepTrace]) -> list[Question]:
    """What the waiting steps of a run ask."""
    return [
        question(run, step.path, step.request, asked=step.asked, until=step.until)
        for step in steps
        if step.request is not None
    ]


def answer_of(asked: Question, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The answer from what was filled in, and what is wrong by field. data: texts by field name."""
    given, wrong = read_fields(asked["fields"], data)
    if asked["choice"]:
        picked = str(data.get(asked["choice"], ""))
        if picked not in [option["value"] for option in asked["choices"]]:
            return given, {**wrong, asked["choice"]: "Choose an answer."}
        given = {asked["choice"]: picked, **given}
    return given, wrong


def misfits(errors: Iterable[tuple[str, str]], fields: Iterable[str]) -> tuple[dict[str, str], str]:
    """What a server found wrong, by field of the form; and what belongs to no field, as one line.

    errors: a place in the answer, as a JSON pointer, and what is wrong there.
    """
    known, others = set(fields), []
    by_field: dict[str, str] = {}
    for place, detail in errors:
        name = place.lstrip("/").partition("/")[0]
        if name in known:
            by_field.setdefault(name, detail)
        else:
            others.append(detail)
    return by_field, "; ".join(others)


def _judged(value: Any) -> list[Value]:
    """The data to judge; an object field by field, as people read it."""
    if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
        return [shown(key, one) for key, one in value.items()]
    return [shown("", value)]
