"""`reflex run` for whoever develops the interface: pages on one port, events and sign-in on another."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from reflex.utils.exec import is_prod_mode
from reflex_base.config import get_config
from starlette.types import ASGIApp

from builder.backend import Backend
from builder.gate import Address, Gate
from builder.guard import Guard

if TYPE_CHECKING:
    from runtime.assembly import Runtime

Opening = AbstractAsyncContextManager[None]


def gated(guard: Guard) -> Callable[[ASGIApp], ASGIApp]:
    """Puts the gate before Reflex's events; in production `site.py` puts it before everything."""

    def around(inside: ASGIApp) -> ASGIApp:
        return inside if is_prod_mode() else Gate(inside, guard, _address(), "", home=_pages())

    return around


def opened(guard: Guard, runtime: Callable[[], AbstractAsyncContextManager["Runtime"]]) -> Callable[[], Opening]:
    """Opens what `canevas up` opens in production, and prints a link."""

    @asynccontextmanager
    async def developing() -> AsyncIterator[None]:
        if is_prod_mode():
            yield
            return
        async with runtime() as open_one:
            guard.sessions, guard.backend = open_one.people, Backend(open_one, _address().url)
            token = await open_one.people.new_link(await open_one.people.ensure_owner())
            print(f"Sign in with  http://localhost:{_address().port}/enter?token={token}", flush=True)
            yield

    return developing


def _address() -> Address:
    return Address("localhost", get_config().backend_port or 8000, _pages())


def _pages() -> str:
    return get_config().deploy_url or ""
