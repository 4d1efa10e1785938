"""The lines in which runs wait for workers: which line a run stands in, and which lines a worker serves."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from urllib.parse import quote

from runtime.errors import OperatorError

DEFAULT = "default"
MOST_LABELS = 4


def line(queue: str, labels: Iterable[str]) -> str:
    """The name of the line for runs of a queue that ask for these labels; no queue is the queue `default`.

    Two different answers never have one name: what the names are joined with is quoted in them.
    """
    return "+".join((f"canevas:{_quoted(queue or DEFAULT)}", *(_quoted(label) for label in sorted(set(labels)))))


def served(queues: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """Every line that a worker with these labels may take runs from, with the queue that it belongs to.

    A run asks for some of the labels that there are, so a worker serves each subset of its own: 2^labels lines a
    queue. Raises OperatorError for more labels than that is sensible for.
    """
    own = sorted(set(labels))
    if len(own) > MOST_LABELS:
        raise OperatorError(
            what=f"A worker can have {MOST_LABELS} labels, this one was given {len(own)}: {', '.join(own)}",
            where="canevas worker",
            mend="Give it fewer labels, or start a second worker with the others.",
        )
    subsets = [subset for size in range(len(own) + 1) for subset in combinations(own, size)]
    return {line(queue, subset): queue or DEFAULT for queue in queues or (DEFAULT,) for subset in subsets}


def _quoted(name: str) -> str:
    return quote(name, safe=" ")
