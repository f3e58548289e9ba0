"""`llmspell chat`: what a question is made of, what is answered where, and a chat that goes on."""

import json
import os
import signal
import subprocess
import sys

import pytest

from llmspell.testing.plugin_files import write_plugin
from repl.terminal import Terminal

PARROT = """\
import asyncio
import json

from llmspell import (
    Finish, ModelInfo, Provider, ProviderSpec, ReasoningDelta, TextDelta, ToolCall, Usage, hookimpl
)
from llmspell.errors import ModelNotFound

ASKED = []


class Parrot(Provider):
    name = "parrot"
    sees_images = True

    async def info(self, ref):
        if ref.id not in ("green", "blue"):
            raise ModelNotFound(f"the parrot is not {ref.id}", model=ref.id)
        return ModelInfo(ref.id, "parrot", capabilities=frozenset({"chat", "tools"}))

    async def chat(self, request):
        await self.info(request.model)
        reason = "stop"
        said = request.messages[-1].content
        if request.tools and request.messages[-1].role == "user":
            yield TextDelta("Let me see.")
            yield ToolCall("1", "calculator", {"input": "6*7"})
            reason = "tool_calls"
        elif said.startswith("say "):
            for piece in said[4:].replace("HALF", "\\ud83d").split("|"):
                yield TextDelta(piece)
        elif said == "think":
            yield ReasoningDelta("Is it\\nso?")
            yield TextDelta("So.")
        elif said == "be cut":
            yield TextDelta("It is")
            reason = "length"
        elif said == "be rude":
            yield TextDelta("You")
            reason = "content_filter"
        elif said == "wait":
            yield TextDelta("I am waiting")
            await asyncio.Event().wait()
        elif request.format:
            ASKED.append(request)
            yield TextDelta('{"name": "Ann"}' if len(ASKED) > 1 else "Ann")
        else:
            options = {name: value for name, value in request.options.items() if value is not None}
            messages = [[one.role, one.content, *(i.media_type for i in one.images)] for one in request.messages]
            yield TextDelta(json.dumps([request.model.id, options, *messages], ensure_ascii=False))
        yield Finish(reason, request.model.id, Usage(3, 2))


@hookimpl
def llmspell_providers():
    return [ProviderSpec("parrot", lambda settings: Parrot(), kind="local")]
"""
GIF = b"GIF89a\x01\x00\x01\x00"


@pytest.fixture
def chat(llmspell, tmp_path):
    """``chat("hello")``: the command, with a model that repeats what it is told."""
    write_plugin(tmp_path / "plugins", "parrot", PARROT)
    more = {"LLMSPELL_PLUGINS": "parrot,shop,tools", "LLMSPELL_MODELS_DEFAULT": "parrot/green", "COLUMNS": "100"}

    def run(*words, stdin=None, env=None):
        done = subprocess.run(
            [sys.executable, "-m", "llmspell", "chat", *words],
            cwd=llmspell.cwd, env=llmspell.environment({**more, **(env or {})}), capture_output=True, timeout=60,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
        )  # fmt: skip
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(*words, env=None, stdin=None, verb="chat", **pipes):
        return subprocess.Popen(
            [sys.executable, "-m", "llmspell", verb, *words],
            cwd=llmspell.cwd, env=llmspell.environment({**more, **(env or {})}),
            stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **pipes,
        )  # fmt: skip

    def terminal(*words, env=None, **size):
        plain = {name: value for name, value in llmspell.environment(more).items() if name not in COLOURS}
        command = [sys.executable, "-m", "llmspell", "chat", *words]
        return Terminal(command, env={**plain, "TERM": "xterm-256color", **(env or {})}, cwd=llmspell.cwd, **size)

    run.start, run.terminal, run.cwd, run.env = start, terminal, llmspell.cwd, llmspell.environment(more)
    run.llmspell = lambda *words: llmspell(*words, env=more)
    return run


COLOURS = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES")


def told(done):
    """The messages that the model was given, as the parrot repeats them."""
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("]\n")
    return json.loads(done.stdout)[2:]


# ── what is asked ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_words_are_the_prompt(chat):
    assert told(chat("Good", "day")) == [["user", "Good day"]]
    assert told(chat("Good day", "--", "-5 + 3")) == [["user", "Good day -5 + 3"]]


def test_stdin_stands_before_the_words(chat):
    assert told(chat("Sum up", stdin="\ufeffOne.\nTwö.\n")) == [["user", "One.\nTwö.\n\nSum up"]]
    assert told(chat("-", "Sum up", stdin="  One.")) == [["user", "  One.\n\nSum up"]]


@pytest.mark.parametrize("words", [[], ["-"]])
def test_stdin_alone_is_the_prompt(chat, words):
    assert told(chat(*words, stdin="One.\n\nTwo.\n")) == [["user", "One.\n\nTwo."]]


def test_files_stand_before_both_under_their_names(chat):
    (chat.cwd / "a.md").write_text("# A\n```lua\nprint(1)\n```\n")
    (chat.cwd / "b.txt").write_text("b")
    [[_, text]] = told(chat("-f", "a.md", "--file", "b.txt", "Compare", stdin="On stdin"))
    assert text == (
        "a.md:\n\n````\n# A\n```lua\nprint(1)\n```\n````\n\n"  # the fence is longer than those inside
        "b.txt:\n\n```\nb\n```\n\n"
        "On stdin\n\n"
        "Compare"
    )


def test_pictures_go_along_as_pictures(chat):
    (chat.cwd / "a.txt").write_bytes(GIF)  # the name doesn't matter
    (chat.cwd / "b").write_bytes(b"\x89PNG\r\n\x1a\n...")
    assert told(chat("-f", "a.txt", "-f", "b", "What is it?")) == [["user", "What is it?", "image/gif", "image/png"]]


def test_stdin_can_be_a_file(chat):
    assert told(chat("-f", "-", "What is it?", stdin=GIF)) == [["user", "What is it?", "image/gif"]]
    assert told(chat("-f", "-", "What is it?", stdin="x")) == [["user", "stdin:\n\n```\nx\n```\n\nWhat is it?"]]


def test_files_alone_are_the_prompt(chat):
    (chat.cwd / "a.md").write_text("What is it?\n")
    assert told(chat("-f", "a.md")) == [["user", "a.md:\n\n```\nWhat is it?\n```"]]


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="there are no files for open pipes here")
def test_a_file_may_be_a_pipe(chat):
    read, write = os.pipe()
    os.write(write, b"x")
    os.close(write)
    with chat.start("-f", f"/dev/fd/{read}", "y", pass_fds=[read]) as process:
        os.close(read)
        answer, _ = process.communicate(timeout=60)
    assert json.loads(answer)[2] == ["user", f"/dev/fd/{read}:\n\n```\nx\n```\n\ny"]


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        ([], None, "there is no prompt\nhint: llmspell chat"),
        ([], " \n", "there is no prompt"),
        (["-f", "picture.gif"], None, "there is no prompt"),
        (["-f", "none.txt", "x"], None, "--file: cannot read none.txt: No such file"),
        (["-f", ".", "x"], None, "--file: cannot read .: Is a directory"),
        (["-f", "binary", "x"], None, "binary is not UTF-8 text (byte 3)\nhint: models read"),
        (["-f", "zeros", "x"], None, "zeros is not UTF-8 text (byte 1)"),
        (["-f", "big", "x"], None, "big is too large: a question takes files of up to 20 MB"),
        (["-f", "https://x.org/a?b=1&c", "x"], None, "hint: curl -sL 'https://x.org/a?b=1&c' | llmspell chat"),
        (["x"], GIF, "stdin is not UTF-8 text (byte 7)\nhint: a picture on stdin is attached by `-f -`"),
        (["x", "\udcff"], None, "the prompt is not UTF-8 text"),
        (["x", "-s", "\udcff"], None, "--system is not UTF-8 text"),
        (["x", "--format", "none.json"], None, "--format: there is no file 'none.json', and it is no schema"),
        (["x", "--format", '{"type": "objct"}'], None, "there is no type 'objct'\nhint: did you mean 'object'?"),
        (["x", "--format", '{"type": '], None, "--format is not JSON"),
        (["x", "--format", "a: strng"], None, "--format.a: there is no type 'strng'\nhint: did you mean 'string'?"),
        (["x", "--format", "big"], None, "--format big is not JSON"),
        (["x", "--format", "binary"], None, "--format: binary is not UTF-8"),
        (["x", "--format", "."], None, "--format: cannot read .: Is a directory"),
        (["x", "--temperature", "9"], None, "temperature must be a number from 0 to 5"),
        (["x", "--temperature", "hot"], None, "--temperature: invalid float"),
        (["x", "--max-tokens", "0"], None, "max_tokens must be"),
        (["x", "-o", "seed"], None, "--option: cannot read 'seed'\nhint: write -o seed=7"),
        (["x", "--name", "\n"], None, "--name: "),
        (["x", "-c"], None, "there is no latest chat to go on with"),
        (["x", "-c", "--name", "b"], None, "there is no chat 'b' to go on with"),
        (["x", "--frob"], None, "there is no option '--frob'"),
    ],
)
def test_slips_are_told_before_anything_is_sent(chat, words, stdin, says):
    (chat.cwd / "picture.gif").write_bytes(GIF)
    (chat.cwd / "binary").write_bytes(b"abc\xff")
    (chat.cwd / "zeros").write_bytes(b"a\0")
    with open(chat.cwd / "big", "wb") as big:
        big.truncate(20_000_001)
    done = chat(*words, stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(chat.llmspell("logs", "list", "--json").stdout) == []


def test_system_prompt_and_options(chat):
    flags = ["-s", "Be brief.", "--max-tokens", "5", "--temperature", "0.5", "-o", "seed=7", "-o", "stop=END"]
    model, options, *messages = json.loads(chat("x", *flags, "-m", "parrot/blue").stdout)
    assert (model, options) == ("blue", {"max_tokens": 5, "temperature": 0.5, "seed": 7, "stop": ["END"]})
    assert messages == [["system", "Be brief."], ["user", "x"]]


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "out"),
    [
        ("One |two", "One two\n"),
        ("One\n\n", "One\n\n"),
        (" **a**\t\x1b[1m\r\n", " **a**\t\x1b[1m\r\n"),
        ("éHALF", "é?\n"),
    ],
)
def test_in_a_pipe_the_text_is_as_it_is_with_a_newline_at_its_end(chat, said, out):
    done = chat(f"say {said}")
    assert (done.returncode, done.stdout, done.stderr) == (0, out, "")


def test_the_locale_does_not_matter(chat):
    assert chat("say", "Größe", env={"PYTHONIOENCODING": "ascii"}).stdout == "Größe\n"


def test_without_stdout_nothing_is_asked(chat):
    command = f"exec '{sys.executable}' -m llmspell chat x >&-"
    done = subprocess.run(["sh", "-c", command], cwd=chat.cwd, env=chat.env, stderr=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stderr) == (2, b"error: there is no stdout for the answer\n")


def test_thoughts_stay_out_of_a_pipe(chat):
    done = chat("think")
    assert (done.returncode, done.stdout, done.stderr) == (0, "So.\n", "")
    done = chat("think", "-v")
    assert done.stdout == "So.\n"
    assert "Is it\nso?\n" in done.stderr


def test_an_answer_that_was_cut(chat):
    done = chat("be cut")
    assert (done.returncode, done.stdout) == (0, "It is\n")
    assert done.stderr == "green: the answer stopped at max_tokens; --max-tokens N lets it be longer\n"


def test_an_answer_that_was_filtered(chat):
    done = chat("be rude")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "You\n",
        "error: the filter of parrot stopped the answer\n",
    )
    assert "there is no latest chat" in chat("-c", "go on").stderr


@pytest.mark.parametrize(
    ("form", "file"),
    [
        ("name: string", None),
        (" name :string: the name, and no more, age: integer? ", None),
        ('{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}', None),
        ("a.json", '{"type": "object", "properties": {"name": {"type": "string"}}}'),
    ],
)
def test_an_answer_of_a_format_is_asked_for_until_it_fits(chat, form, file):
    if file is not None:
        (chat.cwd / form).write_text(file)
    done = chat("x", "--format", form)
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"name": "Ann"}\n', "")


def test_a_format_that_no_answer_fits(chat):
    done = chat("x", "--format", "age: integer")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: the answer breaks the schema" in done.stderr


def test_the_whole_result_as_json(chat):
    result = json.loads(chat("think", "--json").stdout)
    assert (result["text"], result["reasoning"], result["finish_reason"]) == ("So.", "Is it\nso?", "stop")
    assert (result["model"], result["usage"]["total_tokens"], result["cost"]) == ("green", 5, 0.0)
    assert json.loads(chat("x", "--json", "--format", "name: string").stdout)["data"] == {"name": "Ann"}


def test_tools_are_called(chat):
    done = chat("say I saw.", "-t", "calculator")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == "Let me see."  # what comes after the call begins on a line of its own
    assert json.loads(second)[-1] == ["tool", '{"result": 42}']
    assert json.loads(chat("x", "-t", "calculator", "--json").stdout)["tool_calls"][0]["result"] == {"result": 42}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["-m", "parrot/grey"], 5, "error: no model 'grey': the parrot is not grey"),
        (["-m", "nobody/x"], 4, "error: no installed plugin has a provider called 'nobody'"),
        (["-m", "tiny:1b"], 5, "`llmspell model pull tiny:1b`"),
        (["-t", "calculater"], 1, "there is no tool 'calculater'"),
        (["-o", "frobs=1", "-m", "shop/tiny:1b"], 5, "shop has no tiny:1b"),
        (["wait", "--timeout", "0.2"], 124, "error: "),
    ],
)
def test_failures_have_their_exit_codes(chat, words, code, says):
    done = chat("x", *words) if "wait" not in words else chat(*words)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_keeps_what_has_come(chat):
    with chat.start("wait", start_new_session=True) as process:
        come = process.stdout.read(len("I am waiting"))
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, come + rest, errors) == (130, b"I am waiting\n", b"")


def test_the_reader_of_stdout_goes_silently(chat):
    with chat.start("say", "|".join(["word "] * 20_000)) as process:
        process.stdout.read(5)
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", 141)


# ── a chat that goes on ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_latest_chat_goes_on(chat):
    chat("say one", "-s", "Be brief.", "-m", "parrot/blue", "--temperature", "1", "--format", "name: string")
    chat("say one", "-s", "Be brief.", "-m", "parrot/blue", "--temperature", "1")
    model, options, *messages = json.loads(chat("-c", "two").stdout)
    assert (model, options) == ("blue", {})  # an option is for one answer
    so_far = [["system", "Be brief."], ["user", "say one"], ["assistant", "one"], ["user", "two"]]
    assert messages == so_far
    model, _, *messages = json.loads(chat("three", "-c", "-m", "parrot/green", "-s", "Be long.").stdout)
    assert (model, messages[0], messages[1:4], messages[-1]) == (
        "green", ["system", "Be long."], so_far[1:], ["user", "three"],
    )  # fmt: skip
    assert json.loads(chat("-c", "four").stdout)[:3] == ["green", {}, ["system", "Be long."]]
    assert told(chat("new")) == [["user", "new"]]
    assert [role for role, _ in told(chat("-c", "newer"))] == ["user", "assistant", "user"]


def test_what_llmspell_toml_says_is_not_kept(chat):
    chat("say one", env={"LLMSPELL_AGENT_TEMPERATURE": "1", "LLMSPELL_AGENT_SYSTEM_PROMPT": "Old."})
    _, options, first, *_ = json.loads(chat("-c", "two", env={"LLMSPELL_AGENT_SYSTEM_PROMPT": "New."}).stdout)
    assert (options, first) == ({}, ["system", "New."])


def test_chats_with_names(chat):
    assert told(chat("say a", "--name", "work", "--json") and chat("b", "--name", "work"))[0] == ["user", "say a"]
    assert told(chat("c")) == [["user", "c"]]
    assert len(told(chat("-c", "d", "--name", "work"))) == 5
    assert told(chat("-c", "e"))[0] == ["user", "c"]
    script = "print(#Agent.load('work'):messages())"
    assert chat.llmspell("exec", script).stdout == "6\n"


def test_a_conversation_of_a_script_goes_on(chat):
    script = """
        local a = Agent.create{ name = 'poet', model = 'parrot/blue', max_tokens = 9 }
        a:execute('say one') a:save('mine')
        local b = Agent.create{ tools = { 'calculator' }, approve = function() return true end }
        b:execute('say one') b:save('careful')
        local c = Agent.create{ format = { type = 'object', properties = { name = { type = 'string' } } } }
        c:save('data')
    """
    assert chat.llmspell("exec", script).stderr == ""
    model, options, *messages = json.loads(chat("two", "--name", "mine").stdout)
    assert (model, options, len(messages)) == ("blue", {"max_tokens": 9}, 3)
    script = "local a = Agent.load('mine') print(a.name, #a:messages())"
    assert chat.llmspell("exec", script).stdout == "poet\t4\n"
    assert chat("two", "--name", "data").stdout == '{"name": "Ann"}\n'
    refused = chat("two", "--name", "careful")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "had to be approved" in refused.stderr


def test_nothing_is_kept_where_nothing_is_written_down(chat):
    chat("say one")
    chat("say two", "--no-log")
    assert told(chat("-c", "three"))[0] == ["user", "say one"]


def test_a_failed_turn_leaves_the_chat_as_it_was(chat):
    chat("say one")
    assert chat("-c", "wait", "--timeout", "0.2").returncode == 124
    assert [text for _, text in told(chat("-c", "two"))] == ["say one", "one", "two"]


def test_where_it_can_not_be_kept_the_answer_is_there(chat, tmp_path):
    (tmp_path / "home" / "data" / "history" / "history.db").mkdir(parents=True)
    done = chat("say one")
    assert (done.returncode, done.stdout) == (0, "one\n")
    assert "chat: it is not kept: " in done.stderr


# ── in a terminal ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_terminal_shows_markdown(chat):
    with chat.terminal("say # Lamps|\n\nThey are **br|ight**, ", "and `old`.\x1b[2J") as terminal:
        assert terminal.wait_end() == 0
        assert terminal.screen[:3] == ["Lamps", "", "They are bright,  and old.␛[2J"]
        assert terminal.cell("bright").bold
        assert not terminal.cell("They").bold


def test_a_terminal_shows_thoughts_and_tools_dimly(chat):
    with chat.terminal("think") as terminal:
        assert terminal.wait_end() == 0
        assert b"\x1b[2mIs it\r\nso?\x1b[22m" in terminal.bytes
        assert terminal.screen[:4] == ["Is it", "so?", "", "So."]
    with chat.terminal("say", "I saw.", "-t", "calculator") as terminal:
        assert terminal.wait_end() == 0
        assert terminal.screen[:3] == ["Let me see.", "", 'calculator {"input": "6*7", "operation": "evaluate"}']


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colour_gets_the_text(chat, env):
    with chat.terminal("say **One** \x1b[1mtwo", env=env) as terminal:
        assert terminal.wait_end() == 0
        assert bytes(terminal.bytes) == "**One** ␛[1mtwo\r\n".encode()


def test_a_terminal_shows_json_in_lines(chat):
    with chat.terminal("x", "--format", "name: string") as terminal:
        assert terminal.wait_end() == 0
        assert terminal.screen[:3] == ["{", '  "name": "Ann"', "}"]


def test_ctrl_c_in_a_terminal(chat):
    with chat.terminal("wait") as terminal:
        terminal.wait_for("I am waiting")
        terminal.press("ctrl-c")
        assert terminal.wait_end() == 130
        assert terminal.screen[0] == "I am waiting"
        assert not any(terminal.screen[1:])


def test_a_terminal_is_asked_for_a_prompt_where_stdin_is_to_be_one(chat):
    with chat.terminal("-") as terminal:
        terminal.wait_for("the prompt; Ctrl-D ends it")
        terminal.type("say **Good** day\r")
        terminal.press("ctrl-d")
        assert terminal.wait_end() == 0
        assert "Good day" in terminal.screen


def test_a_terminal_without_a_prompt_opens_the_repl_to_talk(chat):
    chat("say one")
    with chat.terminal("-s", "Be brief.", "-o", "seed=7", "-m", "parrot/blue", columns=200) as terminal:
        terminal.wait_prompt()
        assert terminal.cursor_line == "chat> "
        said = json.loads("".join(terminal.run("hello")[1:]))
        assert said == ["blue", {"seed": 7}, ["system", "Be brief."], ["user", "hello"]]
        terminal.run(".load latest chat")
        assert json.loads("".join(terminal.run("two")[1:]))[2:4] == [["user", "say one"], ["assistant", "one"]]


def test_a_terminal_is_asked_whether_to_pull(chat):
    with chat.terminal("x", "-m", "tiny:1b") as terminal:
        terminal.wait_for("Pull tiny:1b")
        terminal.press("enter")
        assert terminal.wait_end() == 0
        assert "sold" in terminal.screen


# ── on the real model ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real(chat, llmspell_home):
    """The same on the real model, whose answers are the likeliest ones."""
    env = {
        "LLMSPELL_HOME": str(llmspell_home),
        "LLMSPELL_PLUGINS": "gguf,tools",
        "LLMSPELL_MODELS_DEFAULT": "smollm2:135m",
        "LLMSPELL_PROVIDERS_GGUF_THREADS": "1",
        "LLMSPELL_AGENT_TEMPERATURE": "0",
        "LLMSPELL_AGENT_MAX_TOKENS": "40",
    }

    def run(*words, stdin=None):
        return chat(*words, stdin=stdin, env=env)

    run.terminal = lambda *words, **size: chat.terminal(*words, env=env, **size)
    run.start = lambda *words, **more: chat.start(*words, env=env, **more)
    run.cwd = chat.cwd
    return run


def test_the_real_model_reads_stdin(real):
    done = real("Which animal is it?", stdin="There is a cat on the roof.\n")
    assert done.returncode == 0
    assert "cat" in done.stdout


def test_the_real_model_keeps_a_format(real):
    done = real("Ann is 33 years old.", "--format", "name: string, age: integer")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert list(answer) == ["name", "age"]
    assert isinstance(answer["name"], str) and isinstance(answer["age"], int)


def test_the_real_model_goes_on_and_the_log_has_it_all(real):
    real("My dog is called Rex.", "--max-tokens", "5")
    real("-c", "He is brown.", "--max-tokens", "5")
    real("-c", "What is my dog called?", "--max-tokens", "5")
    with real.start("list", "--json", verb="logs") as process:
        rows = json.loads(process.communicate(timeout=60)[0])
    assert [(row["program"], row["agent"], row["finish_reason"]) for row in rows] == [
        ("llmspell chat", "chat", "length")
    ] * 3
    assert rows[0]["input_tokens"] > rows[1]["input_tokens"] > rows[2]["input_tokens"]


def test_the_real_model_sees_no_pictures(real):
    (real.cwd / "a.gif").write_bytes(GIF)
    done = real("-f", "a.gif", "What is it?")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: gguf can't show images to a model\nhint: leave them out\n"


def test_ctrl_c_while_the_real_model_streams(real):
    with real.terminal("Tell a long story about the sea.", "--max-tokens", "2000", columns=40) as terminal:
        terminal.wait_for(lambda screen: sum(map(bool, screen.screen)) > 3)
        terminal.press("ctrl-c")
        assert terminal.wait_end() == 130
        assert sum(map(bool, terminal.screen)) > 3
