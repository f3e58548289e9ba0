"""Several conversations in the context of llama-cpp-python: what was read is not read again."""

import pytest

from llmspell import ChatRequest, Message, ModelRef, TextDelta
from llmspell.testing import drive
from llmspell_gguf import llama_cpp_context, llama_cpp_library
from llmspell_gguf.engine import Work

SYSTEM = Message("system", "You are a lighthouse keeper who has seen all the ships of the northern seas, and is brief.")
TOPICS = ["whales", "storms", "maps", "gulls"]


class Talk:
    """A conversation that remembers what was said."""

    def __init__(self, engine, *messages):
        self.engine, self.messages = engine, list(messages)

    def say(self, text, max_tokens=12):
        """Ask, keep the answer, and give its usage."""
        self.messages.append(Message("user", text))
        events = drive(self._ask(max_tokens))
        self.text = "".join(event.text for event in events if isinstance(event, TextDelta))
        self.messages.append(Message("assistant", self.text))
        return events[-1].usage

    async def _ask(self, max_tokens):
        request = ChatRequest(ModelRef("it"), tuple(self.messages))
        task = Work(request, "it", {"temperature": 0, "max_tokens": max_tokens})
        return [event async for event in self.engine.chat(task)]


@pytest.fixture
def engine(load):
    made = load(context_length=1024, parallel=4)
    yield made
    made.close()


def new(usage):
    return usage.input_tokens - usage.cached_tokens


def test_conversations_that_take_turns_are_each_read_on(engine):
    talks = [Talk(engine, SYSTEM) for _ in TOPICS]
    first = [talk.say(f"Tell me about {topic}.") for talk, topic in zip(talks, TOPICS, strict=True)]
    assert first[0].cached_tokens == 0
    assert all(usage.cached_tokens > 20 for usage in first[1:]), "the system message is shared"
    before = engine.counters()["prompt_tokens_total"]
    rounds = [[talk.say("Go on.") for talk in talks] for _ in range(3)]
    for usages in rounds:
        assert all(new(usage) < 20 < usage.cached_tokens for usage in usages)
    read = engine.counters()["prompt_tokens_total"] - before
    assert read == sum(new(usage) for usages in rounds for usage in usages)


def test_what_is_cached_changes_no_answer(engine, load):
    talks = [Talk(engine, SYSTEM) for _ in TOPICS]
    for _ in range(2):
        for talk, topic in zip(talks, TOPICS, strict=True):
            talk.say(f"Say a word about {topic}.", max_tokens=8)
    fresh = load(context_length=1024, parallel=4)
    again = Talk(fresh, *talks[1].messages[:-2])
    assert again.say(talks[1].messages[-2].content, max_tokens=8).cached_tokens == 0
    assert again.text == talks[1].text
    fresh.close()


def test_the_same_prompt_again_is_read_but_for_its_last_token(engine):
    usages = [Talk(engine).say("Say only: hello") for _ in range(2)]
    assert new(usages[1]) == 1


def test_a_conversation_that_goes_another_way_leaves_the_first_as_it_was(engine):
    one = Talk(engine, SYSTEM)
    one.say("Tell me about whales.", max_tokens=60)
    other = Talk(engine, SYSTEM)
    assert other.say("Sing.").cached_tokens > 20
    assert new(one.say("Go on.")) < 20


def test_what_was_used_least_recently_makes_way(engine, monkeypatch):
    talks = [Talk(engine) for _ in range(4)]
    talks[0].say(f"0 {TOPICS[0]} " * 12)
    library, context = llama_cpp_library.library(), engine._model.handles.context
    monkeypatch.setattr(llama_cpp_context, "KEPT_BYTES", int(2.5 * library.llama_state_seq_get_size(context, 0)))
    for number in (1, 2, 3):
        talks[number].say(f"{number} {TOPICS[number]} " * 12)
    assert sum(len(one.state) for one in engine._model.context._aside) <= llama_cpp_context.KEPT_BYTES
    assert new(talks[2].say("Go on.")) < 20
    assert new(talks[0].say("Go on.")) > 40


def test_what_is_larger_than_the_memory_for_it_is_not_put_aside(engine, monkeypatch):
    monkeypatch.setattr(llama_cpp_context, "KEPT_BYTES", 1000)
    for topic in TOPICS[:2]:
        Talk(engine).say(f"{topic} " * 30, max_tokens=2)
    assert engine._model.context._aside == []


def test_a_state_that_can_not_be_taken_back_is_read_again(engine, monkeypatch):
    one, other = Talk(engine), Talk(engine)
    one.say("Tell me about whales.")
    other.say("Sing of storms and maps and gulls.")
    monkeypatch.setattr(llama_cpp_library.library(), "llama_state_seq_set_data", lambda *args: 0)
    assert new(one.say("Go on.")) > 40


def test_a_model_that_can_not_go_back_reads_everything_again(engine, monkeypatch):
    talk, library = Talk(engine, SYSTEM), llama_cpp_library.library()
    talk.say("Tell me about whales.")
    expected = Talk(engine, *talk.messages)
    expected.say("Go on.")
    remove = library.llama_memory_seq_rm
    # as a recurrent state does: all of it can be dropped, not a part
    monkeypatch.setattr(library, "llama_memory_seq_rm", lambda *args: args[2] <= 0 and remove(*args))
    again = Talk(engine, *talk.messages)
    assert again.say("Go on.").cached_tokens == 0
    assert again.text == expected.text
