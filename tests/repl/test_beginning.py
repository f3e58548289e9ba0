"""The first moments in a terminal: the user's own file, a file that is named, and a configuration with a fault."""


def initial(repl, source):
    (repl.config.parent / "init.lua").write_text(source, encoding="utf-8")


def test_a_users_file_that_never_ends_is_stopped_by_ctrl_c(repl):
    initial(repl, "mine = 7\nprint('begun')\nwhile true do end\n")
    terminal = repl.start()
    terminal.wait_for("begun")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert terminal.run("mine")[1:] == ["7"]


def test_a_users_file_may_leave(repl):
    initial(repl, "os.exit(3)\n")
    assert repl.start().wait_end() == 3


def test_the_file_that_is_named_runs_in_the_session(repl):
    initial(repl, "greeting = 'ahoy'\n")
    (repl.cwd / "app.lua").write_text("local said = greeting .. ' there'\nprint(said)\n", encoding="utf-8")
    terminal = repl("repl", "app.lua")
    assert "ahoy there" in terminal.screen
    assert terminal.run("#said")[1:] == ["10"]


def test_a_providers_table_with_a_fault_is_said_and_no_more(repl):
    repl.config.write_text(repl.config.read_text() + "\nthreds = 2\n", encoding="utf-8")
    terminal = repl()
    terminal.wait_for("threds")
    assert terminal.run("1 + 1")[1:] == ["2"]


def test_it_can_begin_in_the_chat(repl):
    repl.config.write_text(repl.config.read_text() + '\n[repl]\nmode = "chat"\n', encoding="utf-8")
    terminal = repl()
    assert terminal.cursor_line == "chat> "
    terminal.press("f3")
    terminal.wait_for(lambda terminal: terminal.cursor_line == "lua> ")
    assert terminal.run("6 * 7")[1:] == ["42"]
