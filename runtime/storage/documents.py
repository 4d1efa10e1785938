"""Flows as the database keeps them: JSON text on the way in, a checked Flow on the way out."""

import asyncio
import json

from runtime.errors import OperatorError
from runtime.graph.flow import Flow
from runtime.graph.flowfile import from_document


def to_text(flow: Flow) -> str:
    """The flow as JSON text."""
    return flow.model_dump_json()


async def load_flow(text: str, where: str) -> Flow:
    """`to_flow` beside the event loop: ten thousand steps take half a second."""
    return await asyncio.to_thread(to_flow, text, where)


def to_flow(text: str, where: str) -> Flow:
    """The flow back, brought up to today's format.

    Raises: OperatorError when this Canevas cannot read it, because a newer one wrote it or something damaged it.
    """
    try:
        flow, problems = from_document(json.loads(text))
    except ValueError:
        flow, problems = None, []
    if flow is None:
        detail = problems[0].what if problems else "it is no JSON"
        raise OperatorError(
            f"A stored flow cannot be read: {detail}", where, "Update Canevas, or bring the flow back from a backup."
        )
    return flow
