"""What crosses between an isolated engine and its parent: values, errors, damage, and much of it."""

import asyncio
import contextlib
import pickle
import random
import socket
from typing import get_args

import pytest

from llmspell import ChatEvent, ChatRequest, Finish, Message, TextDelta, ToolCall, Usage, errors
from llmspell.errors import LLMSpellError, ModelNotUsable, ProviderError
from llmspell.testing import drive
from llmspell_gguf import wire
from llmspell_gguf.engine import Work


def sample(kind):
    """An error of a class with a value in every argument that it takes."""
    texts = {"message": "what happened", "hint": "what to do", "provider": "gguf", "model": "m", "partial": "so far"}
    known = {**texts, "option": "top_k", "limit": 10, "used": 20, "plugin": "p", "retry_after": 1.5, "pull": "m:1b"}
    known |= {"suggestions": ("a", "b"), "violations": ("c",), "size_bytes": 7, "retryable": True}
    known |= {"result": {"text": "so far"}, "tool": "t", "spent": 0.5, "estimate": 0.25}
    names = kind.__init__.__code__.co_varnames[1 : kind.__init__.__code__.co_argcount]
    more = kind.__init__.__code__.co_varnames[kind.__init__.__code__.co_argcount :][
        : kind.__init__.__code__.co_kwonlyargcount
    ]
    return kind(**{name: known[name] for name in (*names, *more) if name in known})


CLASSES = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, LLMSpellError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_crosses_with_all_its_fields(kind):
    error = sample(kind)
    kind_, fields = wire.taken_apart(error)
    again = wire.put_together(wire.unpack(wire.pack((1, wire.ERROR, (kind_, fields))))[2])
    assert type(again) is kind
    assert vars(again) == vars(error)
    assert (str(again), again.retryable, again.args) == (str(error), error.retryable, error.args)


def test_an_exception_of_another_package_becomes_a_typed_error():
    again = wire.put_together(wire.taken_apart(KeyError("x\ny")))
    assert type(again) is ProviderError
    assert "KeyError" in again.message


def test_a_path_that_is_no_text_crosses():
    error = ModelNotUsable("/models/\udcff.gguf can't be loaded", model="/models/\udcff.gguf")
    again = wire.put_together(wire.unpack(wire.pack((0, wire.ERROR, wire.taken_apart(error))))[2])
    assert again.message == "/models/\\udcff.gguf can't be loaded"


@pytest.mark.parametrize(
    "event",
    [
        TextDelta("a\0ü👩‍🚀"),
        ToolCall("1", "add", '{"a": 1}'),
        ToolCall(None, "add", {"a": [1, None]}),
        Finish("stop", "m", Usage(1, 2, 3)),
    ],
)
def test_events_cross(event):
    _, kind, fields = wire.unpack(wire.pack((1, type(event).__name__, event)))
    assert wire.event(kind, fields) == event


def test_damage_is_always_known_as_such():
    chance = random.Random(1)
    values = [None, 1, -1.5, "text", "message", [], {}, [1], {"text": 5}, {"message": 1}, ["ContextOverflow", {}]]
    values += [["ContextOverflow", {"message": "m", "args": 5, "type": 1, "__class__": 2}], {"text": "t", "x": 1}]
    kinds = ["TextDelta", "Finish", "ToolCall", wire.ERROR, "Notice", "x"]
    frames = [wire.pack((1, kind, value)) for kind in kinds for value in values]
    for frame in [*frames, *(mutated(chance, frame) for frame in frames * 20)]:
        with contextlib.suppress(*wire.DAMAGE):
            _, kind, value = wire.unpack(frame)
            made = wire.put_together(value) if kind == wire.ERROR else wire.event(kind, value)
            assert isinstance(made, (LLMSpellError, get_args(ChatEvent)))


def mutated(chance, frame):
    place = chance.randrange(len(frame))
    return frame[:place] + bytes([chance.randrange(256)]) + frame[place + 1 :]


def test_more_than_the_socket_holds_arrives_whole_and_in_order():
    bodies = [bytes([number % 256]) * (number * 997 % 300_000) for number in range(60)]

    async def run():
        one, other = socket.socketpair()
        got, ended = [], asyncio.Event()
        reader = wire.Channel(other, lambda body: got.append(bytes(body)), ended.set)
        writer = wire.Channel(one, lambda body: None, lambda: None)
        writer.watch()
        for body in bodies:
            writer.send(wire.framed(body))
        reader.watch()
        while len(got) < len(bodies):
            await asyncio.sleep(0)
        writer.rest()
        one.close()
        await ended.wait()
        other.close()
        return got

    assert drive(run()) == bodies


def test_threads_do_not_mix_their_frames():
    async def run():
        one, other = socket.socketpair()
        got = []
        reader = wire.Channel(other, lambda body: got.append(bytes(body)), lambda: None)
        writer = wire.Channel(one, lambda body: None, lambda: None)
        writer.watch()
        reader.watch()

        def write(number):
            for _ in range(200):
                writer.send(wire.framed(bytes([number]) * (500 + number)))

        await asyncio.gather(*(asyncio.to_thread(write, number) for number in range(8)))
        while len(got) < 1600:
            await asyncio.sleep(0)
        for channel, end in ((writer, one), (reader, other)):
            channel.rest()
            end.close()
        return got

    assert sorted(set(drive(run()))) == [bytes([number]) * (500 + number) for number in range(8)]


def test_a_request_crosses_with_all_that_is_in_it():
    given = Work(ChatRequest(None, (Message("user", "Hi"),), options={"seed": 10**30}), "m", {"seed": 1}, {"a": 10**30})
    assert pickle.loads(wire.order(wire.Ask(1, "chat", (given,)))[4:]).arguments == (given,)
