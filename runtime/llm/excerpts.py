"""Answers made of the request's own sentences: what the built-in model says when a text is given to say it from.

The demo model invents facts: asked how to return shoes, with the shop's rule before its eyes, it named a phone number
that nobody has, and its French is no French. The rule itself is the better answer, in whatever language it is.
"""

from collections.abc import Awaitable, Callable, Sequence

from runtime.graph.messages import ModelRequest
from runtime.llm.chatml import clipped
from runtime.llm.passages import content_lines, plain, sentences, unlabelled, wants_grounding, wants_summary
from runtime.memory.similarity import centre, nearest

Embed = Callable[[Sequence[str]], Awaitable[list[list[float]]]]

_MOST = 2  # sentences an answer
_READ = 12_000  # characters of a message; more sentences would take seconds to compare
_WHOLE = 220  # characters; what is as short as that needs no shortening


async def excerpt(request: ModelRequest, embed: Embed) -> str:
    """The sentences that answer the request; empty when it asks for something else or gives no text."""
    told = clipped("\n".join(message.text for message in request.messages[-1:]), _READ)
    instructions = f"{request.system}\n{_opening(told)}"
    if wants_summary(instructions):
        return await _summary(content_lines(told) or content_lines(request.system), embed)
    if wants_grounding(f"{request.system}\n{told}"):
        return await _answer(request.system, told, embed)
    return ""


def _opening(text: str) -> str:
    """The first and last line: where an instruction stands that comes together with its text."""
    lines = plain(text).splitlines()
    return "\n".join({lines[0][:200], lines[-1][-200:]}) if lines else ""


async def _summary(lines: list[str], embed: Embed) -> str:
    """The sentences nearest to the middle of all, in their order."""
    text = "\n".join(lines)
    parts = [part for part in sentences(text) if len(part.split()) > 3]
    if len(text) <= _WHOLE or len(parts) <= _MOST:
        return " ".join(lines)
    vectors = await embed(parts)
    chosen = sorted(match.index for match in nearest(centre(vectors), vectors, _MOST))
    return " ".join(parts[index] for index in chosen)


async def _answer(system: str, told: str, embed: Embed) -> str:
    """What stands in the given text about the last question."""
    lines = plain(told).splitlines()
    asked = [line for line in lines if "?" in line][-1:] or lines[-1:]
    if not asked:
        return ""
    question = unlabelled(asked[0])
    given = [line for line in content_lines(f"{system}\n{told}") if line not in (asked[0], question)]
    given = [line for line in given if len(line.split()) > 3]
    if not given:
        return ""
    vectors = await embed([question, *given])
    best = nearest(vectors[0], vectors[1:])[0].index
    parts = [part for part in sentences(unlabelled(given[best])) if not part.endswith("?")]
    if len(parts) <= _MOST:
        return " ".join(parts) or given[best]
    vectors = await embed([question, *parts])
    chosen = sorted(match.index for match in nearest(vectors[0], vectors[1:], _MOST))
    return " ".join(parts[index] for index in chosen)
