"""What comes while one looks on: answers of the real model, and what background tasks print."""

import pytest

LONG = "Tell me a very long story about a lighthouse keeper and the sea."


def shown(lines):
    """The words of some lines as one text."""
    return " ".join(" ".join(lines).split())


def shown_since(terminal, row):
    return shown(terminal.lines[row:])


def wait_for_words(terminal, row, count):
    terminal.wait_for(lambda t: len(shown_since(t, row).split()) >= count)


@pytest.fixture
def streaming(repl):
    """A REPL in which the model is in the middle of an answer, asked for in Lua."""
    terminal = repl()
    terminal.run("a = Agent.create{ max_tokens = 600 }")
    before = terminal.row
    terminal.enter(f"for text in a:stream('{LONG}') do io.write(text) end")
    wait_for_words(terminal, before, 40)
    return terminal, before


def test_ctrl_c_keeps_the_partial_answer_the_conversation_and_the_session(streaming):
    terminal, before = streaming
    seen = shown_since(terminal, before)
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert shown_since(terminal, before).startswith(seen[: len(seen) // 2])
    assert terminal.run("#a:messages()")[1:] == ["0"]
    assert terminal.run("#a:last().text > 20")[1:] == ["true"]
    assert terminal.run("a:last().finish_reason")[1:] == ['"cancelled"']
    terminal.run("answer = a:execute{ text = 'Say hello.', max_tokens = 5 }")
    assert terminal.run("#a:messages()")[1:] == ["2"]


def test_the_whole_answer_stays_on_the_screen(repl):
    terminal = repl()
    terminal.run("a = Agent.create{ max_tokens = 12 }")
    before = terminal.row
    terminal.run("for text in a:stream('Say hello.') do io.write(text) end")
    answer = terminal.run("print((a:last().text:gsub('%s+', ' ')))")[1:]
    assert shown_since(terminal, before).count(shown(answer)) == 2


def test_the_window_may_change_while_it_streams(streaming):
    terminal, _ = streaming
    terminal.resize(30, 100)
    after = terminal.row
    wait_for_words(terminal, after, 10)
    terminal.resize(16, 50)
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert terminal.run("1 + 1")[1:] == ["2"]


def test_chat_streams_and_ctrl_c_keeps_what_came(repl):
    terminal = repl()
    terminal.enter(".chat")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "chat> ")
    before = terminal.row
    terminal.enter(LONG)
    wait_for_words(terminal, before, 40)
    seen = shown_since(terminal, before)
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert seen[:60] in shown_since(terminal, before)
    assert "cancelled" in shown_since(terminal, before)
    terminal.run(".set max_tokens 8")
    before = terminal.row
    terminal.run("Say hello.")
    assert len(shown_since(terminal, before).split()) > 4
    terminal.enter(".lua")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "lua> ")
    assert terminal.run("#chat:messages()")[1:] == ["2"]
    assert terminal.run("chat:messages()[1].content")[1:] == ['"Say hello."']


def test_what_lua_says_to_the_chats_agent_is_in_the_chat(repl):
    terminal = repl()
    terminal.run("chat = Agent.create{ max_tokens = 4 }")
    terminal.run("answer = chat:execute('My name is Ada.')")
    terminal.enter(".chat")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "chat> ")
    terminal.run("What is my name?")
    terminal.enter(".lua")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "lua> ")
    assert terminal.run("#chat:messages()")[1:] == ["4"]


def test_a_background_task_prints_above_the_prompt_while_one_types(repl):
    terminal = repl()
    terminal.run("Task.spawn(function() for i = 1, 30 do sleep(0.05) print('tick ' .. i) end end); nothing = 1")
    typed = ""
    for letter in "typed_while_it_ticks = 7":
        terminal.type(letter)
        typed += letter
        terminal.wait_for(lambda t, typed=typed: t.cursor_line == "lua> " + typed)
    terminal.wait_for(lambda t: any("tick 30" in line for line in t.lines))
    terminal.wait_for(lambda t: t.cursor_line == "lua> typed_while_it_ticks = 7")
    ticks = [line for line in terminal.lines if line.startswith("tick")]
    assert ticks == [f"tick {i}" for i in range(1, 31)]
    assert terminal.lines.index("tick 30") < terminal.row
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.run("typed_while_it_ticks")[1:] == ["7"]


def test_an_error_of_a_background_task_is_said_above_the_prompt(repl):
    terminal = repl()
    terminal.run("Task.spawn(function() sleep(0.3) error('fell over') end); nothing = 1")
    terminal.type("still")
    terminal.wait_for("fell over")
    terminal.wait_for(lambda t: t.cursor_line == "lua> still")


def test_the_toolbar_counts_running_tasks(repl):
    terminal = repl()
    terminal.run("Task.spawn(function() sleep(60) end); nothing = 1")
    terminal.wait_for(lambda t: any("1 task" in line for line in t.below))
    assert any("smollm2" in line for line in terminal.below)
