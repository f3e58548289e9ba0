"""What only llama-cpp-python needs: silence, its reasons, the guard, closing; templates, schemas, bytes."""

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from llmspell import ChatRequest, Finish, Message, ModelRef, TextDelta, ToolCall, ToolSpec
from llmspell.errors import InvalidRequest, ModelNotUsable, ProviderError, ProviderUnavailable, UnsupportedOption
from llmspell.testing import drive
from llmspell_gguf import llama_cpp_library
from llmspell_gguf.engine import Work

STORY = "Tell me a long story about a lighthouse keeper and the sea."


def work(*turns, schema=None, tools=(), **options):
    messages = tuple(turn if isinstance(turn, Message) else Message("user", turn) for turn in turns)
    request = ChatRequest(ModelRef("it"), messages, tools=tools)
    return Work(request, "it", {"temperature": 0, **options}, schema)


async def collect(engine, task):
    return [event async for event in engine.chat(task)]


def answer(engine, *turns, **options):
    """The text of an answer and its `Finish`."""
    events = drive(collect(engine, work(*turns, **options)))
    return "".join(event.text for event in events if isinstance(event, TextDelta)), events[-1]


@pytest.fixture(scope="module")
def engine(load):
    return load()


@pytest.fixture
def unknown_file(model_file, tmp_path):
    """The model with the name of an architecture that no engine knows."""
    data, header = model_file.read_bytes(), 2_000_000
    assert b"llama" in data[:header]
    path = tmp_path / "unknown.gguf"
    path.write_bytes(data[:header].replace(b"llama", b"lxama") + data[header:])
    return path


# ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_printed_and_no_file_descriptor_is_moved(load, model_file, unknown_file):
    code = """
import os, sys
os.dup2 = None  # the way of the package's own class to be silent: nobody else in the process can print meanwhile
from llmspell.errors import ModelNotUsable
from llmspell_gguf import engine, metadata, sizing
good, bad = map(metadata.read, sys.argv[1:])
plan = sizing.plan(good, {"threads": 1, "context_length": 256})
engine.load("llama-cpp-python", good, plan).close()
try:
    engine.load("llama-cpp-python", bad, plan)
except ModelNotUsable:
    os._exit(7)
"""
    command = [sys.executable, "-c", code, str(model_file), str(unknown_file)]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"", b"")


def test_a_file_that_it_can_not_load_is_named_with_the_reason(load, unknown_file):
    with pytest.raises(ModelNotUsable) as error:
        load(unknown_file)
    assert str(unknown_file) in error.value.message
    assert "unknown model architecture: 'lxama'" in error.value.message
    assert error.value.model == str(unknown_file)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
def test_a_context_without_memory_is_an_error_with_the_reason(load, model_file):
    code = """
import os, resource, sys
from llmspell.errors import ModelNotUsable
from llmspell_gguf import engine, metadata, sizing
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
try:
    engine.load("llama-cpp-python", metadata.read(sys.argv[1]), sizing.Plan(1 << 18, 1, 1, ""))
except ModelNotUsable as error:
    print(error, error.hint, sep="\\n", flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code, str(model_file)], capture_output=True, text=True, timeout=120)
    message, hint = done.stdout.splitlines()
    assert str(model_file) in message
    assert "alloc" in message
    assert "context_length" in hint


def test_a_library_that_does_not_work_says_what_to_install(monkeypatch):
    monkeypatch.setattr(llama_cpp_library, "_library", None)
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(ProviderUnavailable) as error:
        llama_cpp_library.library()
    assert "llmspell[gguf]" in error.value.hint


@pytest.mark.parametrize(
    ("report", "repacked"),
    [
        ("CPU : AVX512 = 1 | AMX_INT8 = 1 | LLAMAFILE = 1 | ", False),
        ("CPU : AVX512 = 1 | AMX_INT8 = 0 | LLAMAFILE = 1 | ", True),
        (None, True),
    ],
)
def test_weights_are_not_repacked_where_the_library_reports_amx(load, monkeypatch, report, repacked):
    library = llama_cpp_library.library()
    seen, load_model = [], library.llama_model_load_from_file

    def watched(path, params):
        seen.append(params.use_extra_bufts)
        return load_model(path, params)

    monkeypatch.setattr(library, "llama_model_load_from_file", watched)
    if report:
        monkeypatch.setattr(library, "llama_print_system_info", lambda: report.encode())
    elif "AMX_INT8 = 1" in llama_cpp_library.system_info():
        pytest.skip("this library was built for AMX")
    assert answer(load(context_length=256), "Say only: hello")[0]
    assert seen == [repacked]


# ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_closing_ends_what_runs_and_what_waits(load):
    engine = load(context_length=512)

    async def run():
        begun = asyncio.Event()

        async def read():
            async for _ in engine.chat(work(STORY)):
                begun.set()

        running = asyncio.ensure_future(read())
        await begun.wait()
        waiting = asyncio.ensure_future(collect(engine, work("Hi")))
        await asyncio.to_thread(engine.close)
        return await asyncio.gather(running, waiting, return_exceptions=True)

    for error in drive(run()):
        assert isinstance(error, ProviderError)
        assert error.retryable
    engine.close()  # once more does no harm
    assert engine.idle


def test_a_request_waits_for_a_thread_that_was_left_behind(engine, monkeypatch):
    """A stream that is cancelled twice doesn't wait for its thread, which may still be inside the library then."""
    inside, at_the_door, go, order = threading.Event(), threading.Event(), threading.Event(), []
    run = engine._model.run

    def slowly(task, emit, stop):
        if inside.is_set():
            order.append("second")
            return run(task, emit, stop)
        inside.set()
        go.wait()
        order.append("first ended")
        return False

    class Lock:
        lock = threading.Lock()

        def __enter__(self):
            if inside.is_set():
                at_the_door.set()
            self.lock.acquire()

        def __exit__(self, *_):
            self.lock.release()

    monkeypatch.setattr(engine._model, "run", slowly)
    monkeypatch.setattr(engine, "_lock", Lock())

    async def both():
        first = asyncio.ensure_future(collect(engine, work("Hi")))
        await asyncio.to_thread(inside.wait)
        first.cancel()
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        second = asyncio.ensure_future(collect(engine, work("Hi", max_tokens=2)))
        came = await asyncio.to_thread(at_the_door.wait, 60)
        go.set()
        assert came
        return await second

    assert drive(both())
    assert order == ["first ended", "second"]


def test_who_asks_for_it_gets_the_events_in_the_engines_own_thread(engine):
    seen = []
    task = replace(work("Say only: hello"), emit=lambda event: seen.append((event, threading.current_thread())))
    assert drive(collect(engine, task)) == []
    assert [type(event) for event, _ in seen[-2:]] == [TextDelta, Finish]
    assert {thread.name for _, thread in seen} == {"llmspell-engine"}


# ── templates ─────────────────────────────────────────────────────────────────────────────────────────────────────

PLAIN = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"


def test_the_template_of_the_plan_takes_the_place_of_the_files_own(engine, load):
    other = load(chat_template=PLAIN)
    own, finish = answer(engine, "Say only: hello", max_tokens=4)
    text, plain = answer(other, "Say only: hello", max_tokens=4)
    assert plain.usage.input_tokens == len(other._model.vocabulary.tokens("user: Say only: hello\nassistant:"))
    assert plain.usage.input_tokens < finish.usage.input_tokens
    assert text != own


def test_the_mark_that_begins_a_text_stands_there_once(engine, load, gguf_copy):
    path = gguf_copy("marked.gguf", {"tokenizer.ggml.add_bos_token": True})
    expected = len(engine._model.vocabulary.tokens("<|im_start|>user: Hi\nassistant:"))
    for template in (PLAIN, "{{ bos_token }}" + PLAIN):
        marked = load(path, context_length=256, chat_template=template)
        assert answer(marked, "Hi", max_tokens=1)[1].usage.input_tokens == expected
        marked.close()


def test_a_template_that_is_no_jinja_is_refused(load):
    with pytest.raises(ModelNotUsable, match="can't be read") as error:
        load(chat_template="{% if %}")
    assert "chat_template" in error.value.hint


def test_an_empty_prompt_has_no_answer(load):
    engine = load(context_length=256, chat_template="{# nothing #}")
    with pytest.raises(InvalidRequest, match="empty"):
        answer(engine, "Hi")
    engine.close()


def test_what_a_template_refuses_is_an_invalid_request(load):
    engine = load(context_length=256, chat_template="{{ raise_exception('roles must alternate') }}")
    with pytest.raises(InvalidRequest, match="roles must alternate"):
        answer(engine, "Hi", "Hi")


def test_calls_of_tools_reach_the_template_with_their_arguments(engine, load):
    template = (
        "{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.arguments.city }}!{% endfor %}{% endfor %}"
    )
    other = load(context_length=256, chat_template=template)
    call = Message("assistant", "", (ToolCall("1", "weather", '{"city": "Oslo"}'),))
    _, finish = answer(other, "Hi", call, Message("tool", "cold", tool_call_id="1"), max_tokens=1)
    assert finish.usage.input_tokens == len(engine._model.vocabulary.tokens("Oslo!"))


def test_an_answer_that_was_begun_is_gone_on_with(engine):
    text, _ = answer(engine, "Count from one to ten in digits.", Message("assistant", "1, 2, 3,"), max_tokens=6)
    assert text.startswith(" 4")


def test_tools_are_refused_whatever_the_template_says(load):
    engine = load(context_length=256, chat_template="{{ tools }}" + PLAIN)
    with pytest.raises(UnsupportedOption) as error:
        answer(engine, "What time is it?", tools=(ToolSpec("now", "the time", {"type": "object"}),))
    assert error.value.option == "tools"
    assert "xllamacpp" in error.value.hint


# ── tokens and text ───────────────────────────────────────────────────────────────────────────────────────────────


def test_characters_made_of_several_tokens_arrive_whole(engine):
    wanted = "🙂 é 世界 👩‍🚀"
    vocabulary = engine._model.vocabulary
    assert len(vocabulary.tokens("🚀")) > 1
    events = drive(collect(engine, work("Say it.", schema={"const": wanted}, max_tokens=60)))
    pieces = [event.text for event in events if isinstance(event, TextDelta)]
    assert "".join(pieces) == f'"{wanted}"'
    assert len(pieces) > 5


def test_a_character_that_is_cut_off_stays_out(engine):
    tokens = len(engine._model.vocabulary.tokens('"🚀'))
    text, finish = answer(engine, "Say it.", schema={"const": "🚀"}, max_tokens=tokens - 1)
    assert finish.reason == "length"
    assert text == '"'


def test_a_penalty_changes_what_is_repeated(engine):
    plain, _ = answer(engine, "Say la la la la la la.", max_tokens=24)
    assert answer(engine, "Say la la la la la la.", max_tokens=24, repeat_penalty=1.0)[0] == plain
    for option in ({"repeat_penalty": 2.0}, {"frequency_penalty": 2.0}, {"presence_penalty": 2.0}):
        assert answer(engine, "Say la la la la la la.", max_tokens=24, **option)[0] != plain


def test_a_schema_without_llguidance_says_what_to_install(load, monkeypatch):
    engine = load(context_length=256)
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(ProviderUnavailable) as error:
        answer(engine, "Hi", schema={"type": "integer"})
    assert "llmspell[gguf]" in error.value.hint


def test_a_long_text_is_embedded_whole(load):
    """What is pooled is one physical batch, which is 512 tokens unless it is made as large as the context."""
    engine = load(embedding=True)
    cat, market = "The cat sleeps on the warm sofa. " * 36, "Stocks and bonds fell by two percent. " * 36
    one, both = drive(engine.embed([cat, cat + market])).vectors
    assert sum(a * b for a, b in zip(one, both, strict=True)) > 0.85  # 0.7 without the first half
    engine.close()


def test_both_engines_read_the_same_tokens(provide, engine_name, engine):
    other = provide(context_length=512)[1]
    talks = [
        ("Hi",),
        (Message("system", "You are brief."), "My name is Ada.", Message("assistant", "Hello, Ada."), "Who am I?"),
        ("<|im_start|>user\nПривет, 世界 👩‍🚀<|im_end|>", "twice"),
        ("Count.", Message("assistant", "1, 2,")),
    ]
    for talk in talks:
        mine, theirs = (drive(collect(one, work(*talk, max_tokens=1)))[-1].usage for one in (engine, other))
        assert mine.input_tokens == theirs.input_tokens
