"""Edits of wires: they come, they leave, and they stand again where they stood."""

from collections.abc import Collection

from builder.editor.document import EditError, edge, known
from builder.editor.edit import EditBase
from runtime.graph.flow import Edge, Flow


class Connect(EditBase, frozen=True, tag="connect"):
    """New wires, each `a.out -> b.in`.

    places: of each among all wires; that is how wires come back, exactly as they were, even wrong ones.
    """

    edges: tuple[str, ...]
    places: tuple[int, ...] = ()

    def apply(self, flow: Flow) -> Flow:
        edges, new = list(flow.edges), [edge(text) for text in self.edges]
        for number, wire in enumerate(new):
            if wire in flow.edges or (not self.places and wire in new[:number]):
                raise EditError(f"The wire `{wire}` is there already", wire.target)
            if not self.places:
                known(wire.source, flow.steps)
                known(wire.target, flow.steps)
            edges.insert(self.places[number] if number < len(self.places) else len(edges), wire)
        return flow.model_copy(update={"edges": tuple(edges)})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return (Disconnect(self.edges),)


class Disconnect(EditBase, frozen=True, tag="disconnect"):
    """Wires leave."""

    edges: tuple[str, ...]

    def apply(self, flow: Flow) -> Flow:
        gone = {edge(text) for text in self.edges}
        for wire in gone.difference(flow.edges):
            raise EditError(f"There is no wire `{wire}`", wire.target, "It was removed meanwhile.")
        return flow.model_copy(update={"edges": tuple(wire for wire in flow.edges if wire not in gone)})

    def inverse(self, flow: Flow) -> tuple[EditBase, ...]:
        return reconnect(flow, {edge(text) for text in self.edges})


def reconnect(flow: Flow, cut: Collection[Edge]) -> tuple[EditBase, ...]:
    """What puts wires back where they stood."""
    places = [(str(wire), place) for place, wire in enumerate(flow.edges) if wire in cut]
    return (Connect(tuple(text for text, _ in places), tuple(place for _, place in places)),) if places else ()
