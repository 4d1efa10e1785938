"""The node where branches meet again, and how many of them it waits for."""

from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field

from runtime.errors import AuthorError
from runtime.graph.node import Node, Quorum


class Joined(TypedDict):
    """What came."""

    values: Annotated[list[Any], "What came, in the order in which the wires were drawn."]
    first: Annotated[Any, "The first of them: the only one when one was enough."]


class Join(Node, group="logic", icon="git-merge"):
    """Waits for all of its wires, for the first that brings something, or for some of them, and goes on."""

    waits_for: Literal["all", "first", "some"] = Field(
        "all",
        title="Waits for",
        description="all: every wire; a branch not taken is not waited for. first: one is enough. some: so many.",
    )
    needed: int = Field(
        2, ge=1, le=1000, title="How many", description="For `some`. When fewer come in the end, the step fails."
    )
    end_others: bool = Field(
        False,
        title="End the others",
        description="When enough came, steps still at work for this one only are ended; else they go on.",
    )

    def quorum(self) -> Quorum | None:
        enough = {"first": 1, "some": self.needed}.get(self.waits_for)
        # Before the run, a computed setting is still a text: then it waits for all, and counts at the end.
        return Quorum(enough, self.end_others is True) if isinstance(enough, int) else None

    def summary(self) -> str:
        return f"{self.waits_for} · {self.needed}" if self.waits_for == "some" else self.waits_for

    async def run(
        self, *values: Annotated[Any, "Each wire brings one value; branches not taken bring none."]
    ) -> Joined:
        if self.waits_for == "some" and len(values) < self.needed:
            raise AuthorError(
                f"{len(values)} of the wires brought something, and {self.needed} are needed",
                mend="Lower the number, or say what this step does on an error.",
            )
        return Joined(values=list(values), first=values[0] if values else None)
