"""Meaning as numbers: the built-in sentence encoder, on this machine, for sixteen languages in one space.

The Universal Sentence Encoder Multilingual (512 numbers a text) was chosen by measuring on the labelled messages of
the tests: 38 of 40 English and 39 of 40 French messages classified right, where MiniLM had 38 and 21 and a 4-bit
multilingual E5 38 and 38 at twenty times the cost. `benchmarks/builtin_models.py` measures it again.
"""

import asyncio
import importlib.util
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime.errors import OperatorError

DIMENSIONS = 512
_LONGEST = 6_000  # characters; the encoder adds up all words, so that beyond this a text means nothing in particular
_BATCH = 64  # texts a trip to the thread, so that a cancelled caller does not wait for thousands
_KEPT = 4_096  # vectors remembered (8 MB): labels, examples and FAQ entries come again in every run
# What a file that is cut off, changed or not there raises while it is read.
_BROKEN = (
    *(ImportError, SyntaxError, OSError, EOFError, ValueError, KeyError, IndexError),
    *(struct.error, zipfile.BadZipFile, zlib.error),
)


class Embeddings:
    """Vectors for texts; the model (about 130 MB) is loaded at the first text and kept.

    home: the folder of the encoder's package, code and weights.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._encoder: Any = None
        self._loading = asyncio.Lock()
        self._vectors: dict[str, list[float]] = {}

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A unit vector of `DIMENSIONS` numbers for each text, an empty one included.

        Raises: OperatorError when the package is missing or broken.
        """
        encoder = await self._loaded()
        asked = [_clipped(text) for text in texts]
        fresh = [text for text in dict.fromkeys(asked) if text not in self._vectors]
        vectors = {text: self._vectors[text] for text in asked if text in self._vectors}
        for start in range(0, len(fresh), _BATCH):
            batch = fresh[start : start + _BATCH]
            vectors |= zip(batch, await asyncio.to_thread(_encoded, encoder, batch), strict=True)
        self._remember(vectors)
        return [vectors[text] for text in asked]

    def _remember(self, vectors: dict[str, list[float]]) -> None:
        for text, vector in vectors.items():
            self._vectors.pop(text, None)  # to the end of the line: the first in it is forgotten first
            self._vectors[text] = vector
        while len(self._vectors) > _KEPT:
            del self._vectors[next(iter(self._vectors))]

    async def _loaded(self) -> Any:
        async with self._loading:
            if self._encoder is None:
                self._encoder = await asyncio.to_thread(_load, self._home)
            return self._encoder


def _load(home: Path) -> Any:
    """The encoder, by the package's own code; it lies beside its weights and not among our dependencies."""
    try:
        module = sys.modules.get(home.name)
        if module is None:
            spec = importlib.util.spec_from_file_location(
                home.name, home / "__init__.py", submodule_search_locations=[str(home)]
            )
            if spec is None or spec.loader is None:
                raise ImportError(f"{home} is no package")
            module = importlib.util.module_from_spec(spec)
            sys.modules[home.name] = module  # before it runs: its parts import each other by this name
            spec.loader.exec_module(module)
        # One thread (by threadpoolctl, where it is installed): those of BLAS wait for each other in a busy loop, which
        # on cores that others use, too, was measured to make a text up to thirty times slower.
        encoder = module.USE(threads=1)
        encoder.encode(["loads the weights"])
        return encoder
    except _BROKEN as error:
        for name in [name for name in sys.modules if name.split(".")[0] == home.name]:
            del sys.modules[name]
        raise OperatorError(
            what=f"The built-in embeddings cannot be loaded: {error}",
            where=str(home),
            mend="Delete that folder and run `canevas weights`.",
        ) from error


def _encoded(encoder: Any, texts: list[str]) -> list[list[float]]:
    import numpy as np  # not at the start: it takes a tenth of a second and ten megabytes

    vectors = np.asarray(encoder.encode(texts), dtype=np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [[float(value) for value in vector] for vector in vectors]


def _clipped(text: str) -> str:
    """The start and the end of a long text, without what no UTF-8 can carry."""
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]} {text[-half:]}"
    return text.encode(errors="replace").decode()
