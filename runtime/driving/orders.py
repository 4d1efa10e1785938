"""What is carried of a run outside the journal: its name, where it waits for a worker, and from when on."""

from dataclasses import dataclass
from typing import Self

from runtime.driving.lines import line
from runtime.interpreter.driver import Rest
from runtime.interpreter.journal import RunRecord

NEVER = 1e11  # A time that does not come; infinity is no JSON.
PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)  # Seconds before a run that could not go on is tried again.


@dataclass(frozen=True, slots=True)
class Order:
    """Drive this run, from `due` on (seconds since the epoch; 0: now).

    line: see `lines.py`. priority: -2 to 2, the higher the sooner. patience: seconds without a sign of life from the
    worker until another one gets the run.
    """

    workspace: str
    run: str
    line: str
    priority: int
    due: float
    patience: float

    @classmethod
    def told(cls, record: RunRecord, patience: float) -> Self:
        """For a run of which somebody says that there is something to do: at once, unless it is queued for later."""
        return cls._of(record, record.due if record.state == "queued" else None, patience)

    @classmethod
    def found(cls, record: RunRecord, patience: float) -> Self:
        """For a run that was found unfinished: one that waits goes on when its time comes, and not before."""
        return cls._of(record, {"queued": record.due, "waiting": record.wake}.get(record.state), patience)

    @classmethod
    def _of(cls, record: RunRecord, due: float | None, patience: float) -> Self:
        where = line(record.queue, record.labels)
        return cls(record.workspace, record.id, where, record.priority, due or 0.0, patience)

    @property
    def key(self) -> tuple[str, str]:
        """The run's name."""
        return self.workspace, self.run


def moved(record: RunRecord) -> float:
    """When a run should have moved last, by what stands in the journal: it began its state, or its time came."""
    began = record.started if record.since is None else record.since
    return max(began, Order.found(record, 0.0).due)


def again(rest: Rest, now: float, idle: int) -> tuple[float, int]:
    """When a run that rests is to be driven again, and how often in a row its segment came to nothing (`idle`).

    The pauses grow with that: a run that nobody here can drive must not keep the workers busy.
    """
    at = rest.until if rest.until is not None else now if rest.state == "queued" else NEVER
    idle = idle + 1 if rest.why or at <= now else 0
    pause = PAUSES[min(idle if rest.why else max(idle - 1, 0), len(PAUSES) - 1)]
    return max(at, now + pause), idle
