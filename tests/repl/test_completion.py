"""What the completer offers, asked without a terminal; the values are those of a real Lua state."""

import threading

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from llmspell.cli import model_names
from llmspell.providers.contract import ModelInfo
from llmspell.repl.completion import make_completer
from llmspell.repl.completion.candidates import Kept
from llmspell.testing import ScriptedProvider
from repl.shells import do, opened


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def shell():
    with opened(ScriptedProvider(name="acme", models=("model",))) as made:
        yield made


@pytest.fixture
def complete(shell):
    """The completions of a text, by what the input reads when one is taken; ``asked`` is Tab."""
    completer = make_completer(shell)

    def complete(text, *, asked=False):
        event = CompleteEvent(text_inserted=not asked, completion_requested=asked)
        found = {}
        for one in completer.get_completions(Document(text), event):
            found[text[: len(text) + one.start_position] + one.text] = one.display_meta_text
        return found

    return complete


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_globals_locals_and_keywords(shell, complete):
    do(shell, "local printed = 1", "printer = {}")
    found = complete("x = pri")
    assert list(found) == ["x = print", "x = printed", "x = printer"]
    assert found["x = print"].startswith("Write values")
    assert found["x = printed"] == "number 1"
    assert complete("whi") == {"while": "keyword"}


def test_names_that_the_input_itself_declares(complete):
    source = "local counter = 0\nfor country, code in pairs(t) do\n  local function count(counted) return coun"
    assert set(complete(source)) == {source[:-4] + name for name in ("counter", "country", "count", "counted")}


def test_nothing_comes_up_that_would_be_in_the_way(complete):
    for text in ("", "x = ", "f(", "{ ", "print(1) ", "12", "1.5", "local coun", "for in_", "goto prin", "print"):
        assert complete(text) == {}, text
    assert "print" in complete("", asked=True)
    assert set(complete("print", asked=True)) == {"print"}


def test_nothing_in_comments_and_in_texts_that_name_nothing(complete):
    for text in ("-- pri", "--[[ pri", "'pri", "x = [[pri", 'print("pri', "x = 'a' .. 'pri"):
        assert complete(text, asked=True) == {}, text


def test_fields_and_methods(shell, complete):
    do(shell, "t = {alpha = 1, also = {deep = true}, act = function(self, x) end}")
    assert complete("print(t.al") == {"print(t.also": "table", "print(t.alpha": "number 1"}
    assert complete("t:") == {"t:act": "function(self, x)"}
    assert complete("t.also.") == {"t.also.deep": "boolean true"}
    assert complete("t['also'].") == {"t['also'].deep": "boolean true"}
    assert complete("t . also . d") == {"t . also . deep": "boolean true"}
    assert complete("t[i].") == {}
    assert complete("t['al") == {"t['alpha": "number 1", "t['also": "table"}


def test_methods_of_texts(shell, complete):
    do(shell, "word = 'x'")
    assert complete("('x'):upp") == {"('x'):upper": "With the letters a to z made capital."}
    assert complete("word:upp") == {"word:upper": "With the letters a to z made capital."}


def test_agents_have_their_documented_methods(shell, complete):
    do(shell, "helper = Agent.create{}; task = Task.spawn(function() end)")
    assert complete("helper:exe") == {"helper:execute": "Answer a text and wait for the whole answer."}
    assert "helper.name" in complete("helper.")
    assert set(complete("task:")) == {"task:cancel", "task:wait"}
    assert {"task.status", "task.id"} <= set(complete("task."))


def test_results_of_calls_are_known_by_their_types(shell, complete):
    assert complete("Agent.builder():mod") == {"Agent.builder():model": "as in AgentConfig"}
    assert set(complete("Agent.builder():build():exe")) == {"Agent.builder():build():execute"}
    do(shell, "helper = Agent.create{}")
    assert set(complete("helper:execute('x').usage.inp")) == {"helper:execute('x').usage.input_tokens"}


def test_the_fields_that_a_function_takes(complete):
    assert complete("Agent.create{ temp") == {"Agent.create{ temperature": "number"}
    assert set(complete("Agent.create({ model = 'x', max_t")) == {"Agent.create({ model = 'x', max_tokens"}
    assert "Agent.create{ system_prompt" in complete("Agent.create{ ", asked=True)
    assert complete("Agent.create{ model = temp") == {}


def test_a_large_table_shows_its_first_names(shell, complete):
    do(shell, "big = {}; for i = 1, 10000 do big[('field%05d'):format(i)] = i end")
    assert list(complete("big."))[:2] == ["big.field00001", "big.field00002"]
    assert len(complete("big.")) == 200
    assert list(complete("big.field0999")) == [f"big.field0999{i}" for i in range(10)]


def test_what_a_value_says_moves_no_cursor(shell, complete):
    do(shell, r"t = {evil = '\27[2Jx', ['\27]0;x'] = 1}")
    assert complete("t.") == {"t.evil": '"\\u001b[2Jx"'}
    assert complete("t['") == {"t['evil": '"\\u001b[2Jx"'}


# ── texts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_names_of_models(complete):
    model_names.write([ModelInfo("smollm2:135m", "gguf")])
    for before in (
        "Agent.create{ model = ",
        "model = ",
        "Agent.query_all{ models = { 'x', ",
        "a:model(",
        "LocalLLM.load(",
    ):
        assert set(complete(f'{before}"smol')) == {f'{before}"smollm2:135m'}, before
    assert complete('model = "acme') == {'model = "acme/model': "default"}
    assert complete('LocalLLM.pull("smollm2:1.7') == {'LocalLLM.pull("smollm2:1.7b': "1,056 MB"}


def test_names_of_tools_and_skills(shell, complete):
    do(shell, "Tool.register{name = 'my-tool', description = 'Does it.', handler = function() end}")
    for before in (
        "Agent.create{ tools = { ",
        "Agent.create{ tools = { 'x', ",
        "Tool.get(",
        "Tool.execute ",
        "b:tool(",
    ):
        assert complete(f'{before}"my') == {f'{before}"my-tool': "Does it."}, before
    assert 'Skill.run("summarize' in complete('Skill.run("summ')
    assert 'Agent.create{ skills = { "summarize' in complete('Agent.create{ skills = { "summ')


def test_names_of_files(folder, complete):
    (folder / "app.lua").touch()
    (folder / "apples.txt").touch()
    (folder / 'ap"x').touch()
    (folder / ".apart").touch()
    (folder / "apps").mkdir()
    (folder / "apps" / "one.lua").touch()
    assert set(complete('dofile("ap')) == {'dofile("app.lua', 'dofile("apps/'}
    assert set(complete('io.open("ap')) == {'io.open("app.lua', 'io.open("apples.txt', 'io.open("apps/'}
    assert set(complete('io.lines("apps/')) == {'io.lines("apps/one.lua'}
    assert set(complete('io.open(".')) == {'io.open(".apart'}
    assert complete('io.open("nowhere/') == {}
    assert complete('io.open("x", "ap') == {}


def test_names_of_modules(folder, complete):
    (folder / "lib" / "deep").mkdir(parents=True)
    (folder / "lib" / "one.lua").touch()
    (folder / "lib" / "deep" / "init.lua").touch()
    assert set(complete('require "li')) == {'require "lib.'}
    assert set(complete('require "lib.')) == {'require "lib.one', 'require "lib.deep'}


def test_saved_conversations_providers_and_settings(shell, complete):
    do(shell, "a = Agent.create{}; a:save('trip to Rome')")
    assert complete('Agent.load("tr') == {'Agent.load("trip to Rome': "acme/model, 0 turns"}
    assert complete('Provider.get("ac') == {'Provider.get("acme': "local"}
    assert 'Config.get("models.default' in complete('Config.get("models.')


def test_texts_that_a_type_lists(complete):
    assert set(complete('Agent.create{ tool_mode = "')) == {
        f'Agent.create{{ tool_mode = "{mode}' for mode in ("auto", "native", "score", "schema")
    }
    assert set(complete('io.stdout:seek("')) == {f'io.stdout:seek("{whence}' for whence in ("set", "cur", "end")}


# ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_commands_that_make_sense(shell, complete):
    found = complete(".")
    assert {".help", ".pull", ".exit"} <= set(found)
    assert ".continue" not in found
    assert complete(".pu") == {".pull": "fetch a model; Ctrl-C stops, and the next time goes on"}
    shell.mode = "chat"
    assert set(complete(".pu")) == {".pull"}
    assert complete("pri") == {}


def test_no_commands_where_it_is_none(complete):
    assert complete("..") == {}
    assert complete(".5") == {}
    assert complete("x = 1\n.pu") == {}


def test_words_of_commands(folder, shell, complete):
    (folder / "app.lua").touch()
    do(shell, "thing = {field = 1}")
    assert set(complete(".pull smollm2:1.7")) == {".pull smollm2:1.7b"}
    assert set(complete(".run ap")) == {".run app.lua"}
    assert set(complete(".set editi")) == {".set editing"}
    assert set(complete(".set editing ")) == {".set editing emacs", ".set editing vi"}
    assert set(complete(".config models.def")) == {".config models.default"}
    assert set(complete(".help .pul")) == {".help .pull"}
    assert set(complete(".help Agent.cre")) == {".help Agent.create", ".help Agent.createAsync"}
    assert set(complete(".inspect thing.")) == {".inspect thing.field"}
    assert complete(".nothing x") == {}


def test_what_a_held_script_sees(shell, complete):
    shell.console.ask("break_set", "app.lua", 2, None, timeout=10)
    program = "local function f(inner_value)\n  return inner_value\nend\nf({deep = 1})"
    shell.attend(lambda: shell.console.program(program, "app.lua"))
    assert shell.paused == "app.lua:2"
    assert complete("inner") == {"inner_value": "table"}
    assert complete("inner_value.") == {"inner_value.deep": "number 1"}
    assert set(complete(".eval inner")) == {".eval inner_value"}
    shell.mode = "chat"
    assert set(complete("inner")) == {"inner_value"}
    shell.resume("continue")
    assert complete("inner") == {}


# ── what fails ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_source_that_fails_takes_nothing_from_the_others(shell, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("planted")

    monkeypatch.setattr(shell.console, "ask", broken)
    completer = make_completer(shell)
    event = CompleteEvent(text_inserted=True)
    assert [one.text for one in completer.get_completions(Document("local wider = 1; w"), event)] == ["wider", "while"]
    monkeypatch.setattr("llmspell.repl.registry.commands", broken)
    assert list(completer.get_completions(Document(".pu"), event)) == []
    monkeypatch.setattr("llmspell.cli.model_names.remembered", broken)
    assert list(completer.get_completions(Document('model = "x'), event)) == []


def test_while_lua_is_busy_there_is_what_is_documented(shell, complete):
    busy = shell.console.submit("while true do end")
    assert "print" in complete("pri", asked=True)
    assert "string.format" in complete("string.form")
    while not busy.done.wait(0.1):
        shell.console.interrupt()


def test_no_text_makes_it_raise(complete, shell):
    do(shell, "t = {a = 1}")
    source = (
        "local t = {['x'] = function(a, ...) return a.b:c{d = \"e\"} end} --[==[ ]==] if x then y = [[z]] end\n"
        ".5 .. t:f'g'; goto a ::b:: t[1][2].x = #t // 2 until end) } ] \x00 é"
    )
    for end in range(len(source)):
        complete(source[:end])
        complete(source[end:])


def test_values_are_kept_for_a_moment():
    now, made = [0.0], []
    kept = Kept(2.0, lambda: now[0])

    def make():
        made.append(1)
        return len(made)

    assert [kept.get("a", make), kept.get("a", make)] == [1, 1]
    now[0] = 1.9
    assert kept.get("a", make) == 1
    now[0] = 2.1
    assert kept.get("a", make) == 2
    assert kept.get("b", make) == 3


def test_several_threads_may_ask_at_once(shell, complete):
    do(shell, "t = {alpha = 1}")
    found = []
    threads = [threading.Thread(target=lambda: found.append(set(complete("t.al")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [{"t.alpha"}] * 8
