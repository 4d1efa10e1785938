"""Large values beside the events that carry them: kept once, by hash, and put back where the events are read."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec.structs import force_setattr, replace

from runtime.interpreter.events import (
    BodyStarted,
    Durable,
    Event,
    RunFinished,
    RunStarted,
    StepDelta,
    StepFailed,
    StepFinished,
    StepPaused,
    StepResumed,
    StepStarted,
    decode_all,
    encode,
)

LARGE = 65_536  # bytes of a value as JSON; what has more is kept by itself
_BEGINS = 200  # characters

NOTHING: Mapping[str, bytes] = {}

VALUE_OF: dict[type, str] = {
    RunStarted: "input",
    StepStarted: "input",
    StepFinished: "output",
    StepFailed: "output",
    BodyStarted: "given",
    StepPaused: "request",
    StepResumed: "value",
    RunFinished: "output",
}
"""The field of an event that holds values of the flow; the other events hold none."""


class Reference(msgspec.Struct, frozen=True):
    """What a written event holds in the place of a large value.

    sha256, bytes: hash and length of the value as JSON. begins: the first characters of the text, or of the JSON.
    """

    sha256: str
    bytes: int
    kind: Literal["text", "list", "object"]
    begins: str


_Path = tuple[str | int, ...]
_Part = tuple[Any, list[tuple[_Path, Reference]]]  # a value with references in it, and where they stand
_lines = msgspec.json.Encoder().encode_lines
_encode = msgspec.json.Encoder().encode


def abridged(events: Sequence[Durable], body: bytes) -> tuple[bytes, Mapping[str, bytes]]:
    """Consecutive events as one JSON list with references in it, and the values to which they refer, by SHA-256.

    body: the events as JSON with all that is in them; when that has no more than LARGE bytes, it is all there is to
    write. An event that refers to values names their places in `kept`, a field of written events alone: so what only
    looks like a reference is never taken for one.
    """
    if not _has_large_line(_lines(events)):
        return body, NOTHING
    shelf = _Shelf()
    return b"[%b]" % b",".join([shelf.write(event) for event in events]), shelf.values


def _has_large_line(lines: bytes) -> bool:
    """Looks at the last line break that a small line must have met, so a long run costs a look each 64 kB."""
    at = 0
    while len(lines) - at > LARGE + 1:
        at = lines.rfind(b"\n", at, at + LARGE + 1) + 1
        if at == 0:
            return True
    return False


def brief(event: Durable) -> bytes:
    """One event as JSON, with references in the place of its large values."""
    return _Shelf().write(event)


def large_value(events: Iterable[Event], digest: str) -> bytes | None:
    """The value to which these events refer by this SHA-256, as JSON. Blocks for as long as it takes to hash them."""
    shelf = _Shelf()
    for event in events:
        if not isinstance(event, StepDelta):
            shelf.write(event)
            if digest in shelf.values:
                return shelf.values[digest]
    return None


class _Shelf:
    """Takes large values out of events. values: those that are referred to, as JSON by SHA-256."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self._bodies: dict[str, bytes] = {}
        self._seen: dict[int, _Part] = {}  # by id: steps hand the same object on, and it is hashed once

    def write(self, event: Durable) -> bytes:
        """The event as JSON, its large values by reference."""
        field = VALUE_OF.get(type(event), "")
        value, places = self._part(getattr(event, field)) if field else (None, [])
        if not places:
            return encode(event)
        self.values.update((reference.sha256, self._bodies[reference.sha256]) for _, reference in places)
        body, kept = encode(replace(event, **{field: value})), [(field, *path) for path, _ in places]
        return b'%b,"kept":%b}' % (body[:-1], _encode(kept))

    def _part(self, value: Any) -> _Part:
        found = self._seen.get(id(value))
        if found is None:
            if _is_small(value):
                return value, []
            found = self._seen[id(value)] = self._taken(value)
        return found

    def _taken(self, value: Any) -> _Part:
        """A large value: with references in it where that makes it small, else as a reference itself."""
        if not isinstance(value, str):
            named = isinstance(value, dict)
            parts = {key: self._part(part) for key, part in (value.items() if named else enumerate(value))}
            if places := [((key, *path), each) for key, (_, inside) in parts.items() for path, each in inside]:
                made = {key: part for key, (part, _) in parts.items()}
                small = made if named else list(made.values())
                if len(_encode(small)) <= LARGE:
                    return small, places
        body = _encode(value)
        reference = Reference(sha256(body).hexdigest(), len(body), *_look(value, body))
        self._bodies[reference.sha256] = body
        return reference, [((), reference)]


def _is_small(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) * 6 <= LARGE or len(_encode(value)) <= LARGE  # a character has six bytes at most
    return not isinstance(value, list | dict) or len(_encode(value)) <= LARGE


def _look(value: Any, body: bytes) -> tuple[Literal["text", "list", "object"], str]:
    if isinstance(value, str):
        return "text", value[:_BEGINS]
    return "list" if isinstance(value, list) else "object", body[: _BEGINS * 4].decode(errors="ignore")[:_BEGINS]


# --- reading -------------------------------------------------------------------------------------------------------


class Gap(NamedTuple):
    """A place where a reference stands for a value. holder: the event, list or object. key: the place in it."""

    holder: Any
    key: Any
    digest: str


class _Kept(msgspec.Struct):
    kept: list[list[str | int]] = []


_decode_kept = msgspec.json.Decoder(list[_Kept]).decode


def read(body: bytes) -> tuple[list[Durable], list[Gap]]:
    """Events as `abridged` wrote them, and the gaps in them that `fill` closes."""
    events = decode_all(body)
    if b'"kept"' not in body:
        return events, []
    each = zip(events, _decode_kept(body), strict=True)
    return events, [_gap(event, path) for event, told in each for path in told.kept]


def _gap(event: Durable, path: Sequence[Any]) -> Gap:
    holder, value = event, getattr(event, path[0])
    for key in path[1:]:
        holder, value = value, value[key]
    return Gap(holder, path[-1], value["sha256"])


def fill(gaps: Iterable[Gap], values: Mapping[str, bytes]) -> None:
    """Put the values, as JSON by SHA-256, where they belong; one that stands in several places is read once."""
    read: dict[str, Any] = {}
    for holder, key, digest in gaps:
        if digest not in read:
            read[digest] = msgspec.json.decode(values[digest])
        if isinstance(holder, msgspec.Struct):
            force_setattr(holder, key, read[digest])
        else:
            holder[key] = read[digest]
