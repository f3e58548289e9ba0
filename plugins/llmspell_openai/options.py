"""The options of a request: llmspell's names become the server's, and what it can't honour is refused.

Most servers leave out without a word what they don't know, so a name that nobody here knows either is refused. What is
in ``extra_body`` goes into the request as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmspell.errors import InvalidRequest, UnsupportedOption
from llmspell.providers.contract import OPTIONS
from llmspell.providers.requests import check_options, describe, nearest_option
from llmspell_openai.settings import Settings

EXTRA: Final = "extra_body"
_OURS: Final = frozenset({"messages", "model", "stream", "stream_options", "tools", "response_format", "n"})
"""Fields of a request that are no options."""
_STOPS: Final = 4
"""How many stop texts OpenAI takes."""


def read(given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The fields of a request for some options.

    Raises:
        UnsupportedOption: the server has no such option.
        InvalidRequest: a value of the wrong type or out of range.
    """
    endpoint, fields = settings.endpoint, dict[str, Any]()
    checked = check_options(given)
    extra = checked.pop(EXTRA, None)
    takes = endpoint.takes()
    for name, value in checked.items():
        if name in endpoint.missing or (name not in OPTIONS and name not in takes):
            raise UnsupportedOption(name, settings.name, hint=_hint(name, settings))
        if name == "stop" and len(value) > _STOPS and endpoint.name == "openai" and not settings.stranger:
            raise InvalidRequest(f"stop takes at most {_STOPS} texts at {settings.title}, not {len(value)}")
        fields[endpoint.renamed.get(name, name)] = value
    if extra is not None:
        if not isinstance(extra, Mapping):
            raise InvalidRequest(f"{EXTRA} must be a table of fields of the request, not {describe(extra)}")
        if taken := _OURS & set(extra):
            raise InvalidRequest(f"{EXTRA} can't have '{min(taken)}', which llmspell sets itself")
        fields |= extra
    return fields


def _hint(name: str, settings: Settings) -> str:
    if name in settings.endpoint.missing:
        if settings.stranger:
            return (
                f"if the server is one of llama.cpp's, or vLLM, set [providers.{settings.name}] type to "
                f'"llama-server" or "vllm"; {EXTRA} = {{ {name} = … }} sends it as it is'
            )
        return "leave it out"
    if name in settings.endpoint.renamed.values():
        ours = next(ours for ours, theirs in settings.endpoint.renamed.items() if theirs == name)
        return f"llmspell calls it {ours}"
    near = nearest_option(name, *settings.endpoint.takes(), EXTRA)
    meant = f"did you mean '{near}'? " if near and near not in settings.endpoint.missing else ""
    return f"{meant}{EXTRA} = {{ {name} = … }} sends it as it is"
