"""Completion as it is seen: the menus below the prompt of the real REPL."""

import pytest


@pytest.fixture
def menu(terminal):
    """Type something, wait until the menu shows a word, and give the screen below the prompt."""

    def show(typed, word, *keys):
        terminal.wait_prompt()
        terminal.type(typed)
        terminal.press(*keys)
        terminal.wait_for(lambda t: any(word in line for line in t.below))
        return terminal.below

    yield show
    terminal.press("ctrl-c")
    terminal.wait_prompt()


def test_globals(menu):
    assert any("string" in line for line in menu("stri", "string"))


def test_keywords(menu):
    menu("functio", "function")


def test_top_level_locals(menu, terminal):
    terminal.run("local remembered_number = 1")
    menu("remem", "remembered_number")


def test_fields_through_metatables(menu, terminal):
    terminal.run("base = { inherited_field = 1 }; derived = setmetatable({ own_field = 2 }, { __index = base })")
    shown = menu("derived.", "inherited_field", "tab")
    assert any("own_field" in line for line in shown)


def test_methods_after_a_colon_run_no_code_of_the_user(menu, terminal):
    terminal.run(
        "ran = 0; thing = setmetatable({ go = print, halt = print }, { __index = function() ran = ran + 1 end })"
    )
    menu("thing:", "halt", "tab")
    terminal.press("ctrl-c")
    assert terminal.run("ran")[1:] == ["0"]
    menu("('x'):upp", "upper")


def test_methods_of_an_agent(menu, terminal):
    terminal.run("helper = Agent.create{}")
    menu("helper:exe", "execute")


def test_names_of_models_without_a_request(menu):
    menu('Agent.create{ model = "smol', "smollm2:135m")


def test_files(menu, repl, terminal):
    terminal.run("f = io.open('written.lua', 'w'); f:write('return 1'); f:close()")
    menu('dofile("wri', "written.lua")


def test_commands(menu):
    menu(".sta", ".status")


def test_words_of_commands(menu):
    menu(".help Agen", "Agent")


def test_tab_takes_what_is_the_only_one(terminal):
    terminal.run("unmistakable = 5")
    terminal.type("unmist")
    terminal.wait_for(lambda t: t.cursor_line == "lua> unmist")
    terminal.press("tab")
    terminal.wait_for(lambda t: t.cursor_line == "lua> unmistakable")
    terminal.press("enter")
    terminal.wait_for(lambda t: t.at_prompt and t.lines[t.row - 1] == "5")


def test_enter_runs_the_line_and_takes_nothing_from_the_menu(menu, terminal):
    terminal.run("alphabet = 1; alpha = 2")
    menu("alpha", "alphabet")
    terminal.press("enter")
    terminal.wait_for(lambda t: t.at_prompt and t.lines[t.row - 1] == "2")


def test_the_signature_of_the_function_at_the_cursor_is_in_the_toolbar(terminal):
    terminal.wait_prompt()
    terminal.type("string.rep('x', ")
    terminal.wait_for(lambda t: any("string.rep(" in line for line in t.below))
    terminal.press("ctrl-c")
    terminal.wait_prompt()


def test_ten_thousand_fields_are_offered_while_typing_goes_on(menu, terminal):
    terminal.run("big = {}; for i = 1, 10000 do big['field_' .. i] = i end")
    menu("big.field_99", "field_9901")
    terminal.press("ctrl-c")
    assert terminal.run("big.field_9999")[1:] == ["9999"]


def test_enter_takes_what_was_chosen_and_then_runs_the_line(menu, terminal):
    terminal.run("chosen_one = 1; chosen_two = 2")
    menu("chosen_", "chosen_two")
    terminal.press("tab", "tab")
    terminal.wait_for(lambda t: t.cursor_line == "lua> chosen_two")
    terminal.press("enter")
    terminal.wait_for(lambda t: not t.below[0].strip())
    assert terminal.cursor_line == "lua> chosen_two"
    terminal.press("enter")
    terminal.wait_for(lambda t: t.at_prompt and t.lines[t.row - 1] == "2")
