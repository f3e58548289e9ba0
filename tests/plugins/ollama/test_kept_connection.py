"""One connection serves one chat after the other."""

import asyncio

from replay import answer

from llmspell import ChatRequest, Finish, Message, ModelRef
from llmspell_ollama.provider import OllamaProvider

HELLO = ChatRequest(ModelRef("smollm2"), (Message("user", "Hello!"),))
DONE = {"model": "smollm2", "message": {"role": "assistant", "content": "Hi."}, "done": True, "done_reason": "stop"}


def finishes(replay, count):
    """How each of so many chats ends, one after the other."""

    async def run():
        provider = OllamaProvider({"host": replay.url, "context_length": 0})
        events = [event for _ in range(count) async for event in provider.chat(HELLO)]
        await provider.aclose()
        return [event.reason for event in events if isinstance(event, Finish)]

    return asyncio.run(run())


def test_further_chats_use_the_first_ones_connection(replay):
    replay.play("chat-stream", "chat-length", "chat-stream")
    assert finishes(replay, 3) == ["stop", "length", "stop"]
    assert len({request.connection for request in replay.requests}) == 1


def test_an_answer_that_is_whole_counts_where_its_connection_isn_t_ended(replay):
    replay.play(*(answer("POST", "/api/chat", DONE, end=end) for end in ("hang", "truncate", "reset")))
    assert finishes(replay, 3) == ["stop", "stop", "stop"]
