"""What a run is started with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.errors import CallerError
from runtime.graph.plan import Plan
from runtime.graph.values import NotJson, plain, take_object
from runtime.interpreter.events import Durable
from runtime.interpreter.journal import Source


@dataclass(frozen=True, slots=True)
class Start:
    """What a run is started with. version: 0 for a draft, whose document is then kept with the run.

    pins: the versions of other flows that it runs. parent: the run that it repeats. past: the events that it takes
    over from there (see `replay`); without them it begins anew.
    """

    plan: Plan
    given: dict[str, Any]
    workspace: str
    flow: str
    source: Source
    version: int = 0
    trigger: str = ""
    document: str = ""
    pins: Mapping[str, int] = field(default_factory=dict)
    parent: str = ""
    past: Sequence[Durable] = ()


def input_of(given: dict[str, Any] | None) -> dict[str, Any]:
    """The input of a run, copied. Raises: CallerError when it is no JSON object."""
    try:
        made: dict[str, Any] = take_object(plain({} if given is None else given))
    except NotJson as error:
        raise CallerError(f"The input of a run is a JSON object; {error}", mend="Send plain JSON.") from None
    return made
