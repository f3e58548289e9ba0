"""An answer that must satisfy a JSON schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from llmspell.errors import InvalidAnswer
from llmspell.providers.contract import FinishReason
from llmspell.providers.schemas import violations

_FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


def parse_answer(text: str, schema: Mapping[str, Any], reason: FinishReason) -> Any:
    """Parse an answer and check it against its schema, as `check_schema` gave it.

    Where nothing held the model to JSON it likes to say something beside it. That is passed over if nothing can be
    lost: the JSON stands in the only fenced block, or runs from the first bracket to the end.

    Raises:
        InvalidAnswer: the text is no JSON, was cut off, or breaks the schema; it is in ``partial``.
    """
    try:
        data = _parsed(text)
    except (ValueError, RecursionError) as error:
        if reason == "length":
            raise InvalidAnswer(
                _CUT_OFF,
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


def complaint(error: InvalidAnswer) -> str:
    """What the model is told of its answer when it is asked for another one."""
    if error.violations:
        wrong = "\n".join(f"- {line}" for line in error.violations)
        return f"Your answer doesn't fit the JSON schema:\n{wrong}\nAnswer again, with JSON that fits and nothing else."
    how = "Answer again in fewer words" if error.message == _CUT_OFF else "Answer again"
    return f"Your answer can't be used: {error.message}. {how}, with complete JSON and nothing else."


_CUT_OFF = "the answer was cut off before its JSON was complete"
_HINT = "say in the prompt what each property is to hold, or take a larger model"


def _parsed(text: str) -> Any:
    try:
        return _loads(text)
    except ValueError:
        inner = _inner(text)
        if inner is None:
            raise
        return _loads(inner)


def _inner(text: str) -> str | None:
    """The part of a text that is its JSON, if there is no doubt about it."""
    blocks = _FENCED.findall(text)
    if blocks:
        return blocks[0] if len(blocks) == 1 else None
    begins = _BRACKET.search(text)
    return text[begins.start() :] if begins and begins[0] in "{[" else None


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_no_number)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
