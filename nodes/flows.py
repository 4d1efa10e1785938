"""Running another flow as a step."""

from typing import Any

from pydantic import Field

from runtime.graph.fields import FIXED, FlowName
from runtime.graph.node import CALLED, Calls, FlowReference, Node, Port


class SubFlow(Node, label="Run a flow", group="logic", icon="workflow"):
    """Runs another flow and goes on with its answer. The inputs of that flow's start become ports."""

    flow: FlowName = Field(
        title="Flow", description="The flow to run. It may be this one; then see to it that it ends."
    )
    pinned: int = Field(
        0,
        ge=0,
        title="Version",
        description="A deployed version, which never changes; 0 runs what is deployed.",
        json_schema_extra={FIXED: True},
    )

    def inputs(self) -> tuple[Port, ...]:
        return ()  # they are those of the other flow's start, which only who reads the whole flow knows

    def calls(self) -> FlowReference | None:
        return FlowReference(self.flow, self.pinned)

    def summary(self) -> str:
        return f"{self.flow} {self.pinned}" if self.pinned else self.flow

    async def run(self, calls: Calls, **given: Any) -> Any:
        return (await calls.call(CALLED, **given))["output"]
