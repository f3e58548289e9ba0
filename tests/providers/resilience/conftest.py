"""A chat with all that is told of it beside its events."""

from dataclasses import dataclass, field

import pytest

from llmspell.errors import LLMSpellError
from llmspell.providers.contract import Message, Notice, TextDelta

FAST = "[requests]\nfirst_wait = 0.001\n"


@dataclass
class Told:
    """What one chat said: the text, the error, the attempts as (model, error's type), the notices."""

    text: str = ""
    error: Exception | None = None
    attempts: list = field(default_factory=list)
    notices: list = field(default_factory=list)

    @property
    def went(self):
        return [(f"{a.provider}/{a.model}", a.error and a.error.type) for a in self.attempts]


@pytest.fixture
def ask():
    """``await ask(hub, "fake/model", fallback=…, timeouts=…)``: a chat, whatever becomes of it."""

    async def ask(hub, spec="fake/model", text="go", **more):
        told = Told()
        hub.on_event = lambda about, event: told.notices.append(event.text) if isinstance(event, Notice) else None
        try:
            async for event in hub.chat(spec, [Message("user", text)], on_attempt=told.attempts.append, **more):
                if isinstance(event, TextDelta):
                    told.text += event.text
        except LLMSpellError as error:
            told.error = error
        return told

    return ask


@pytest.fixture
def fast_hub(make_hub):
    """`make_hub` whose waits are milliseconds, of cloud providers."""

    def fast_hub(*given, toml="", kind="cloud"):
        return make_hub(*given, toml=FAST + toml, kind=kind)

    return fast_hub
