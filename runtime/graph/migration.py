"""Older flows in today's shape: each step's settings brought to its node's version, with a report before any save."""

from dataclasses import dataclass
from typing import Literal

from runtime.errors import AuthorError
from runtime.graph.catalog import Catalog
from runtime.graph.flow import Flow, Step
from runtime.graph.node import Node

Verdict = Literal["safe", "review", "blocked"]


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of an older step. safe: its settings are valid now. review: have a look. blocked: kept as it was."""

    step: str
    kind: str
    from_version: int
    to_version: int
    verdict: Verdict
    detail: str = ""


def migrate(flow: Flow, catalog: Catalog) -> tuple[Flow, list[Migrated]]:
    """The flow with every older step migrated, and what was done; the flow itself when nothing was older."""
    steps = dict(flow.steps)
    report = []
    for name, step in flow.steps.items():
        node_class = catalog.get(step.kind)
        if node_class is not None and step.version < node_class.version:
            steps[name], entry = _migrate_step(name, step, node_class)
            report.append(entry)
    return (flow.model_copy(update={"steps": steps}) if report else flow), report


def _migrate_step(name: str, step: Step, node_class: type[Node]) -> tuple[Step, Migrated]:
    versions = (step.version, node_class.version)
    try:
        config = node_class.migrate(dict(step.config), step.version)
    except AuthorError as error:
        return step, Migrated(name, step.kind, *versions, "blocked", error.what)
    strange = sorted(set(config) - set(node_class.model_fields))
    detail = f"unknown settings: {', '.join(strange)}" if strange else ""
    made = step.model_copy(update={"config": config, "version": node_class.version})
    return made, Migrated(name, step.kind, *versions, "review" if strange else "safe", detail)
