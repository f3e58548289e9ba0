"""Vectors and scores made of the words of texts, for a provider without a model."""

from __future__ import annotations

import math
import zlib


def score_of_words(prefix: str, text: str) -> float:
    """How likely a text is after a prefix: each of its words costs 1 where the prefix has it, and 4 where not."""
    known = set(prefix.lower().split())
    return -sum(1.0 if word in known else 4.0 for word in text.lower().split() or [text])


def vector_of_words(text: str, length: int = 16) -> tuple[float, ...]:
    """A vector of length 1 made of a text's words: the same in every run, and of a text without words too."""
    counts = [0.0] * length
    for word in text.lower().split() or [text]:
        counts[zlib.crc32(word.encode("utf-8", "surrogatepass")) % length] += 1
    norm = math.hypot(*counts)
    return tuple(count / norm for count in counts)
