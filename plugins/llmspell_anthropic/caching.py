"""Marks for the server's cache of prompts: https://platform.claude.com/docs/en/build-with-claude/prompt-caching.

What stands before a mark is kept, and costs a tenth when the next request begins alike. A request has four: after the
tools, after the system prompt, and at the ends of the last two turns of the user, so that a conversation finds again
what it had the time before. Prompts below a thousand tokens or so the server doesn't keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell_anthropic.settings import Lifetime


def mark(body: Mapping[str, Any], lifetime: Lifetime) -> None:
    """Put the marks into a body that nobody else has."""
    control: dict[str, Any] = {"type": "ephemeral"}
    if lifetime != "5m":
        control["ttl"] = lifetime
    asked = [turn["content"] for turn in body["messages"] if turn["role"] == "user"]
    for blocks in (body.get("tools"), body.get("system"), *asked[-2:]):
        if blocks:
            blocks[-1] = {**blocks[-1], "cache_control": control}
