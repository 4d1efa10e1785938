"""Edits of the flow as a whole: what it is called and is for, how its runs are kept, and what one may use."""

from typing import Any

from msgspec import UNSET, UnsetType

from builder.editor.document import made
from builder.editor.edit import EditBase, what_is_said
from runtime.graph.flow import Flow, Limits, Running


class Describe(EditBase, frozen=True, tag="describe"):
    """What the flow is called and what it is for; what is not said stays."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET

    def apply(self, flow: Flow) -> Flow:
        said = self.said()
        checked = made(Flow, said, "flow")
        return flow.model_copy(update={name: getattr(checked, name) for name in said})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return (Describe(**{name: getattr(flow, name) for name in self.said()}),)

    def said(self) -> dict[str, Any]:
        """What this edit says, by name."""
        return what_is_said(self, "name", "description")


class Configure(EditBase, frozen=True, tag="configure"):
    """How the flow's runs are kept, and what one may use.

    A part that is not said stays; within one that is, what is not said goes back to its default.
    """

    running: dict[str, Any] | UnsetType = UNSET
    limits: dict[str, Any] | UnsetType = UNSET

    def apply(self, flow: Flow) -> Flow:
        parts = {"running": Running, "limits": Limits}
        return flow.model_copy(update={name: made(parts[name], said, name) for name, said in self.said().items()})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return (Configure(**{name: getattr(flow, name).model_dump(mode="json") for name in self.said()}),)

    def said(self) -> dict[str, Any]:
        """What this edit says, by name."""
        return what_is_said(self, "running", "limits")
