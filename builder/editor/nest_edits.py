"""The edit by which steps come into the inside of another step, and out of it."""

from collections.abc import Iterable

from builder.editor.document import At, EditError, in_order, inside, known, made, near
from builder.editor.edit import EditBase
from runtime.graph.flow import Flow, Step


class Nest(EditBase, frozen=True, tag="nest"):
    """Steps stand in a body of another step, `each` or `try.catch`; without one, on the canvas itself.

    steps: x and y of each in there, null leaves the place to the canvas. restored: it takes another edit back, and so
    what was wrong may be so again.
    """

    steps: dict[str, At | None]
    within: str = ""
    restored: bool = False

    def apply(self, flow: Flow) -> Flow:
        made(Step, {"kind": "step", "within": self.within}, "within")
        if self.within and not self.restored:
            self._allowed(flow)
        steps, layout = dict(flow.steps), dict(flow.layout)
        for name, at in self.steps.items():
            steps[name] = steps[known(name, steps)].model_copy(update={"within": self.within})
            layout.pop(name, None)
            if at is not None:
                layout[name] = near(at)
        return flow.model_copy(update={"steps": steps, "layout": in_order(layout, steps)})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return stand_again(flow, self.steps)

    def _allowed(self, flow: Flow) -> None:
        container = known(self.within.partition(".")[0], flow.steps)
        if container in self.steps or container in inside(flow.steps, self.steps):
            raise EditError("A step cannot stand inside itself", container, "Choose another place.")


def stand_again(flow: Flow, names: Iterable[str]) -> tuple[EditBase, ...]:
    """What puts steps back where they stand in a flow. names: of them, some of which may be missing."""
    places: dict[str, dict[str, At | None]] = {}
    for name in names:
        if name in flow.steps:
            places.setdefault(flow.steps[name].within, {})[name] = flow.layout.get(name)
    return tuple(Nest(steps, within, restored=True) for within, steps in places.items())
