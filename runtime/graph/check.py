"""Every rule a flow keeps, one function each; whoever wants to know whether a flow is right asks here."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from runtime.graph.binding import stand_in
from runtime.graph.catalog import Catalog, widget_of
from runtime.graph.flow import Default, Edge, Flow
from runtime.graph.library import EMPTY, Library
from runtime.graph.nesting import Nesting, Place
from runtime.graph.node import AFTER, Node, Port
from runtime.graph.problems import Problem, listed
from runtime.graph.program import Reference, shorten
from runtime.graph.reading import Reading, read_flow
from runtime.graph.values import NotJson, fits

if TYPE_CHECKING:  # networkx takes a tenth of a second to import; a process that checks no flow does without
    import networkx as nx

DEEPEST = 100  # steps in one another, whatever the flow's limit
Graph: TypeAlias = "nx.DiGraph[str]"  # steps, and who waits for whom


def check(flow: Flow, catalog: Catalog, library: Library = EMPTY) -> list[Problem]:
    """Everything wrong with a flow, in the order of its steps; an empty list means that it can run."""
    return check_reading(read_flow(flow, catalog, library))


def check_reading(reading: Reading) -> list[Problem]:
    """The same for a flow that has been read already."""
    found = [problem for rule in RULES for problem in rule(reading)]
    position = {name: index for index, name in enumerate(reading.flow.steps)}
    return sorted(found, key=lambda problem: position.get(problem.step, -1))


def settings(reading: Reading) -> Iterator[Problem]:
    """Settings are there, have the right type, and their expressions can be read."""
    for step in reading.steps.values():
        yield from step.problems


def trigger(reading: Reading) -> Iterator[Problem]:
    """A flow has a start."""
    if not triggers(reading):
        yield Problem("no_trigger")


def edges(reading: Reading) -> Iterator[Problem]:
    """A wire joins ports that exist, once, and carries what the input takes."""
    seen = set()
    for edge in reading.flow.edges:
        text = str(edge)
        unknown = next((name for name in (edge.source, edge.target) if name not in reading.steps), None)
        if unknown is not None:
            known_end = edge.target if edge.target in reading.steps else ""
            yield Problem("edge_unknown_step", step=known_end, edge=text, params={"name": unknown})
            continue
        if edge in seen:
            yield Problem("duplicate_edge", step=edge.target, edge=text)
            continue
        seen.add(edge)
        source, target = reading.steps[edge.source], reading.steps[edge.target]
        if source.node_class is None or target.node_class is None:
            continue  # the unknown kind is the problem; its ports cannot be judged
        gives, takes = _ends(reading, edge)
        if gives is None:
            container = reading.nesting.place(edge.source).step
            yield Problem("crossing", step=edge.target, edge=text, params={"container": container})
            continue
        output, port = gives.get(edge.output), takes.get(edge.port)
        if output is None:
            params = {"name": edge.output, "known": listed(gives)}
            yield Problem("edge_unknown_output", step=edge.source, edge=text, params=params)
        elif port is None:
            params = {"name": edge.port, "known": listed(takes)}
            yield Problem("edge_unknown_input", step=edge.target, field=edge.port, edge=text, params=params)
        elif edge.port != AFTER and not fits(output.kind, port.kind):
            params = {"source": output.kind.phrase, "target": port.kind.phrase}
            yield Problem("type_mismatch", step=edge.target, field=edge.port, edge=text, params=params)


def _ends(reading: Reading, edge: Edge) -> tuple[Mapping[str, Port] | None, Mapping[str, Port]]:
    """The ports that a wire may join at its two ends; None when it leaves the inside of a step."""
    target, place = reading.steps[edge.target], reading.nesting.place(edge.source)
    if place.step == edge.target:
        return reading.steps[edge.source].gives, {port.name: port for port in target.body(place.body).takes}
    return reading.ports_of(edge.source, reading.nesting.place(edge.target)), target.takes


def nested(reading: Reading) -> Iterator[Problem]:
    """Every step stands somewhere, and what concerns the whole run stands on the canvas itself."""
    for name, step in reading.steps.items():
        container = reading.nesting.place(name).step
        around = reading.steps.get(step.step.within.partition(".")[0])
        if around is not None and around.node_class is None:
            continue  # the unknown kind is the problem; its bodies cannot be known
        if name in reading.nesting.lost:
            yield _lost(reading, name)
        elif container and step.node_class is not None and step.node_class.trigger:
            yield Problem("start_inside", name, params={"container": container})
        elif container and step.node_class is not None and step.node_class.ends:
            yield Problem("answer_inside", name, params={"container": container})
        if (step.bodies or step.calls is not None) and step.step.retry is not None:
            yield Problem("retry_of_bodies", name)


def depth(reading: Reading) -> Iterator[Problem]:
    """No step stands so deep inside others that it never runs."""
    limit, places = reading.flow.limits.depth, reading.nesting.places
    depths = {"": 0}
    for name in places:
        way = []
        while name not in depths:
            way.append(name)
            name = places[name].step if name in places else ""
        for each in reversed(way):
            depths[each] = depths[places[each].step] + 1 if each in places else 0
            # What stands inside such a step is too deep as well, and needs no words of its own.
            if depths[each] == DEEPEST + 1:
                yield Problem("too_deep_inside", each, params={"limit": DEEPEST})
            elif depths[each] == limit + 1:
                yield Problem("deeper_than_limit", each, params={"limit": limit})


def _lost(reading: Reading, name: str) -> Problem:
    """Why a step does not stand where it says."""
    container, _, body = reading.steps[name].step.within.partition(".")
    around = reading.steps.get(container)
    if around is None:
        return Problem("no_container", name, params={"name": shorten(container)})
    bodies = [each.name for each in around.bodies]
    if not bodies:
        return Problem("holds_no_steps", name, params={"container": container})
    if body and body not in bodies:
        params = {"container": container, "body": shorten(body), "known": listed(bodies)}
        return Problem("no_body", name, params=params)
    return Problem("in_one_another", name, params={"container": container})


def wired(reading: Reading) -> Iterator[Problem]:
    """Every input that needs a wire has one."""
    for name, step in reading.steps.items():
        ports = {edge.port for edge in reading.wires.get(name, ())}
        for port in step.inputs:
            if port.required and port.name not in ports:
                yield Problem("missing_wire", step=name, field=port.name, params={"port": port.name})


def defaults(reading: Reading) -> Iterator[Problem]:
    """What a failed step gives instead is what it could have given."""
    for name, step in reading.steps.items():
        if isinstance(step.step.on_error, Default) and step.node_class is not None and not step.problems:
            try:
                stand_in(step, step.node_class, step.step.on_error.default)
            except NotJson as error:
                yield Problem("bad_default", name, params={"detail": str(error)})


def references(reading: Reading) -> Iterator[Problem]:
    """What an expression reads exists, and can be seen from where it stands."""
    for name, step in reading.steps.items():
        for field, reference in step.references:
            yield from _reference(reading, name, field, reference, reading.nesting.place(name))
        for field, reference in step.late_references:
            yield from _reference(reading, name, field, reference, Place(name, step.taker(field)))


def _reference(reading: Reading, name: str, field: str, reference: Reference, place: Place) -> Iterator[Problem]:
    read = reading.steps.get(reference.step)
    if read is None:
        known = listed(other for other in reading.steps if other != name)
        yield Problem("unknown_step", name, field, params={"name": reference.step, "known": known})
    elif reference.step == name and place.step != name:
        yield Problem("self_reference", step=name, field=field)
    elif (gives := reading.ports_of(reference.step, place)) is None:
        params = {"name": reference.step, "container": reading.nesting.place(reference.step).step}
        yield Problem("out_of_sight", name, field, params=params)
    elif read.node_class is not None and reference.keys and reference.keys[0] not in gives:
        shown = ".".join(str(key) for key in (reference.step, *reference.keys[:1]))
        params = {"name": shown, "known": listed(gives), "step": reference.step}
        inside = [body.name for body in read.bodies if any(port.name == reference.keys[0] for port in body.gives)]
        if inside:
            params["inside"] = listed(f"{reference.step}.{body}" for body in inside)
        yield Problem("given_inside" if inside else "unknown_output", name, field, params=params)


def cycle(reading: Reading) -> Iterator[Problem]:
    """No step waits for itself, by wires or by references."""
    for circle in circles(reading):
        steps = [name for name in reading.flow.steps if name in circle]
        yield Problem("cycle", step=steps[0], params={"steps": listed(steps)})


def circles(reading: Reading) -> list[set[str]]:
    """The steps that wait for each other, or for themselves."""
    import networkx as nx

    whole = graph(reading)
    parts: Iterable[set[str]] = nx.strongly_connected_components(whole)
    return [part for part in parts if len(part) > 1 or whole.has_edge(*(tuple(part) * 2))]


def reachable(reading: Reading) -> Iterator[Problem]:
    """Every step can come to run."""
    starts = triggers(reading)
    if not starts:
        return  # then nothing runs, and that is said once
    alive = live_steps(graph(reading), starts)
    for name in reading.flow.steps:
        if name not in alive:
            yield Problem("unreachable", step=name)


Rule = Callable[[Reading], Iterable[Problem]]
RULES: tuple[Rule, ...] = (settings, trigger, nested, depth, edges, wired, defaults, references, cycle, reachable)


def needs(reading: Reading, widget: str) -> Iterator[tuple[str, str, str]]:
    """(step, field, value) of every setting edited with `widget`: the secrets or the models that a flow names."""
    for name, step in reading.steps.items():
        if step.node is None or step.node_class is None:
            continue
        for field in _fields_with(step.node_class, widget):
            value = getattr(step.node, field, None)
            if isinstance(value, str) and value and field not in step.computed:
                yield name, field, value


def missing_secrets(reading: Reading, known: Collection[str]) -> list[Problem]:
    """Secrets that a flow names and the workspace does not have."""
    return [
        Problem("missing_secret", step, field, params={"name": name})
        for step, field, name in needs(reading, "secret")
        if name not in known
    ]


def triggers(reading: Reading) -> list[str]:
    """The steps where a run can start, in order."""
    return [name for name, step in reading.steps.items() if step.node_class and step.node_class.trigger]


def graph(reading: Reading) -> Graph:
    """Steps and who waits for whom: wires and references alike. Unknown ends are left out.

    A step with bodies waits for whatever its inside reads from around it, and its inside waits for it.
    """
    import networkx as nx

    made: Graph = nx.DiGraph()
    made.add_nodes_from(reading.steps)
    made.add_edges_from(((place.step, name) for name, place in reading.nesting.places.items()), inside=True)
    for source, target, place in reads(reading):
        if (waiting := waits_for(reading.nesting, source, target, place)) is not None:
            made.add_edge(source, waiting)
    return made


def reads(reading: Reading) -> Iterator[tuple[str, str, Place]]:
    """Who reads whom, by wires and expressions: (read, reader, where it is read). Unknown ends are left out."""
    for edge in reading.flow.edges:
        if edge.source in reading.steps and edge.target in reading.steps:
            inner = reading.nesting.place(edge.source)
            yield edge.source, edge.target, inner if inner.step == edge.target else reading.nesting.place(edge.target)
    for name, step in reading.steps.items():
        views = [(reading.nesting.place(name), step.references)]
        views += [(Place(name, step.taker(field)), ((field, read),)) for field, read in step.late_references]
        for place, references in views:
            for _, reference in references:
                if reference.step in reading.steps and (reference.step != name or place.step == name):
                    yield reference.step, name, place


def waits_for(nesting: Nesting, source: str, target: str, place: Place) -> str | None:
    """Who waits for a step that `target` reads in a place: it, or the step around it that stands where the source does.

    None when nobody does: a step and its own inside hand each other values without waiting.
    """
    home = nesting.place(source)
    waiting = target if nesting.place(target) == place else None
    for around in nesting.around(place):
        if around.step == source:
            return None
        if around == home:
            return waiting
        waiting = around.step
    return None


def live_steps(whole: Graph, starts: Collection[str]) -> set[str]:
    """The steps that a run from these starts can come to: those after them, those that feed these, and all inside."""
    ahead = _reached(whole, set(starts))
    found = ahead | _reached(whole.reverse(copy=False), ahead)
    left = list(found)
    while left:
        for name, how in whole[left.pop()].items():
            if name not in found and how.get("inside"):
                found.add(name)
                left.append(name)
    return found


def _reached(whole: Graph, steps: set[str]) -> set[str]:
    import networkx as nx

    return set(nx.multi_source_dijkstra_path_length(whole, steps)) if steps else set()


@lru_cache(maxsize=256)
def _fields_with(node_class: type[Node], widget: str) -> tuple[str, ...]:
    properties = node_class.model_json_schema().get("properties", {})
    return tuple(field for field, schema in properties.items() if widget_of(schema) == widget)
