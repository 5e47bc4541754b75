"""How well alike headlines are told from others, on pairs that people judged; `python -m tests.corpus_dedup` prints it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from digest.compose.likeness import DUPLICATE, SAME_STORY, Vocabulary, similarity
from digest.compose.words import terms

PAIRS = Path(__file__).parents[1] / "../shared/corpus/dedup/headline_pairs.jsonl"

Pair = tuple[str, str, float]


def pairs() -> list[Pair]:
    """Two headlines, and how alike people found them: 0 to 5."""
    rows = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    return [(row["a"], row["b"], row["score"]) for row in rows]


def f1(found: Sequence[bool], wanted: Sequence[bool]) -> float:
    """The harmonic mean of precision and recall."""
    both = sum(a and b for a, b in zip(found, wanted, strict=True))
    return 2 * both / (sum(found) + sum(wanted)) if both else 0.0


def scores() -> tuple[float, float]:
    """F1 for duplicates (4 and up) and for the same story (3 and up), with the pairs' own titles as vocabulary."""
    found = pairs()
    vocabulary = Vocabulary.of(terms(title) for a, b, _ in found for title in (a, b))
    likeness = [similarity(a, b, vocabulary) for a, b, _ in found]
    judged = [score for _, _, score in found]
    return (
        f1([each >= DUPLICATE for each in likeness], [score >= 4 for score in judged]),
        f1([each >= SAME_STORY for each in likeness], [score >= 3 for score in judged]),
    )


def main() -> None:
    """Print the figures."""
    if not PAIRS.is_file():
        print("headline pairs: not at hand")  # noqa: T201
        return
    duplicates, same = scores()
    print(f"headline pairs: duplicates F1 {duplicates:.3f} (floor 0.66), same story F1 {same:.3f} (floor 0.75)")  # noqa: T201


if __name__ == "__main__":
    main()
