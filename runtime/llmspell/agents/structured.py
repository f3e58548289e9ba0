"""An answer that must satisfy a JSON schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmspell.errors import InvalidAnswer
from llmspell.providers.contract import FinishReason
from llmspell.providers.schemas import violations


def parse_answer(text: str, schema: Mapping[str, Any], reason: FinishReason) -> Any:
    """Parse an answer and check it against its schema, as `check_schema` gave it.

    Raises:
        InvalidAnswer: the text is no JSON, was cut off, or breaks the schema; it is in ``partial``.
    """
    try:
        data = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if reason == "length":
            raise InvalidAnswer(
                "the answer was cut off before its JSON was complete",
                partial=text,
                hint="raise max_tokens, or bound the schema's texts and lists with maxLength and maxItems",
            ) from error
        raise InvalidAnswer(f"the answer is no JSON: {error}", partial=text, hint=_HINT) from error
    broken = tuple(violations(data, schema))
    if broken:
        raise InvalidAnswer(
            f"the answer breaks the schema: {'; '.join(broken)}", partial=text, violations=broken, hint=_HINT
        )
    return data


_HINT = "try again; a larger model, or a description for each property, helps"


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
