"""Random flow documents and random wrong ones, drawn by Hypothesis."""

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from runtime.graph.flow import RESERVED, Default, Edge, Flow, Limits, Note, Retry, Step

# How hard the random tests look: CANEVAS_EXAMPLES=5000 for a long look.
many = settings(
    max_examples=int(os.environ.get("CANEVAS_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

WORDS = [
    "", " ", "no", "yes", "on", "null", "~", "true", "True", "1", "-0", "1e5", "1.5", ".5", "0x1F", "0o17", "1_000",
    "12:30", "2026-11-21", ".inf", ".nan", "<<", "=", "- a", "a: b", "# no comment", "'", '"', "\\", "&a", "*a", "!tag",
    "%", "@", "`", "{{ start.text }}", "\\{{ braces }}", "|", ">", "?", "[", "{", "---", "...",
    "a\nb", "a\n", "\n", "\na", "  a\n b\n", "a\n\n\nb\n\n", "tab\t", "\t", "a \nb", "a\n\tb", "a\r\nb", "\r",
    "é", "👩‍👩‍👧", "\u2028", "\u2029", "\x85", "\ufeff", "\x00", "\x07", "\x7f", "\xa0", "\u202e",
    "a\n\x85b", "a\n\u2028",
]  # fmt: skip

text = st.one_of(st.sampled_from(WORDS), st.text(max_size=30))
numbers = st.one_of(
    st.integers(-10, 10), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)
ids = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True).filter(lambda name: name not in RESERVED)
ports = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
places = st.tuples(*[st.floats(-1e6, 1e6).map(lambda x: round(x, 2))] * 2)

steps = st.builds(
    Step,
    kind=st.text("abc_é", min_size=1, max_size=10),
    version=st.integers(1, 9),
    title=st.one_of(st.just(""), text),
    config=st.dictionaries(text, json_values, max_size=4),
    within=st.just("") | ids | st.builds("{}.{}".format, ids, ports),
    retry=st.none()
    | st.builds(
        Retry,
        times=st.integers(1, 20),
        wait=st.floats(0, 3600),
        backoff=st.floats(1, 10),
        jitter=st.floats(0, 1),
        on=st.lists(st.sampled_from(["timeout", "provider", "operator", "node"]), min_size=1, unique=True).map(tuple),
    ),
    timeout=st.none() | st.floats(0.001, 86_400),
    on_error=st.sampled_from(["fail", "port"]) | st.builds(Default, default=json_values),
)


limits = st.builds(
    Limits,
    steps=st.integers(1, 10_000_000),
    seconds=st.floats(0.001, 31_536_000),
    depth=st.integers(1, 100),
    value=st.integers(1_000, 1_000_000_000),
    tokens=st.none() | st.integers(1, 10**9),
    cost=st.none() | st.floats(0.001, 1e6),
)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """Any document, whether it makes sense or not."""
    drawn = draw(st.dictionaries(ids, steps, max_size=5))
    names = st.sampled_from(list(drawn)) if drawn else ids
    edges = st.builds(Edge, names, ports, names, ports)
    return Flow(
        name=draw(text.filter(bool)),
        description=draw(text),
        steps=drawn,
        edges=tuple(draw(st.lists(edges, max_size=5))),
        limits=draw(limits),
        layout=draw(st.dictionaries(names, places, max_size=5)) if drawn else {},
        notes=draw(st.dictionaries(ids, st.builds(Note, text=text, at=places, size=places), max_size=2)),
    )


anything: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(exclude_categories=[])),  # lone surrogates too
        st.binary(max_size=5),
        st.dates(),
        st.sampled_from(WORDS),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(st.integers(), max_size=2),
        st.dictionaries(st.one_of(text, st.integers(), st.none(), st.booleans()), inner, max_size=4),
    ),
    max_leaves=15,
)


@st.composite
def nearly_flows(draw: st.DrawFn) -> Any:
    """A document with the right keys and, here and there, the wrong things in them."""
    wrong = draw(st.sampled_from([0, 1, 2]))

    def maybe(right: st.SearchStrategy[Any]) -> Any:
        return draw(anything if draw(st.integers(0, 9)) < wrong else right)

    step = {
        "kind": maybe(st.sampled_from(["begin", "plain", "labels", "strict", "old", "nothing_of_this"])),
        "version": maybe(st.integers(1, 3)),
        "title": maybe(text),
        "config": maybe(st.dictionaries(st.sampled_from(["text", "labels", "limit", "x"]), anything, max_size=3)),
        "retry": maybe(st.none() | st.fixed_dictionaries({"times": st.integers(1, 5)})),
        "timeout": maybe(st.none() | st.floats(0.1, 10)),
        "on_error": maybe(st.sampled_from(["fail", "port", {"default": 1}, {"default": {"a": 1}}])),
    }
    names = draw(st.lists(ids | st.sampled_from(["a", "b", "if", "A", ""]), max_size=4, unique=True))
    wires = st.from_regex(r"[ab]\.(output|left|after) -> [ab](\.(text|values|after|labels))?", fullmatch=True)
    return {
        "canevas": maybe(st.just(1)),
        "name": maybe(text),
        "steps": maybe(st.just({name: maybe(st.just(step)) for name in names})),
        "edges": maybe(st.lists(wires, max_size=4)),
        "layout": maybe(st.just({name: [1, 2] for name in names[:2]})),
        "notes": maybe(st.just({})),
    }
