"""The public API of deployed flows: a plain ASGI application that finds the call, and turns errors into answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from runtime.errors import AuthorError, CallerError, CanevasError
from runtime.graph.catalog import Catalog
from runtime.interpreter.runs import Runs
from runtime.serving.answering import AnswerDesk
from runtime.serving.calls import Answer, Calls, Request
from runtime.serving.deployments import Deployments, Endpoints, Libraries, Ready, always_ready, no_library
from runtime.serving.intake import ClientGone
from runtime.serving.links import AnswerLinks
from runtime.serving.refusals import Refusal
from runtime.serving.replies import refused
from runtime.serving.stream import BEAT
from runtime.settings import Settings

log = logging.getLogger(__name__)

Call = Callable[..., Awaitable[Answer]]


class Api:
    """The application; it sees whole paths that begin with `/api` or `/answer`.

    ready: what keeps a workspace from running a flow now. library: what flows run. links: reads the addresses under
    which people answer without an account. beat: seconds between a silent stream's heartbeats.
    """

    def __init__(
        self,
        deployments: Deployments,
        catalog: Catalog,
        runs: Runs,
        settings: Settings,
        *,
        ready: Ready = always_ready,
        library: Libraries = no_library,
        links: AnswerLinks | None = None,
        beat: float = BEAT,
    ) -> None:
        self._endpoints = Endpoints(deployments, catalog, ready, library)
        self._desk = AnswerDesk(runs, links, settings) if links is not None else None
        calls = Calls(deployments, self._endpoints, runs, settings, beat)
        # By the fixed parts of a path: how many parts it has, and the last fixed one.
        self._routes: dict[tuple[int, str], dict[str, Call]] = {
            (3, "health"): {"GET": calls.health, "HEAD": calls.health},
            (3, "openapi.json"): {"GET": calls.openapi, "HEAD": calls.openapi},
            (4, ""): {"GET": calls.describe, "HEAD": calls.describe},
            (5, "run"): {"POST": calls.run},
            (5, "webhook"): {"POST": calls.webhook, "GET": calls.webhook, "PUT": calls.webhook},
            (6, "runs"): {"GET": calls.state, "HEAD": calls.state, "DELETE": calls.cancel},
            (7, "events"): {"GET": calls.events},
            (8, "answers"): {"POST": calls.answer},
            (8, "values"): {"GET": calls.value},
        }

    def forget(self, slug: str) -> None:
        """To be called when this process deployed, took down, or changed the keys of a slug: the next call sees it.

        What other processes change is seen within a second.
        """
        self._endpoints.forget(slug)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _not_http(scope, receive, send)
            return
        try:
            answer = await self._answer(Request(scope, receive))
        except Refusal as refusal:
            answer = refused(refusal, scope["path"])
        except ClientGone:
            return
        except asyncio.CancelledError:
            # Only a server that stops and has waited long enough does this. The caller is told, and the run recorded.
            stopped = Refusal("not-ready", "The server stopped before the run had ended.", "Ask again in a moment.")
            answer = refused(stopped, scope["path"])
        except CanevasError as error:
            answer = refused(_of_ours(error), scope["path"])
        except Exception:
            # The edge of the process: a stranger gets problem details whatever breaks, the operator reads the log.
            log.exception("%s %s broke", scope["method"], scope["path"])
            broken = Refusal("internal", "The request broke something.", "Ask the operator to look at the log.")
            answer = refused(broken, scope["path"])
        await answer.give(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        # The path of a step has slashes; whether they came encoded cannot be seen any more.
        parts = request.path.split("/", 7)
        if parts[1:2] == ["answer"] and len(parts) == 3 and self._desk is not None:
            return await self._desk.answer(request, parts[2])
        methods = self._routes.get(_shape(parts))
        if methods is None:
            raise Refusal(
                "unknown-path",
                f"Nothing is at `{request.path[:200]}`.",
                "Look at `/api/openapi.json` for what there is.",
            )
        call = methods.get(request.method)
        if call is None:
            allowed = ", ".join(methods)
            raise Refusal(
                "method-not-allowed",
                f"`{request.method[:20]}` is not taken here.",
                f"Use {allowed}.",
                headers=[(b"allow", allowed.encode())],
            )
        return await call(request, *parts[3:8:2])


def _shape(parts: list[str]) -> tuple[int, str]:
    """`/api/flows/{}/runs/{}/events` is (7, events)."""
    count = len(parts)
    if parts[1:2] != ["api"] or count < 3 or (count > 3 and parts[2] != "flows") or (count > 6 and parts[4] != "runs"):
        return 0, ""
    if count == 3:
        return 3, parts[2]
    return count, "" if count == 4 else parts[4] if count < 7 else parts[6]


def _of_ours(error: CanevasError) -> Refusal:
    """An error below the API, by who must act."""
    if isinstance(error, CallerError):
        return Refusal("invalid-input", f"{error.what}.", error.mend)
    if isinstance(error, AuthorError):
        return Refusal("not-ready", f"{error.what}.", error.mend)
    log.error("%s", error)
    return Refusal("not-ready", f"{error.what}.", "Try again in a moment; if it stays so, tell the operator.")


async def _not_http(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000})
    elif scope["type"] == "lifespan":
        while True:
            kind: Any = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
