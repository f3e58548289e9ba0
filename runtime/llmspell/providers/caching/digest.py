"""What makes two requests the same: everything that the answer depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from llmspell.errors import InvalidRequest
from llmspell.plugins.values import CONTRACT
from llmspell.providers.contract import Message
from llmspell.providers.observing import Asked
from llmspell.providers.routing import Route

_FORMAT = 1
"""Counts how often it was changed what goes into a digest."""


def digest(route: Route, configured: Mapping[str, Any], asked: Asked) -> bytes:
    """The SHA-256 of a request: who answers, as it is ``configured``, which model, and all that it is sent.

    Limits of time are no part of it. The order of the keys of schemas is: engines write their answers in that order.

    Raises:
        InvalidRequest: something in the request is no JSON.
    """
    whole = (
        *(_FORMAT, CONTRACT, asked.verb, route.name, sorted(configured.items())),
        *(route.ref.kind, route.ref.id, route.ref.quantization),
        *([_message(message) for message in asked.messages], list(asked.texts)),
        [(tool.name, tool.description, tool.parameters) for tool in asked.tools],
        asked.format,
        sorted(asked.options.items()),
    )
    try:
        return sha256(json.dumps(whole, default=_plain).encode("ascii")).digest()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"a request that holds more than plain values can't be kept: {error}") from error


def _message(message: Message) -> tuple[Any, ...]:
    return (
        message.role,
        message.content,
        [(call.id, call.name, call.arguments) for call in message.tool_calls],
        message.tool_call_id,
        [(image.media_type, sha256(image.data).hexdigest()) for image in message.images],
        message.provider_data,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
