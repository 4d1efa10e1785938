"""Where steps stand: which body holds which step, and what can be seen from there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from runtime.graph.flow import Step
from runtime.graph.node import Body


@dataclass(frozen=True, slots=True)
class Place:
    """A body of a step; without a step, the flow itself."""

    step: str = ""
    body: str = ""


ROOT = Place()


@dataclass(frozen=True, slots=True)
class Nesting:
    """The places of all steps. lost: steps whose `within` names no body; they count as standing in the flow itself."""

    places: Mapping[str, Place] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()

    def place(self, step: str) -> Place:
        """Where a step stands."""
        return self.places.get(step, ROOT)

    def around(self, place: Place) -> Iterator[Place]:
        """A place and those around it, from the inside out; the last is the flow itself."""
        while place is not ROOT:
            yield place
            place = self.place(place.step)
        yield ROOT

    def inside(self, step: str, other: str) -> Place | None:
        """The body of `other` in which a step stands, however deep."""
        return next((place for place in self.around(self.place(step)) if place.step == other), None)

    def seen(self, name: str, place: Place) -> bool:
        """Whether steps in a place may read a step: it stands in that place or in one around it."""
        return self.place(name) in self.around(place)

    def upto(self, step: str, place: Place) -> str:
        """The step itself, or what stands for it in a place around it: the container that it is in."""
        while self.place(step) != place:
            step = self.place(step).step
        return step


def nest(steps: Mapping[str, Step], bodies: Mapping[str, tuple[Body, ...]]) -> Nesting:
    """Find every step's place. bodies: of the steps that have some."""
    places: dict[str, Place] = {}
    lost: set[str] = set()
    for name, step in steps.items():
        if not step.within:
            continue
        container, _, wanted = step.within.partition(".")
        body = next((b.name for b in bodies.get(container, ()) if wanted in ("", b.name)), None)
        if body is None:
            lost.add(name)
        else:
            places[name] = Place(container, body)
    lost |= _circular(places)
    return Nesting({name: place for name, place in places.items() if name not in lost}, frozenset(lost))


def _circular(places: Mapping[str, Place]) -> set[str]:
    """The steps that stand in one another in a circle."""
    found: set[str] = set()
    walked: dict[str, int] = {}
    for walk, name in enumerate(places):
        way: list[str] = []
        while name in places and name not in walked:
            walked[name] = walk
            way.append(name)
            name = places[name].step
        if walked.get(name) == walk:  # this walk came back to where it had been
            found.update(way[way.index(name) :])
    return found
