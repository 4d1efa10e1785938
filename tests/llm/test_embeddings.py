"""The built-in embeddings, for real: English and French in one space."""

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.errors import OperatorError
from runtime.llm.models import Models
from runtime.memory.embeddings import DIMENSIONS, Embeddings
from runtime.memory.similarity import classified, nearest
from runtime.settings import Settings
from tests.llm.asking import no_secret

LABELLED: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "labelled.yaml").read_text())


async def classes(models: Models) -> dict[str, list[list[float]]]:
    return {
        label: await models.embed([f"{label}: {said['description']}", *said["examples"]])
        for label, said in LABELLED["labels"].items()
    }


async def test_messages_of_customers_are_classified(models: Models) -> None:
    known, right = await classes(models), {"en": 0, "fr": 0}
    for label, messages in LABELLED["messages"].items():
        for place, vector in enumerate(await models.embed(messages)):
            right["en" if place < 10 else "fr"] += classified(vector, known)[0].label == label
    assert right["en"] >= 37, "measured: 38 of 40"
    assert right["fr"] >= 38, "measured: 39 of 40"


@pytest.mark.parametrize(("entries", "questions"), [("en", "en"), ("fr", "fr"), ("en", "fr"), ("fr", "en")])
async def test_the_right_entry_of_the_faq_is_found(models: Models, entries: str, questions: str) -> None:
    names, texts = list(LABELLED["faq"][entries]), list(LABELLED["faq"][entries].values())
    vectors = await models.embed(texts)
    asked = await models.embed([text for _, text in LABELLED["questions"][questions]])
    found = [names[nearest(vector, vectors)[0].index] for vector in asked]
    right = sum(name == wanted for name, (wanted, _) in zip(found, LABELLED["questions"][questions], strict=True))
    assert right >= 11, f"measured: 11 or 12 of 14; found {found}"


async def test_vectors_have_length_one_whatever_the_text(models: Models) -> None:
    odd = ["", " ", "😀" * 50, "<p>Hello</p>", "a" * 100_000, "half \ud83d", "漢字", "\0", "word " * 20_000]
    vectors = await models.embed(odd)
    assert [len(vector) for vector in vectors] == [DIMENSIONS] * len(odd)
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1.0] * len(odd))
    assert await models.embed([]) == []


async def test_the_same_text_is_the_same_vector_alone_or_in_a_crowd(models: Models, weights: Path) -> None:
    crowd = await models.embed([f"text number {i}" for i in range(200)] + ["Bonjour"])
    other = Models(Settings(weights=weights), no_secret)
    alone = await other.embed(["Bonjour"])
    await other.close()
    assert crowd[-1] == pytest.approx(alone[0], abs=1e-5)


async def test_loaded_once_for_all_who_wait(models: Models) -> None:
    vectors = await asyncio.gather(*(models.embed(["Bonjour", f"{i}"]) for i in range(8)))
    assert all(pair[0] == vectors[0][0] for pair in vectors)


async def test_the_loop_goes_on_while_embedding(models: Models) -> None:
    await models.embed(["load"])
    task = asyncio.create_task(models.embed([f"A rather long sentence, number {i}." for i in range(600)]))
    ticks = 0
    while not task.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert ticks > 10


async def test_broken_weights_are_the_operators_to_mend(tmp_path: Path) -> None:
    home = tmp_path / "usem3_broken"
    home.mkdir()
    (home / "__init__.py").write_text("from .missing import USE\n")
    with pytest.raises(OperatorError, match="cannot be loaded") as caught:
        await Embeddings(home).embed(["Hello"])
    assert "canevas weights" in caught.value.mend
