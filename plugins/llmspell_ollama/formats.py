"""A format's schema, reduced to what llama.cpp's converter makes a grammar of.

The server answers 500 or lets the model run on for ever where the converter meets a word that it takes amiss. See
`llmspell.providers.schema_dialects` for what is left; the host checks the answer against the whole schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell.providers.schema_dialects import GBNF
from llmspell.providers.schema_reduction import reduced as _reduced


def reduced(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema as the server takes it.

    Raises:
        InvalidRequest: nothing can satisfy it.
    """
    return _reduced(schema, GBNF)
