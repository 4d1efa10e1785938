"""One server for the tests of a module."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.serving.stage import Stage, staged


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage() -> AsyncIterator[Stage]:
    """An API with nothing deployed; each test deploys its own flows under slugs of their own."""
    async with staged(max_body=10_000) as made:
        yield made
