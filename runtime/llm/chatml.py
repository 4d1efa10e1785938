"""Prompts in the form that SmolLM2 was trained on, shortened to fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.graph.messages import Message


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is to read."""

    system: str
    messages: Sequence[Message]

    def rendered(self, characters: int, begun: str = "") -> str:
        """The prompt as text, with about `characters` of its own words. begun: how the answer already begins."""
        system = clipped(self.system, characters // 3)
        room = characters - len(system)
        turns: list[Message] = []
        for message in reversed(self.messages):
            # The newest turn counts most; older ones come along while there is room for all they say.
            if turns and len(message.text) > room:
                break
            text = clipped(message.text, room) if message.text.strip() else "(no text)"
            room -= len(text)
            turns.append(Message(message.role, text))
        marked = [_turn("system", system), *(_turn(each.role, each.text) for each in reversed(turns))]
        return "".join(marked) + f"<|im_start|>assistant\n{begun}"


def clipped(text: str, characters: int) -> str:
    """A long text's start and end: requests open and close a message, what lies between is mostly told story."""
    if len(text) <= characters:
        return text
    start, end = characters * 2 // 3, characters // 3
    return f"{text[:start]} […] {text[len(text) - end :]}"


def _turn(role: str, text: str) -> str:
    # Whoever writes `<|im_end|>` into a message must not end the turn with it.
    harmless = text.replace("<|", "< |").encode(errors="replace").decode()
    return f"<|im_start|>{role}\n{harmless}<|im_end|>\n"
