"""The global Embedding: texts to vectors, in order, and how near they are."""

import asyncio
import math
from dataclasses import replace

import pytest

from llmspell.errors import ContextOverflow
from llmspell.providers.contract import Provider
from llmspell.testing import ScriptedProvider

CHOSEN = '[models]\nembedding = "fake/model"\n'


def lengths(text):
    """A vector that says how long its text is, and which letter it begins with."""
    return (len(text), ord(text[0]) if text else 0, 0.5)


@pytest.fixture
def provider():
    return ScriptedProvider(name="fake", models=("model", "other"), vector=lengths)


def test_a_text_gives_one_vector_and_a_list_a_list(lua, provider):
    assert lua(
        """
        local one = Embedding.embed("abc")
        print(#one, one[1], one[2], one[3], math.type(one[1]))
        local many = Embedding.embed{ "b", "aa" }
        print(#many, many[1][1], many[1][2], many[2][1], many[2][2])
        local single = Embedding.embed{ "abc" }
        print(#single, #single[1])
        """,
        toml=CHOSEN,
    ) == ["3\t3.0\t97.0\t0.5\tfloat", "2\t1.0\t98.0\t2.0\t97.0", "1\t3"]
    assert [request.texts for request in provider.embed_requests] == [("abc",), ("b", "aa"), ("abc",)]


def test_an_empty_list_gives_an_empty_list(lua, provider):
    source = "for _, texts in ipairs{ {}, JSON.array() } do io.write(JSON.stringify(Embedding.embed(texts))) end"
    assert lua(source, toml=CHOSEN) == ["[][]"]
    assert provider.embed_requests == []


def test_texts_cross_as_they_are(lua, provider):
    texts = ["", "a\0b", "Привет 👩‍🚀", "a\n"]
    lua('Embedding.embed{ "", "a\\0b", "Привет 👩‍🚀", "a\\n" }', toml=CHOSEN)
    assert provider.embed_requests[0].texts == tuple(texts)


class Choosy(ScriptedProvider):
    """Has no vector for a text that begins with "bad"."""

    async def embed(self, request):
        result = await super().embed(request)
        errors = {place: ContextOverflow(10, 20) for place, text in enumerate(request.texts) if text.startswith("bad")}
        vectors = tuple(() if place in errors else vector for place, vector in enumerate(result.vectors))
        return replace(result, vectors=vectors, errors=errors)


def test_a_text_that_fails_costs_the_others_nothing(lua):
    source = """
        local vectors, errors = Embedding.embed{ "abc", "bad", "a" }
        print(#vectors, #vectors[1], vectors[2], vectors[3][1])
        for place, why in pairs(errors) do print(place, why.type, why.message, why.retryable) end
        print(pcall(Embedding.similarity, vectors[1], vectors[2]))
        print(select(2, Embedding.embed{ "abc" }), (select("#", Embedding.embed("abc"))))
    """
    *lines, unequal, good = lua(source, Choosy(name="fake", vector=lengths), toml=CHOSEN)
    assert lines == [
        "3\t3\tfalse\t1.0",
        "2\tcontext_overflow\tthe prompt has 20 tokens and the model's context holds 10\tfalse",
    ]
    assert "must be a vector" in unequal
    assert good == "nil\t1"


@pytest.mark.parametrize("texts", ['"bad"', '{ "bad" }', '{ "bad", "bad too" }'])
def test_no_vector_at_all_is_an_error(lua, texts):
    provider = Choosy(name="fake", vector=lengths)
    source = f"local _, why = pcall(Embedding.embed, {texts}) print(why.type, why.limit, why.used)"
    assert lua(source, provider, toml=CHOSEN) == ["context_overflow\t10\t20"]


def test_which_model(lua, provider):
    source = """
        Embedding.embed("a")
        Embedding.embed("a", {})
        Embedding.embed("a", { model = "fake/other" })
    """
    lua(source, toml=CHOSEN)
    lua(source, toml='[models]\ndefault = "fake/other"\n')  # without an embedding model the default one is taken
    used = [request.model.id for request in provider.embed_requests]
    assert used == ["model", "model", "other", "other", "other", "other"]


def test_other_tasks_run_meanwhile(lua, provider):
    class Waiting(ScriptedProvider):
        open = asyncio.Event()

        async def embed(self, request):
            if request.texts == ("second",):
                self.open.set()
            await self.open.wait()
            return await super().embed(request)

    assert lua(
        """
        local first = Task.spawn(Embedding.embed, "first")
        Embedding.embed("second")
        print(#first:wait())
        """,
        Waiting(name="fake", vector=lengths),
        toml=CHOSEN,
    ) == ["3"]


def test_a_cancelled_task_stops_the_work(lua):
    class Endless(ScriptedProvider):
        cancelled = 0

        async def embed(self, request):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

    endless = Endless(name="fake")
    source = 'local ok, e = pcall(timeout, 0.01, Embedding.embed, "a") print(ok, e.type)'
    assert lua(source, endless, toml=CHOSEN) == ["false\ttimeout"]
    assert endless.cancelled == 1


def test_errors_of_the_provider_arrive(lua):
    def overflow(text):
        raise ContextOverflow(8, 9, "text 2 has 9 tokens and the model's context holds 8")

    source = """
        local ok, e = pcall(Embedding.embed, { "a", "b" })
        print(ok, e.type, e.limit, e.used, e.message)
        ok, e = pcall(Embedding.embed, "a", { model = "fake/none" })
        print(ok, e.type, e.model)
    """
    assert lua(source, ScriptedProvider(name="fake", vector=overflow), toml=CHOSEN) == [
        "false\tcontext_overflow\t8\t9\ttext 2 has 9 tokens and the model's context holds 8",
        "false\tmodel_not_found\tnone",
    ]


def test_a_provider_that_embeds_nothing(lua, provider):
    class Chatty(Provider):
        name = "chatty"

    (line,) = lua('local ok, e = pcall(Embedding.embed, "a", { model = "chatty/x" }) print(ok, e.type, e.provider)',
        Chatty(), provider)  # fmt: skip
    assert line == "false\tprovider_error\tchatty"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("embed()", "the first argument of Embedding.embed must be a text or a list of texts, not a nil"),
        ("embed(3)", "the first argument of Embedding.embed must be a text or a list of texts, not a number"),
        ("embed{ text = 'a' }", "the texts of Embedding.embed must be a list; it has the key 'text'"),
        ("embed{ 'a', 3 }", "text 2 of Embedding.embed must be a string, not a number"),
        ("embed{ 'a', print }", "text 2 of Embedding.embed must be a string, not a function"),
        ("embed{ 'a', nil, 'c' }", "text 2 of Embedding.embed is missing"),
        ("embed{ [2] = 'a' }", "text 1 of Embedding.embed is missing"),
        ("embed{ [0] = 'a' }", "text 1 of Embedding.embed is missing"),
        ("embed({ 'a' }, 'fake/model')", "the second argument of Embedding.embed must be a table"),
        ("embed('a', { modle = 'x' })", "Embedding.embed has no option 'modle'"),
        ("embed('a', { model = 3 })", "model must be a string"),
        ("embed('a', { model = 'a b' })", "'a b' is not a model name"),
        ("similarity(nil, { 1 })", "the argument a of Embedding.similarity must be a vector, a list of numbers"),
        ("similarity({ 1 }, {})", "the argument b of Embedding.similarity must be a vector, a list of numbers"),
        ("similarity({ 1, 2 }, { 1, '2' })", "number 2 of the argument b of Embedding.similarity is a string"),
        ("similarity({ { 1 } }, { { 1 } })", "number 1 of the argument a of Embedding.similarity is a table"),
        ("similarity({ 1, 2 }, { 1 })", "the vectors of Embedding.similarity have 2 and 1 numbers"),
    ],
)
def test_wrong_arguments(lua, provider, call, message):
    (line,) = lua(f"print(select(2, pcall(function() Embedding.{call} end)))", toml=CHOSEN)
    assert line.startswith(f"main.lua:1: {message}")
    assert provider.embed_requests == []


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("{ 1, 2 }", "{ 2, 4 }", 1),
        ("{ 1, 0 }", "{ 0, 5 }", 0),
        ("{ 1, 1 }", "{ -2, -2 }", -1),
        ("{ 1, 0 }", "{ 1, 1 }", math.sqrt(0.5)),
        ("{ 0, 0 }", "{ 1, 1 }", 0),
    ],
)
def test_similarity_is_the_cosine(lua, a, b, expected):
    (line,) = lua(f"print(Embedding.similarity({a}, {b}))")
    assert float(line) == pytest.approx(expected)


def test_the_real_model_knows_what_is_alike(lua, llmspell_home):
    from llmspell_gguf.provider import GgufProvider

    gguf = GgufProvider({"threads": 1})
    near, far = map(
        float,
        lua(
            """
            local a, b, c = table.unpack(Embedding.embed{
              "The cat sleeps on the sofa.", "A cat is sleeping on the couch.", "Interest rates rose by two percent.",
            })
            print(Embedding.similarity(a, b))
            print(Embedding.similarity(a, c))
            """,
            gguf,
            toml='[models]\nembedding = "gguf/smollm2:135m"\n',
        ),
    )
    assert 1 > near > far
