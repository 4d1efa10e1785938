"""What can be wrong with a flow: every message once, as a template that a catalogue can translate."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

Severity = Literal["error", "warning"]

# code: (severity, what, mend). The braces are filled from `Problem.params`.
MESSAGES: dict[str, tuple[Severity, str, str]] = {
    # the file
    "not_text": ("error", "The file is not UTF-8 text.", "Save it as UTF-8."),
    "too_large": ("error", "The file has {size} bytes; the limit is {limit}.", "Split the flow, or remove data."),
    "too_many_values": ("error", "The file holds more than {limit} values.", "Split the flow, or remove data."),
    "too_deep": ("error", "The file is nested deeper than {limit} levels, at line {line}.", "Flatten it."),
    "not_yaml": ("error", "Line {line}: {detail}.", "Mend the YAML at that line."),
    "alias": ("error", "Line {line} uses a YAML anchor or alias.", "Write the value out; flows hold plain values."),
    "tag": (
        "error",
        "Line {line} uses the YAML tag `{tag}`.",
        "Remove it; quotes make a text of anything.",
    ),
    "duplicate_key": ("error", "Line {line}: `{key}` stands twice.", "Keep one of the two."),
    "not_a_flow": ("error", "The file holds {found}, not a flow.", "A flow begins with `canevas: 1` and has `steps:`."),
    "no_format": ("error", "The file does not say its format.", "Begin it with `canevas: 1`."),
    "newer_format": (
        "error",
        "The file has format {found}; this version of Canevas reads up to {known}.",
        "Update Canevas, or export the flow from the older version.",
    ),
    "bad_document": ("error", "`{place}`: {detail}.", "Correct it; docs/flow-format.md shows the form."),
    "too_many_steps": ("error", "The flow has {count} steps; the limit is {limit}.", "Split it into several flows."),
    # the graph
    "no_trigger": ("error", "The flow has no start.", "Add a start from the palette."),
    "unknown_kind": ("error", "No node is called `{kind}`.", "Install the package that brings it, or replace it."),
    "newer_version": (
        "error",
        "The step was made with version {found} of its node; this Canevas has {known}.",
        "Update Canevas.",
    ),
    "blocked_migration": ("error", "The step's older settings need a decision: {detail}", "Set the field anew."),
    "missing_value": ("error", "`{field}` has no value.", "Fill it in, or wire something into it."),
    "bad_value": ("error", "`{field}`: {detail}.", "Correct the value."),
    "bad_settings": ("error", "The settings do not go together: {detail}.", "Correct them."),
    "bad_port": (
        "error",
        "A port would be called `{name}`, which is no name, or is taken.",
        "Use letters, digits and _, each name once; a setting that makes ports cannot be computed.",
    ),
    "fixed_setting": (
        "error",
        "`{field}` makes the ports of the step, so it cannot be computed.",
        "Write it out; only what flows through the ports can be computed.",
    ),
    "bad_default": ("error", "The value for the case of an error does not fit: {detail}.", "Correct the value."),
    "unknown_field": ("error", "The node has no setting `{field}`.", "Remove it."),
    "bad_expression": ("error", "`{field}`: {detail}", "{mend}"),
    "unknown_step": (
        "error",
        "`{field}` refers to `{name}`, and no step is called that. Steps: {known}.",
        "Choose a step that exists.",
    ),
    "unknown_output": (
        "error",
        "`{field}` refers to `{name}`, which `{step}` does not give. It gives: {known}.",
        "Choose one of these.",
    ),
    "self_reference": ("error", "`{field}` refers to the step itself.", "Refer to a step before it."),
    "edge_unknown_step": ("error", "The wire `{edge}` joins a step that does not exist: `{name}`.", "Remove the wire."),
    "edge_unknown_output": (
        "error",
        "The wire `{edge}` leaves from `{name}`, which the step does not have. It has: {known}.",
        "Wire it from one of these.",
    ),
    "edge_unknown_input": (
        "error",
        "The wire `{edge}` goes into `{name}`, which the step does not have. It has: {known}.",
        "Wire it into one of these.",
    ),
    "duplicate_edge": ("error", "The wire `{edge}` stands twice.", "Remove one."),
    "type_mismatch": (
        "error",
        "The wire `{edge}` carries {source} into a port that takes {target}.",
        "Convert the value with a step between, or wire another port.",
    ),
    "missing_wire": ("error", "The input `{port}` needs a wire.", "Wire something into `{port}`."),
    "cycle": ("error", "These steps wait for each other: {steps}.", "Cut one of the wires between them."),
    "no_container": (
        "error",
        "The step says that it stands inside `{name}`, and no step is called that.",
        "Draw it into a frame, or onto the canvas.",
    ),
    "holds_no_steps": (
        "error",
        "The step says that it stands inside `{container}`, which holds no steps.",
        "Draw it into a frame, or onto the canvas.",
    ),
    "no_body": (
        "error",
        "The step says that it stands in `{body}` of `{container}`, which has no such place. It has: {known}.",
        "Draw it into one of these.",
    ),
    "in_one_another": (
        "error",
        "The step stands inside `{container}`, which stands inside the step: they stand in one another in a circle.",
        "Draw one of them onto the canvas.",
    ),
    "too_deep_inside": (
        "error",
        "The step stands inside more than {limit} others.",
        "Put a part of them into a flow of its own.",
    ),
    "deeper_than_limit": (
        "warning",
        "The step stands inside more than {limit} others, and the flow's limit `depth` ends a run that comes there.",
        "Put a part of them into a flow of its own, or raise the limit.",
    ),
    "given_inside": (
        "error",
        "`{field}` refers to `{name}`, which `{step}` gives only to steps inside it, in {inside}.",
        "Refer to what `{step}` gives here ({known}), or move the step in there.",
    ),
    "out_of_sight": (
        "error",
        "`{field}` refers to `{name}`, which stands inside `{container}`; only steps in there see it.",
        "Refer to what `{container}` gives, or move the step into it.",
    ),
    "crossing": (
        "error",
        "The wire `{edge}` leaves the inside of `{container}`.",
        "Wire it to what `{container}` takes inside, and go on from what `{container}` gives.",
    ),
    "start_inside": ("error", "A start cannot stand inside `{container}`.", "Draw it onto the canvas."),
    "answer_inside": (
        "error",
        "An answer to the run cannot stand inside `{container}`.",
        "Wire the value to what `{container}` takes inside, and answer after it.",
    ),
    "unknown_flow": (
        "error",
        "The flow `{name}`, which is to be run, is not deployed here.",
        "Deploy it, or choose another flow.",
    ),
    "unknown_version": (
        "error",
        "The flow `{name}`, which is to be run, has no version {version} here.",
        "Choose another version; 0 runs what is deployed.",
    ),
    "flow_without_start": ("error", "The flow `{name}` has no start.", "Add a start to it, or choose another flow."),
    "retry_of_bodies": (
        "error",
        "A step with steps inside is not tried again as a whole.",
        "Say on the steps inside how often they are tried again.",
    ),
    "unreachable": ("warning", "Nothing leads here, so the step never runs.", "Wire it to the flow, or remove it."),
    # what must be there before a run
    "missing_secret": ("error", "`{field}` names the secret `{name}`, which is not there.", "Add it in Settings."),
    "model_not_ready": ("error", "{detail}", "{mend}"),
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with a flow: where (step, field, edge), what, and how to mend it.

    code: a key of MESSAGES. params: what fills the braces of its two sentences.
    """

    code: str
    step: str = ""
    field: str = ""
    edge: str = ""
    params: Mapping[str, str | int] = {}

    @property
    def severity(self) -> Severity:
        """`error` keeps a flow from running, `warning` does not."""
        return MESSAGES[self.code][0]

    @property
    def what(self) -> str:
        """What is wrong, in English."""
        return self.say(lambda text: text)[0]

    @property
    def mend(self) -> str:
        """What to do about it, in English."""
        return self.say(lambda text: text)[1]

    def say(self, translate: Callable[[str], str]) -> tuple[str, str]:
        """What and mend, through a catalogue."""
        _, what, mend = MESSAGES[self.code]
        params = {"field": self.field, "edge": self.edge, "step": self.step, **self.params}
        return translate(what).format(**params), translate(mend).format(**params)

    def __str__(self) -> str:
        place = self.step or "flow"
        return f"{place}: {self.what} {self.mend}"


def errors(problems: list[Problem]) -> list[Problem]:
    """Those that keep a flow from running."""
    return [problem for problem in problems if problem.severity == "error"]


_SHOWN = 8  # names in a message; more do not help


def listed(names: Iterable[str]) -> str:
    """Names in a message: at most eight, then how many more."""
    every = list(names)
    shown = ", ".join(every[:_SHOWN]) or "none"
    return shown if len(every) <= _SHOWN else f"{shown} and {len(every) - _SHOWN} more"
