"""Who may ask the server when: several models at once."""

import asyncio

import pytest
from small_ollama import SmallOllama

from llmspell import ChatRequest, EmbedRequest, Finish, Message, Notice, TextDelta
from llmspell.models.names import parse
from llmspell_ollama.provider import OllamaProvider
from llmspell_ollama.turns import TURN, Turns


async def settle():
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


class Line:
    """Requests that stay at the server until they are let go; ``begun`` is the order in which they came there."""

    def __init__(self, parallel=1):
        self.turns = Turns(parallel)
        self.begun, self.ends, self.tasks = [], {}, {}

    async def ask(self, name, limit=None):
        """The model is the name's first letter."""

        async def hold():
            async with self.turns.turn(name[0], limit):
                self.begun.append(name)
                await self.ends[name].wait()

        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.ensure_future(hold())
        await settle()

    async def end(self, *names):
        for name in names:
            self.ends[name].set()
            await self.tasks[name]
            await settle()

    async def run_out(self):
        """End one after the other what has begun, and give the order of all."""
        for name in self.begun:  # grows
            await self.end(name)
        return self.begun


def test_requests_of_one_model_go_together():
    async def council():
        line = Line()
        for name in ("a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3"):
            await line.ask(name)
        assert line.begun == ["a1"]
        return await line.run_out()

    assert asyncio.run(council()) == ["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2"]


def test_a_model_that_was_not_asked_before_waits_until_the_others_are_done():
    async def check():
        line = Line(parallel=2)
        for name in ("a1", "a2", "b1"):
            await line.ask(name)
        assert line.begun == ["a1", "a2"]
        await line.end("a1")
        assert line.begun == ["a1", "a2"]  # b1 would make the server load another model beside a2
        await line.end("a2")
        assert line.begun == ["a1", "a2", "b1"]
        await line.end("b1")

    asyncio.run(check())


@pytest.mark.parametrize("parallel", [1, 3])
def test_so_many_of_one_model_run_at_once(parallel):
    async def check():
        line = Line(parallel)
        for number in range(1, 6):
            await line.ask(f"a{number}")
        assert len(line.begun) == parallel
        await line.end("a1")
        assert len(line.begun) == parallel + 1
        assert await line.run_out() == ["a1", "a2", "a3", "a4", "a5"]

    asyncio.run(check())


def test_no_model_starves():
    async def check():
        line = Line()
        await line.ask("a0")
        await line.ask("b0")
        await line.ask("c0")
        for number in range(1, 3 * TURN):
            await line.ask(f"a{number}")
        return await line.run_out()

    order = asyncio.run(check())
    assert order.index("b0") == TURN
    assert order.index("c0") == TURN + 1  # it has waited longer than the rest of a's
    assert order[TURN + 2 :] == [f"a{number}" for number in range(TURN, 3 * TURN)]


def test_one_that_waits_can_be_cancelled():
    async def check():
        line = Line()
        for name in ("a1", "b1", "c1"):
            await line.ask(name)
        line.tasks["b1"].cancel()
        await asyncio.wait({line.tasks["b1"]})
        return await line.run_out()

    assert asyncio.run(check()) == ["a1", "c1"]


def test_one_that_runs_can_be_cancelled():
    async def check():
        line = Line()
        for name in ("a1", "b1"):
            await line.ask(name)
        line.tasks["a1"].cancel()
        await asyncio.wait({line.tasks["a1"]})
        await settle()
        assert line.begun == ["a1", "b1"]
        await line.end("b1")

    asyncio.run(check())


def test_who_asks_while_it_reads_does_not_wait_for_itself():
    async def check():
        turns = Turns()
        async with turns.turn("a"), turns.turn("b"), turns.turn("a"):
            pass
        async with turns.turn("c"):
            return True

    assert asyncio.run(asyncio.wait_for(check(), 60))


# ── at the socket ─────────────────────────────────────────────────────────────────────────────────────────────────


def chat(model, text="Hi", **options):
    return ChatRequest(parse(model), (Message("user", text),), options={"max_tokens": 3, **options})


async def heard(provider, request):
    return [event async for event in provider.chat(request)]


def order(replay):
    return [request.json["messages"][0]["content"] for request in replay.requests if request.path == "/api/chat"]


def test_a_council_makes_the_server_load_each_model_once(replay):
    ollama = replay.respond = SmallOllama()

    async def council():
        provider = OllamaProvider({"host": replay.url})
        members = [(model, f"{model} {turn}") for turn in range(3) for model in ("smollm2", "other", "third")]
        try:
            return await asyncio.gather(*(heard(provider, chat(model, text)) for model, text in members))
        finally:
            await provider.aclose()

    answers = asyncio.run(council())
    assert all(isinstance(answer[-1], Finish) for answer in answers)
    assert order(replay) == [f"{model} {turn}" for model in ("smollm2", "other", "third") for turn in range(3)]
    assert [model for model, _ in ollama.loads] == ["smollm2:latest", "other:latest", "third:latest"]


def test_waiting_is_told(replay):
    replay.respond = SmallOllama()

    async def two():
        provider = OllamaProvider({"host": replay.url})
        try:
            return await asyncio.gather(heard(provider, chat("smollm2")), heard(provider, chat("other")))
        finally:
            await provider.aclose()

    first, second = (
        [event.text for event in events if isinstance(event, Notice) and "its turn" in event.text]
        for events in asyncio.run(two())
    )
    assert first == []
    assert len(second) == 1
    assert "1 of this program's requests" in second[0]


def test_parallel_says_how_many_requests_of_a_model_are_at_the_server(replay):
    ollama = replay.respond = SmallOllama()
    ollama.hold = lambda request: True

    async def check():
        provider = OllamaProvider({"host": replay.url, "parallel": 2})
        try:
            tasks = [asyncio.ensure_future(heard(provider, chat("smollm2", str(number)))) for number in range(3)]
            loop = asyncio.get_running_loop()
            for number in range(2):
                while len(ollama.held) <= number:
                    await asyncio.sleep(0)
                await loop.run_in_executor(None, ollama.held[number].held.wait, 20)
            assert sorted(order(replay)) == ["0", "1"]
            for number in range(3):
                while len(ollama.held) <= number:
                    await asyncio.sleep(0)
                ollama.held[number].go_on.set()
            await asyncio.gather(*tasks)
            assert sorted(order(replay)) == ["0", "1", "2"]
        finally:
            await provider.aclose()

    asyncio.run(asyncio.wait_for(check(), 60))


def test_asking_within_an_answer(replay):
    replay.respond = SmallOllama()

    async def check():
        provider = OllamaProvider({"host": replay.url})
        found = []
        try:
            async for event in provider.chat(chat("smollm2")):
                if isinstance(event, TextDelta):
                    result = await provider.embed(EmbedRequest(parse("all-minilm"), (event.text,)))
                    found.append(len(result.vectors))
            return found
        finally:
            await provider.aclose()

    assert asyncio.run(asyncio.wait_for(check(), 60)) == [1, 1, 1]
