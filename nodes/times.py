"""The node that lets time pass, and the units in which people say how much."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from runtime.graph.node import Context, Node

Unit = Literal["seconds", "minutes", "hours", "days"]
SECONDS: dict[Unit, int] = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


class Wait(Node, group="logic", icon="hourglass", effect="reads", pauses=True):
    """Waits for some time or until a moment, then goes on. The run keeps nothing busy meanwhile."""

    duration: float = Field(1, ge=0, le=100_000, title="How long", description="In the unit below.")
    unit: Unit = Field("minutes", title="Unit", description="Of how long it waits.")
    until: str = Field(
        "",
        title="Until",
        description="A moment instead, such as 2027-01-31T09:00+01:00; without a zone it is UTC.",
    )

    @field_validator("until")
    @classmethod
    def _is_a_time(cls, until: str) -> str:
        if until.strip():
            moment(until)
        return until

    def summary(self) -> str:
        return self.until.strip() or f"{self.duration:g} {self.unit}"

    async def run(self, context: Context, value: Annotated[Any, "What goes on afterwards."] = None) -> Any:
        now = context.now()
        until = moment(self.until) if self.until.strip() else now + self.duration * SECONDS[self.unit]
        if until > now:
            await context.pause(until=until)
        return value


def moment(text: str) -> float:
    """Seconds since the epoch of an ISO time. Raises: ValueError."""
    try:
        read = datetime.fromisoformat(text.strip())
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("this is no moment; write one such as 2027-01-31T09:00+01:00") from None
