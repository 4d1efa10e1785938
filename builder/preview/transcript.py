"""A chat in the preview: the turns so far, and the history that the next message carries; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from builder.preview.inspected import SHOWN
from builder.preview.overlay import RunTrace
from runtime.graph.values import as_text


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said. state: `streaming` while it comes, `waiting` while the run waits for a person or a time, `failed`
    when the run gave none. note: who answered.

    step: at which it failed, where one did. mend: what to do about it. cut: how many characters are not in the text.
    """

    role: Literal["user", "assistant"]
    text: str
    state: Literal["done", "streaming", "waiting", "failed"] = "done"
    note: str = ""
    step: str = ""
    mend: str = ""
    cut: int = 0


Transcript = tuple[Turn, ...]
_ROLES = ("user", "assistant")


def ask(transcript: Transcript, message: str) -> Transcript:
    """The transcript after a person's message, waiting for the answer."""
    return (*transcript, Turn("user", message), Turn("assistant", "", "streaming"))


def recalled(given: Mapping[str, Any]) -> Transcript:
    """The transcript that a run answers, from what it was given; the other way round: `history`."""
    said = given.get("history")
    before = [turn for turn in said if isinstance(turn, dict)] if isinstance(said, list) else []
    turns = [Turn(turn["role"], str(turn.get("text", ""))) for turn in before if turn.get("role") in _ROLES]
    return ask(tuple(turns), str(given.get("message", "")))


def asked_again(transcript: Transcript) -> Transcript:
    """The transcript while its last question is answered anew."""
    if not transcript or transcript[-1].role != "assistant":
        return transcript
    return (*transcript[:-1], Turn("assistant", "", "streaming"))


def answer(transcript: Transcript, trace: RunTrace) -> Transcript:
    """The transcript with its last turn as the run stands: what streams, the answer, or the failure."""
    if not transcript or transcript[-1].role != "assistant":
        return transcript
    last = transcript[-1]
    match trace.state:
        case "done":
            made = replace(last, text=readable(trace.output), state="done", note=_models(trace))
        case "failed":
            why, mend = (trace.failure.what, trace.failure.mend) if trace.failure is not None else ("", "")
            made = replace(last, text=why, state="failed", step=trace.failed_step.rpartition("/")[2], mend=mend)
        case "cancelled":
            made = replace(last, state="failed")
        case "waiting":
            made = replace(last, text="", state="waiting")
        case _:
            streaming = trace.step(trace.streaming) if trace.streaming else None
            made = replace(last, text=streaming.text if streaming is not None else last.text, state="streaming")
    return (*transcript[:-1], made)


def abridged(transcript: Transcript) -> list[Turn]:
    """The turns as a page shows them: of a long one its beginning, or, while it streams, its end."""
    return [_short(turn) if len(turn.text) > SHOWN else turn for turn in transcript]


def _short(turn: Turn) -> Turn:
    part = slice(-SHOWN, None) if turn.state == "streaming" else slice(SHOWN)
    return replace(turn, text=turn.text[part], cut=len(turn.text) - SHOWN)


def history(transcript: Transcript) -> list[dict[str, str]]:
    """The turns that went well, as a chat start takes them."""
    return [{"role": turn.role, "text": turn.text} for turn in transcript if turn.state == "done"]


def readable(output: Any) -> str:
    """A run's answer as a person reads it: its text where it has one, else JSON."""
    if isinstance(output, dict) and isinstance(output.get("text"), str):
        return str(output["text"])
    return as_text(output)


def _models(trace: RunTrace) -> str:
    names = dict.fromkeys(
        f"{step.model} (demo)" if step.demo else step.model for step in trace.whole.walk() if step.model
    )
    return ", ".join(names)
