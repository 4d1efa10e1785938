"""What a flow must come to, said a second time and plainly: one step after the other, in the order of the wires.

Written from the rules and not from the engine. The engine runs branches in parallel, in tasks, with retries and from
logs; whatever it does, it must come to this.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

from runtime.graph.expressions import fill, parse, references
from runtime.graph.flow import Default, Edge, Flow, Step

ALWAYS = 99  # tries that fail, of a step that never comes through


def mark(*seen: Any) -> str:
    """A short word that is different for everything a step may have seen."""
    return f"{zlib.crc32(repr(seen).encode()):08x}"


def ways(word: str) -> dict[str, str]:
    """Which ways a fork takes, by what it saw: one of them, both or none."""
    return [{"left": word}, {"right": word}, {"left": word, "right": word}, {}][int(word[-1], 16) % 4]


@dataclass
class Fate:
    """What becomes of every step. outputs: None for a skipped one. failing: those that fail the run."""

    outputs: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    answer: tuple[Any, int, str] = (None, 200, "")

    @property
    def skipped(self) -> set[str]:
        return {name for name, out in self.outputs.items() if out is None}


def fate(flow: Flow, trigger: str, given: dict[str, Any]) -> Fate:
    """Every step that can come to run, in an order in which each comes after what it waits for."""
    into = {name: [edge for edge in flow.edges if edge.target == name] for name in flow.steps}
    reads = {name: _reads(step, into[name]) for name, step in flow.steps.items()}
    sources = {name: {edge.source for edge in into[name]} | {step for step, _ in reads[name]} for name in flow.steps}
    starts = {name for name, step in flow.steps.items() if step.kind == "begin"}
    todo = _alive(flow, sources, starts)
    mine = set(_alive(flow, sources, {trigger})) - starts | {trigger}
    leaves = [name for name in flow.steps if name in todo and not any(name in sources[other] for other in todo)]
    known = Fate()
    while ready := [name for name in todo if not sources[name] & set(todo)]:
        for name in ready:
            todo.remove(name)
            if name not in mine:
                known.outputs[name] = None
            elif not sources[name] & (known.failing | (sources[name] - known.outputs.keys())):
                _settle(known, name, flow.steps[name], into[name], reads[name], given)
    known.answer = _answer(flow, known, leaves)
    return known


def _reads(step: Step, edges: list[Edge]) -> list[tuple[str, str | None]]:
    if any(edge.port == "note" for edge in edges):
        return []  # the wire wins, what stands in the setting is not looked at
    found = references(step.config.get("note", ""))
    return [(each.step, str(each.keys[0]) if each.keys else None) for each in found]


def _alive(flow: Flow, sources: dict[str, set[str]], starts: set[str]) -> list[str]:
    """The steps after these starts, and those that feed them."""
    ahead = _grown(starts, lambda found: {name for name in flow.steps if sources[name] & found})
    behind = _grown(ahead, lambda found: {source for name in found for source in sources[name]})
    return [name for name in flow.steps if name in behind]


def _grown(found: set[str], more: Any) -> set[str]:
    while (grown := found | more(found)) != found:
        found = grown
    return found


def _settle(
    known: Fate,
    name: str,
    step: Step,
    edges: list[Edge],
    reads: list[tuple[str, str | None]],
    given: dict[str, Any],
) -> None:
    if step.kind == "begin":
        known.outputs[name] = {"output": given}
        return
    outputs = known.outputs
    ports: dict[str, list[Any]] = {}
    for edge in edges:
        out = outputs[edge.source]
        ports.setdefault(edge.port, []).extend([] if out is None or edge.output not in out else [out[edge.output]])
    live = [outputs[each] is not None and (port is None or port in outputs[each]) for each, port in reads]  # type: ignore[operator]
    if not all(ports.values()) or (not edges and reads and not any(live)):
        outputs[name] = None
        return
    tries = 1 + (step.retry.times if step.retry else 0)
    if step.config.get("hangs") or step.config.get("fails", 0) >= tries:
        if step.on_error == "fail":
            known.failing.add(name)
        else:
            outputs[name] = _instead(name, step)
        return
    note = ports["note"][0] if "note" in ports else _note(step, reads, outputs)
    word = mark(note, ports.get("one", ["no wire"])[0], ports.get("values", []))
    outputs[name] = _given(step, word)


def _given(step: Step, word: str) -> dict[str, Any]:
    if "crossing" in step.kind:
        return ways(word)
    return {"value": word, "status": 201} if step.kind == "end" else {"output": word}


def _instead(name: str, step: Step) -> dict[str, Any]:
    if isinstance(step.on_error, Default):
        default = step.on_error.default
        if "crossing" in step.kind:
            return dict(default)
        return {"value": default, "status": 200} if step.kind == "end" else {"output": default}
    if step.config.get("hangs"):
        what = f"The step did not end within {step.timeout:g} s ({name})"
        mend = "Give it a longer time-out, or look at what it waits for."
        return {"error": {"what": what, "mend": mend, "who": "provider"}}
    return {"error": {"what": "RuntimeError: not today", "mend": "", "who": "author"}}


def _note(step: Step, reads: list[tuple[str, str | None]], outputs: dict[str, Any]) -> Any:
    text = step.config.get("note", "")
    if "str(" in text:
        return computed(reads, outputs)
    seen = {
        each: None if outputs[each] is None else {port: None for _, port in reads if port} | outputs[each]
        for each, _ in reads
    }
    return fill(parse(text), seen)


def computed(reads: list[tuple[str, str | None]], outputs: dict[str, Any]) -> str:
    """What `str(step.port)` gives."""
    ((step, port),) = reads
    return str(None if outputs[step] is None else outputs[step].get(port))


def _answer(flow: Flow, known: Fate, leaves: list[str]) -> tuple[Any, int, str]:
    for name, step in flow.steps.items():
        out = known.outputs.get(name)
        if step.kind == "end" and out is not None and "value" in out:
            return out["value"], out["status"], name
    last = {name: known.outputs[name] for name in leaves if known.outputs.get(name)}
    if len(last) == 1:
        ((name, out),) = last.items()
        assert out is not None
        return (out["output"] if set(out) == {"output"} else out), 200, name
    return last or None, 200, ""
