"""What an import tells the person: what is wrong with the file, or what was done to older steps; pure."""

from collections.abc import Iterable
from typing import Any, TypedDict

from runtime.graph.migration import Migrated
from runtime.graph.problems import MESSAGES, Problem

SHOWN = 50  # problems of one file; who has more mends those first


class ProblemLine(TypedDict):
    """One thing wrong. line: of the file, 0 when no line is known. step: empty when it is about no step.

    what, mend: English templates of the catalogue. values: fill their braces.
    """

    line: int
    step: str
    what: str
    mend: str
    values: dict[str, Any]


class MigratedLine(TypedDict):
    """One older step. verdict: safe, review or blocked. detail: what to look at."""

    step: str
    versions: str
    verdict: str
    detail: str


def problem_line(problem: Problem) -> ProblemLine:
    """A problem of a file in the words of the catalogue."""
    _, what, mend = MESSAGES[problem.code]
    values = {"field": problem.field, "edge": problem.edge, "step": problem.step, **problem.params}
    return ProblemLine(line=int(values.get("line", 0)), step=problem.step, what=what, mend=mend, values=values)


def migrated_lines(report: Iterable[Migrated]) -> list[MigratedLine]:
    """What became of older steps, those that need a person first."""
    urgent = {"blocked": 0, "review": 1, "safe": 2}
    return [
        MigratedLine(
            step=entry.step,
            versions=f"{entry.kind} {entry.from_version} → {entry.to_version}",
            verdict=entry.verdict,
            detail=entry.detail,
        )
        for entry in sorted(report, key=lambda entry: urgent[entry.verdict])
    ]
