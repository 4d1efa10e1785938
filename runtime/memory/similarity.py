"""Which vectors are alike: nearest entries and nearest classes; pure functions over unit vectors.

Vectors come from `llm.embed` and have length one, so a cosine is a sum of products. numpy is imported where it
computes: a process that compares nothing starts without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class Match:
    """index: of the entry in the list that was searched. score: the cosine, -1 to 1, higher is nearer."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """label: a class. score: the cosine to its centre. share: how sure, 0 to 1; all classes add up to 1."""

    label: str
    score: float
    share: float


# Turns cosines into shares. With 25, the mean share of the first class is about how often it is right on the labelled
# messages of the tests: 0.67 for 0.64 with bare names, 0.82 for 0.86 with descriptions, 0.92 for 0.96 with examples.
_SHARPNESS = 25.0


def nearest(query: Vector, entries: Sequence[Vector], count: int = 1) -> list[Match]:
    """The `count` entries most like the query, best first; fewer when there are fewer entries."""
    if not entries or count < 1:
        return []
    import numpy as np

    scores = np.asarray(entries, dtype=np.float64) @ np.asarray(query, dtype=np.float64)
    best = np.argsort(-scores, kind="stable")[:count]
    return [Match(int(index), float(scores[index])) for index in best]


def centre(vectors: Sequence[Vector]) -> list[float]:
    """The unit vector in the middle of these: what a class looks like, from its examples."""
    import numpy as np

    total = np.asarray(vectors, dtype=np.float64).sum(axis=0)
    length = float(np.linalg.norm(total))
    # Vectors that cancel out have no middle; any one of them is as good an answer.
    middle = total / length if length > 1e-9 else np.asarray(vectors[0])
    return [float(value) for value in middle]


def classified(query: Vector, classes: Mapping[str, Sequence[Vector]]) -> list[Verdict]:
    """How near the query is to each class, best first.

    classes: for each label the vectors of whatever says what it means: its name, description and examples, one
    vector each. The centre of a class is compared and not its nearest member: on the labelled messages that was
    right 77 times of 80, the nearest member 71 times.
    """
    if not classes:
        return []
    import numpy as np

    labels = list(classes)
    scores = np.asarray([centre(vectors) for vectors in classes.values()]) @ np.asarray(query, dtype=np.float64)
    weights = np.exp(_SHARPNESS * (scores - scores.max()))
    shares = weights / weights.sum()
    best = np.argsort(-scores, kind="stable")
    return [Verdict(labels[i], float(scores[i]), float(shares[i])) for i in best]
