"""The one explicit list of nodes; packages outside add theirs by entry points of the group `canevas.nodes`."""

import logging
from importlib.metadata import entry_points

from nodes.bodies import ForEach, Parallel, Repeat, Try
from nodes.data import Gather, JoinTexts, SetValues, Template
from nodes.flows import SubFlow
from nodes.http import HttpRequest
from nodes.joins import Join
from nodes.lists import Aggregate, Filter, Split
from nodes.logic import Answer, If, StopWithError, Switch
from nodes.meaning import Classify, FindEntry
from nodes.models import LLM
from nodes.people import AskPerson
from nodes.times import Wait
from nodes.triggers import ApiStart, ChatStart, ScheduleStart, WebhookStart
from runtime.graph.catalog import Catalog
from runtime.graph.node import Node

GROUP = "canevas.nodes"

NODES: tuple[type[Node], ...] = (
    ApiStart,
    ChatStart,
    WebhookStart,
    ScheduleStart,
    LLM,
    Classify,
    FindEntry,
    If,
    Switch,
    Join,
    ForEach,
    Repeat,
    Parallel,
    Try,
    SubFlow,
    Wait,
    StopWithError,
    Answer,
    Template,
    SetValues,
    JoinTexts,
    Gather,
    Filter,
    Split,
    Aggregate,
    HttpRequest,
    AskPerson,
)

_log = logging.getLogger(__name__)


def builtin() -> Catalog:
    """The nodes that come with Canevas."""
    return Catalog(NODES)


def load() -> Catalog:
    """The built-in nodes and those of installed packages. A package that cannot be loaded is logged and left out.

    An entry point of the group `canevas.nodes` names a list of node classes.
    """
    taken = list(NODES)
    for point in entry_points(group=GROUP):
        try:
            more = list(point.load())
            Catalog([*taken, *more])
        except (Exception, SystemExit) as error:  # loading runs a stranger's module, which may do anything
            _log.warning(
                "The nodes of `%s` (%s) are left out: %s: %s", point.name, point.value, type(error).__name__, error
            )
        else:
            taken += more
    return Catalog(taken)
