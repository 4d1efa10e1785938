"""What a flow must come to, said a second time and plainly: one step after the other, in the order of the wires.

Written from the rules and not from the engine. The engine runs branches in parallel, in tasks, with retries and from
logs; whatever it does, it must come to this.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

from runtime.graph.computed import Computed
from runtime.graph.expressions import parse, references
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
    """What becomes of every step, by path. outputs: None for a skipped one; whoever failed with something instead has
    it. failing: those that fail the run. sure: the scopes in which everything comes to an end.
    """

    outputs: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    sure: set[str] = field(default_factory=set)
    answer: tuple[Any, int, str] = (None, 200, "")

    def skipped(self) -> set[str]:
        """The steps that are skipped in any case."""
        return {path for path, out in self.outputs.items() if out is None and scope_of(path) in self.sure}

    def settled(self) -> dict[str, dict[str, Any]]:
        """What the steps give that come to run in any case."""
        given = self.outputs.items()
        return {path: out for path, out in given if out is not None and scope_of(path) in self.sure}


def scope_of(path: str) -> str:
    """The path of the scope of a step: empty, or with a `/` at the end."""
    return path[: path.rfind("/") + 1]


def fate(flow: Flow, trigger: str, given: dict[str, Any]) -> Fate:
    """Every step that can come to run, in an order in which each comes after what it waits for."""
    known = Fate()
    root = Place(flow, known)
    starts = {name for name, step in flow.steps.items() if step.kind == "begin"}
    todo = _alive(root.names, root.sources, starts)
    mine = set(_alive(root.names, root.sources, {trigger})) - starts | {trigger}
    seen: dict[str, Any] = {}
    known.failing = root.run(todo, mine, seen, given)
    if not known.failing:
        known.sure.add("")
    known.sure = {path for path in known.sure if all(part in known.sure for part in _around(path))}
    leaves = [name for name in todo if not any(name in root.sources[other] for other in todo)]
    known.answer = _answer(flow, known, leaves)
    return known


def _around(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) + "/" if count else "" for count in range(len(parts))]


class Place:
    """The steps of a flow that stand in one body of a step, or in none. path: what stands before them in events."""

    def __init__(self, flow: Flow, known: Fate, within: str = "", path: str = "") -> None:
        self.flow, self.known, self.within, self.path = flow, known, within, path
        self.names = [name for name, step in flow.steps.items() if step.within == within]
        inside = {name: self._inside(name) for name in self.names}
        edges = {name: [e for e in flow.edges if e.target == name] for name in flow.steps}
        self.into = {name: [e for e in edges[name] if e.source not in inside[name]] for name in self.names}
        self.reads = {name: _reads(flow.steps[name], self.into[name]) for name in self.names}
        self.sources = {name: {edge.source for edge in self.into[name]} for name in self.names}
        for name in self.names:
            self.sources[name] |= {step for step, _ in self.reads[name]}
            for each in inside[name]:
                self.sources[name] |= {edge.source for edge in edges[each]}
                self.sources[name] |= {read for read, _ in _reads(flow.steps[each], edges[each])}
            for each in (name, *inside[name]):
                self.sources[name] |= {step for step, _ in _late(flow.steps[each])}
            self.sources[name] &= set(self.names) - {name}

    def _inside(self, name: str) -> set[str]:
        found = {name}
        while more := {n for n, s in self.flow.steps.items() if s.within.partition(".")[0] in found} - found:
            found |= more
        return found - {name}

    def run(self, todo: list[str], mine: set[str], seen: dict[str, Any], given: dict[str, Any]) -> set[str]:
        """Settle these steps, where `seen` are the outputs that can be read, by step; gives the failing ones."""
        failing: set[str] = set()
        todo = list(todo)
        while ready := [name for name in todo if not self.sources[name] & set(todo)]:
            for name in ready:
                todo.remove(name)
                if name not in mine:
                    seen[name] = self.known.outputs[self.path + name] = None
                elif not (self.sources[name] - seen.keys()):
                    if self.settle(name, seen, given):
                        self.known.outputs[self.path + name] = seen[name]
                    else:
                        failing.add(self.path + name)
        return failing

    def settle(self, name: str, seen: dict[str, Any], given: dict[str, Any]) -> bool:
        """What becomes of a step; false when it fails what it stands in."""
        step, edges, reads = self.flow.steps[name], self.into[name], self.reads[name]
        if step.kind == "begin":
            seen[name] = {"output": given}
            return True
        ports: dict[str, list[Any]] = {}
        for edge in edges:
            out = seen[edge.source]
            ports.setdefault(edge.port, []).extend([] if out is None or edge.output not in out else [out[edge.output]])
        live = [seen[each] is not None and (port is None or port in seen[each]) for each, port in reads]
        if not all(ports.values()) or (not edges and reads and not any(live)):
            seen[name] = None
            return True
        tries = 1 + (step.retry.times if step.retry else 0)
        note = ports["note"][0] if "note" in ports else _note(step.config.get("note", ""), reads, seen)
        parts = [note, ports.get("one", ["no wire"])[0], ports.get("values", [])]
        fails = step.config.get("hangs") or step.config.get("fails", 0) >= tries
        if step.kind in BODIES:
            found, well = BODIES[step.kind](self, name, seen)
            parts.append(found)
            fails = not well
        if fails:
            got = {port: all_ if port == "values" else all_[0] for port, all_ in ports.items()}
            got.pop("after", None)
            if "note" in ports or "{{" in str(step.config.get("note", "")):
                got["note"] = got.pop("note", note)  # settings come after ports
            seen[name] = None if step.on_error == "fail" else _instead(self.path + name, name, step, got)
            return step.on_error != "fail"
        seen[name] = _given(step, mark(*self._said(step, parts, name)))
        return True

    def _said(self, step: Step, parts: list[Any], name: str) -> list[Any]:
        if step.kind == "some":
            return ["", "some", []]
        if step.kind == "asker":
            late = step.config["patience"] is not None
            asked = range(step.config["times"])
            return [*parts[:2], parts[2] + ["late" if late else f"{self.path}{name} {number}" for number in asked]]
        return parts

    # --- bodies ------------------------------------------------------------------------------------------------

    def body(self, name: str, body: str, part: str, seen: dict[str, Any], **gives: Any) -> tuple[Any, bool]:
        """Run a body of a step: what it hands over, and whether it came to an end."""
        place = Place(self.flow, self.known, f"{name}.{body}", f"{self.path}{part}/")
        inner = seen | {name: gives}
        if place.run(place.names, set(place.names), inner, {}):
            return None, False
        config = self.flow.steps[name].config
        ends = [e for e in self.flow.edges if e.target == name and e.source in place.names]
        if body == "finally":
            result: Any = None
        elif ends:
            live = (
                inner[e.source][e.output] for e in ends if inner[e.source] is not None and e.output in inner[e.source]
            )
            result = next(live, None)
        elif "result" in config:
            result = _note(config["result"], _late(self.flow.steps[name]), inner)
        else:
            last = [each for each in place.names if not any(each in place.sources[other] for other in place.names)]
            result = _last({each: inner[each] for each in last if inner[each]})
        self.known.sure.add(place.path)
        return result, True


def _each(place: Place, name: str, seen: dict[str, Any]) -> tuple[Any, bool]:
    config = place.flow.steps[name].config
    numbers = range(config["items"])
    ended = [place.body(name, "body", f"{name}[{n}]", seen, item=f"item {n}", index=n) for n in numbers]
    found = [result if well else "failed" for result, well in ended]
    if config["keep"] or all(well for _, well in ended):
        return found, True
    place.known.sure -= {f"{place.path}{name}[{n}]/" for n in numbers}
    return None, False


def _rounds(place: Place, name: str, seen: dict[str, Any]) -> tuple[Any, bool]:
    now = "first"
    for number in range(place.flow.steps[name].config["items"]):
        now, well = place.body(name, "body", f"{name}[{number}]", seen, item=now, index=number)
        if not well:
            return None, False
    return now, True


def _guard(place: Place, name: str, seen: dict[str, Any]) -> tuple[Any, bool]:
    found, well = place.body(name, "body", name, seen)
    if not well:
        found, well = place.body(name, "catch", f"{name}.catch", seen, item="caught")
    _, cleaned = place.body(name, "finally", f"{name}.finally", seen)
    return found, well and cleaned


def _both(place: Place, name: str, seen: dict[str, Any]) -> tuple[Any, bool]:
    left, one = place.body(name, "left", f"{name}[l]", seen)
    right, other = place.body(name, "right", f"{name}.right[r]", seen)
    return {"l": left, "r": right}, one and other


BODIES = {"each": _each, "rounds": _rounds, "guard": _guard, "both": _both}


def _late(step: Step) -> list[tuple[str, str | None]]:
    found = references(step.config.get("result", ""))
    return [(each.step, str(each.keys[0]) if each.keys else None) for each in found]


def _reads(step: Step, edges: list[Edge]) -> list[tuple[str, str | None]]:
    if any(edge.port == "note" for edge in edges):
        return []  # the wire wins, what stands in the setting is not looked at
    found = references(step.config.get("note", ""))
    return [(each.step, str(each.keys[0]) if each.keys else None) for each in found]


def _alive(names: list[str], sources: dict[str, set[str]], starts: set[str]) -> list[str]:
    """The steps after these starts, and those that feed them."""
    ahead = _grown(starts, lambda found: {name for name in names if sources[name] & found})
    behind = _grown(ahead, lambda found: {source for name in found for source in sources[name]})
    return [name for name in names if name in behind]


def _grown(found: set[str], more: Any) -> set[str]:
    while (grown := found | more(found)) != found:
        found = grown
    return found


def _given(step: Step, word: str) -> dict[str, Any]:
    if "crossing" in step.kind:
        return ways(word)
    return {"value": word, "status": 201} if step.kind == "end" else {"output": word}


def _instead(path: str, name: str, step: Step, got: dict[str, Any]) -> dict[str, Any]:
    if isinstance(step.on_error, Default):
        default = step.on_error.default
        if "crossing" in step.kind:
            return dict(default)
        return {"value": default, "status": 200} if step.kind == "end" else {"output": default}
    if step.config.get("hangs"):
        what = f"The step did not end within {step.timeout:g} s ({name})"
        mend = "Give it a longer time-out, or look at what it waits for."
        more = {"kind": "Late", "step": path, "input": got, "cause": ""}
        return {"error": {"what": what, "mend": mend, "who": "provider", **more}}
    more = {"kind": "RuntimeError", "step": path, "input": got, "cause": ""}
    return {"error": {"what": "RuntimeError: not today", "mend": "", "who": "author", **more}}


def _note(text: Any, reads: list[tuple[str, str | None]], outputs: dict[str, Any]) -> Any:
    if "str(" in text:
        return computed(reads, outputs)
    seen = {
        each: None if outputs[each] is None else {port: None for _, port in reads if port} | outputs[each]
        for each, _ in reads
    }
    setting = Computed({"it": parse(text)}, {name: (slot, {}) for slot, name in enumerate(seen)})
    return setting.values(list(seen.values()), ())["it"]


def computed(reads: list[tuple[str, str | None]], outputs: dict[str, Any]) -> str:
    """What `str(step.port)` gives."""
    ((step, port),) = reads
    return str(None if outputs[step] is None else outputs[step].get(port))


def _answer(flow: Flow, known: Fate, leaves: list[str]) -> tuple[Any, int, str]:
    for name, step in flow.steps.items():
        out = known.outputs.get(name)
        if step.kind == "end" and out is not None and "value" in out:
            return out["value"], out["status"], name
    last = {name: out for name in leaves if (out := known.outputs.get(name))}
    return _last(last), 200, next(iter(last)) if len(last) == 1 else ""


def _last(last: dict[str, dict[str, Any]]) -> Any:
    if len(last) == 1:
        (out,) = last.values()
        return out["output"] if set(out) == {"output"} else out
    return last or None
