"""The weights of the built-in models, fetched once for all tests, and the models on top of them."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.errors import OperatorError
from runtime.llm import weights as weights_module
from runtime.llm.models import Models
from runtime.settings import Settings
from tests.llm.asking import no_secret

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def weights() -> Path:
    """The shared weights folder; filled here when `make test` did not."""
    folder = Path(os.environ.get("CANEVAS_WEIGHTS") or REPOSITORY / ".canevas" / "weights").absolute()
    try:
        asyncio.run(weights_module.fetch(folder, print))
    except OperatorError as error:
        pytest.fail(f"These tests need the weights of the built-in models in {folder}: {error}")
    return folder


@pytest.fixture
async def models(weights: Path) -> AsyncIterator[Models]:
    """Models with the weights and without any secret."""
    models = Models(Settings(weights=weights), no_secret)
    yield models
    await models.close()
