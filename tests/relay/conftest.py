"""Every test here that asks for a `station` runs on each kind of relay."""

from collections.abc import AsyncIterator

import pytest

from tests.relay.stations import Station
from tests.servers.nats import nats
from tests.servers.postgres import postgres, postgres_url
from tests.servers.valkey import valkey

__all__ = ["nats", "postgres", "postgres_url", "valkey"]

URLS = {"postgresql": "postgres_url", "valkey": "valkey", "nats": "nats"}


def url_of(request: pytest.FixtureRequest, kind: str) -> str:
    found = request.getfixturevalue(URLS[kind]) if kind in URLS else ""
    return found if isinstance(found, str) else str(found.url)


@pytest.fixture(params=["local", *URLS])
async def station(request: pytest.FixtureRequest) -> AsyncIterator[Station]:
    made = Station.of(request.param, url_of(request, request.param))
    yield made
    await made.close()


@pytest.fixture(params=list(URLS))
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Station]:
    """Those with a server between."""
    made = Station.of(request.param, url_of(request, request.param))
    yield made
    await made.close()
