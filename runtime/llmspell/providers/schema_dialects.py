"""A schema, reduced to what a maker of grammars holds an answer to.

Such a converter gives up a whole schema, or crashes, or lets the model run on for ever, for one word that it takes
amiss. So a provider sends what the converter of its engine honours, its `Dialect`, and the host checks the answer
against the schema as it was given. What is left out makes the grammar wider, never narrower, with exceptions that
keep a small model from running on: objects with properties have no others unless the schema says so, texts, lists and
numbers without a bound get a wide one, and what has ``properties`` or ``items`` is an object or a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from llmspell.providers.schema_patterns import regular, spelled_out
from llmspell.providers.schema_words import TYPES

MAX_LENGTH: Final = 4000
MAX_ITEMS: Final = 200
MAX_INTEGER: Final = 2**53 - 1
MAX_NUMBER: Final = 1e15

BASIC: Final = frozenset({"type", "properties", "required", "additionalProperties", "items"})
"""Words that every dialect has, beside ``enum``, ``const``, ``anyOf`` and ``$ref``."""
_COUNTED: Final = frozenset({"minLength", "maxLength", "minItems", "maxItems", "prefixItems", "pattern", "format"})
_NUMBERS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a maker of grammars honours.

    ``words`` are those beside `BASIC`. ``formats`` maps those of texts to the greatest length that is put beside one,
    None where it has an end. ``pattern`` gives a pattern as it is taken, or None. Bounds of texts and lists above
    ``repetitions`` are left out. ``max_integer`` bounds whole numbers, ``decimals`` the digits behind the point of
    others, which are below `MAX_NUMBER` then; None where the grammar has an end for them. ``tuples`` says whether
    ``items`` may stand beside ``prefixItems``, or those are all there are. ``anything`` is the schema of any value.
    """

    words: frozenset[str]
    formats: Mapping[str, int | None]
    pattern: Callable[[str], str | None]
    max_length: int = MAX_LENGTH
    max_items: int = MAX_ITEMS
    repetitions: int | None = None
    max_integer: int | None = MAX_INTEGER
    decimals: int | None = 9
    tuples: Literal["open", "closed"] = "open"
    anything: Mapping[str, Any] = field(default_factory=dict)


LLGUIDANCE: Final = Dialect(
    words=_COUNTED | _NUMBERS | {"patternProperties", "minProperties", "maxProperties"},
    formats={
        **dict.fromkeys(("date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6")),
        "email": 100,
        "hostname": 100,
    },
    pattern=regular,
)
"""llguidance, https://github.com/guidance-ai/llguidance, docs/json_schema.md."""

GBNF: Final = Dialect(
    words=_COUNTED | _NUMBERS,  # bounds of numbers with a fraction have no effect
    formats=dict.fromkeys(("date", "time", "date-time", "uuid")),
    pattern=spelled_out,
    max_length=2000,
    repetitions=2000,
    max_integer=None,  # sixteen digits before the point, and behind it
    decimals=None,
    tuples="closed",
    anything={"type": [kind for kind in TYPES if kind != "integer"]},  # {} is any object
)
"""llama.cpp's own converter, https://github.com/ggml-org/llama.cpp, common/json-schema-to-grammar.cpp."""
