"""Nodes that shape values: texts from templates, named values, lists from several wires."""

from typing import Annotated, Any

from pydantic import Field

from runtime.graph.expressions import has_expression
from runtime.graph.fields import FIXED, Multiline
from runtime.graph.node import Node, Port
from runtime.graph.values import Kind, kind_of


class Template(Node, label="Text template", icon="file-text"):
    """Writes a text from what other steps gave."""

    template: Multiline = Field(
        title="Template", description="The text. {{ step.output }} stands for what a step gave."
    )

    def summary(self) -> str:
        return first_line(self.template)

    async def run(self) -> str:
        return self.template


class SetValues(Node, label="Set values", icon="variable"):
    """Names values for the steps after it. Each name becomes a port, and each value keeps its type."""

    values: dict[str, Any] = Field(
        title="Values",
        description="A name and a value each. {{ start.amount * 2 }} computes one.",
        json_schema_extra={FIXED: True},
    )

    def outputs(self) -> tuple[Port, ...]:
        return tuple(
            Port(name, Kind.ANY if has_expression(value) else kind_of(value)) for name, value in self.values.items()
        )

    def summary(self) -> str:
        return ", ".join(self.values)

    async def run(self) -> dict[str, Any]:
        return self.values


class JoinTexts(Node, label="Join texts", icon="merge"):
    """Joins the texts of all its wires into one, in the order in which they were drawn."""

    separator: Multiline = Field("\n\n", title="Between them", description="What stands between two texts.")

    async def run(self, *texts: Annotated[str, "Each wire brings one text; empty ones are left out."]) -> str:
        return self.separator.join(text for text in texts if text.strip())


class Gather(Node, label="Gather values", icon="list-plus"):
    """Gathers the values of all its wires into one list, in the order in which they were drawn."""

    async def run(
        self, *values: Annotated[Any, "Each wire brings one value; branches not taken bring none."]
    ) -> list[Any]:
        return list(values)


def first_line(text: object) -> str:
    """The first line of a setting that has something on it, for the card."""
    return next((line.strip() for line in str(text).splitlines() if line.strip()), "")
