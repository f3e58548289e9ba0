"""require, dofile, loadfile; what a script file may look like."""

import pytest


@pytest.fixture
def files(folder):
    """Write files of the script's folder: ``files({"lib/x.lua": "return 1"})``."""

    def files(texts):
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return files


def test_modules_by_name(prints, files):
    files(
        {
            "plain.lua": "local name, where = ... print('loading', name, where) return { v = 1 }",
            "lib/deep/inner.lua": "return { name = ... }",
            "pack/init.lua": "return 'package'",
            "nothing.lua": "",
            "falsy.lua": "return false",
        }
    )
    source = """
        print(require("plain").v, require("plain") == require("plain"))
        print(select(2, require("lib.deep.inner")), require("lib.deep.inner").name)
        print((require("pack")), (require("nothing")), package.loaded.nothing, (require("falsy")))
        package.loaded.plain = nil
        print(require("plain").v)
        package.preload.made = function(name, where) return name .. where end
        print((require("made")))
        package.loaded.given = 42
        print(require("given"), require("string") == string, require("_G") == _G)
    """
    assert prints(source) == [
        "loading\tplain\tplain.lua",
        "1\ttrue",
        "lib/deep/inner.lua\tlib.deep.inner",
        "package\ttrue\ttrue\tfalse",
        "loading\tplain\tplain.lua",
        "1",
        "made:preload:",
        "42\ttrue\ttrue",
    ]


def test_a_module_may_wait_while_it_loads(prints, files):
    files({"slow.lua": "print('begins') sleep(0.001) print('ends') return {}"})
    source = """
        local a = Task.spawn(require, "slow")
        local b = Task.spawn(require, "slow")
        local c = coroutine.wrap(function() return require("slow") end)()
        print(a:wait() == b:wait(), b:wait() == c)
    """
    assert prints(source) == ["begins", "ends", "true\ttrue"]


def test_when_one_of_two_loaders_is_cancelled_the_other_loads(prints, files):
    files({"slow.lua": "print('begins') sleep(0.001) print('ends') return 'value'"})
    source = """
        local a = Task.spawn(require, "slow")
        local b = Task.spawn(require, "slow")
        sleep(0)
        a:cancel()
        print((b:wait()))
        local c = Task.spawn(function() package.loaded.slow = nil return require("slow") end)
        local d = Task.spawn(require, "slow")
        sleep(0)
        d:cancel()
        print((c:wait()))
    """
    assert prints(source) == ["begins", "begins", "ends", "value", "begins", "ends", "value"]


def test_a_module_that_failed_can_be_loaded_again(prints, files):
    files({"bad.lua": "tries = (tries or 0) + 1\nif tries < 2 then\n  error('not yet')\nend\nreturn tries"})
    assert prints("print(pcall(require, 'bad')) print((require('bad')))") == ["false\tbad.lua:3: not yet", "2"]


def test_loops_are_found(run, prints, files):
    files({"a.lua": "return require('b')", "b.lua": "return require('a')", "self.lua": "require('self')"})
    assert "loop or previous error loading module 'self'" in prints("print(pcall(require, 'self'))")[0]
    assert "loop or previous error loading module 'a'" in prints("print(pcall(require, 'a'))")[0]
    result = run("Task.spawn(require, 'a') package.preload.x = function() sleep(0) end require('b')")
    assert result.code == 1


def test_mistakes_have_their_places(run, prints, files):
    files({"broken.lua": "local x =\n", "raises.lua": "\nlocal t = nil\nreturn t.x", "lib/deep.lua": "error('in lib')"})
    assert prints("print(pcall(require, 'broken'))") == [
        "false\terror loading module 'broken' from file 'broken.lua':",
        "\tbroken.lua:2: unexpected symbol near <eof>",
    ]
    result = run("require('raises')")
    assert result.err.splitlines()[0] == "raises.lua:3: attempt to index a nil value (local 't')"
    assert "main.lua:1: in main chunk" in result.err
    assert run("require('lib.deep')").err.startswith("lib/deep.lua:1: in lib")
    missing = run("require('not.there')")
    assert missing.err.startswith("main.lua:1: module 'not.there' not found:")
    assert "no field package.preload['not.there']" in missing.err and "not/there.lua" in missing.err


@pytest.mark.parametrize("name", ["../secret", "..secret", "/etc/passwd", "lib/../../secret", "link.secret", "\\0"])
def test_modules_outside_are_out_of_reach(prints, folder, name):
    (folder.parent / "secret.lua").write_text("return 'secret'")
    (folder / "link").symlink_to(folder.parent)
    lines = prints(
        f"print((pcall(require, '{name}'))) package.path = '/?;../?.lua;./?' print((pcall(require, '{name}')))"
    )
    assert lines == ["false", "false"]


def test_dofile_and_loadfile(prints, files):
    files({"lib/part.lua": "#!shebang\nlocal a = ...\nreturn a or 'none', where", "bad.lua": "x ="})
    source = """
        print(dofile("lib/part.lua"))
        print(loadfile("lib/part.lua", "t", { where = "own" })("arg"))
        print(loadfile("bad.lua"))
        print(loadfile("missing.lua"))
        print(pcall(dofile, "bad.lua"))
        print(pcall(loadfile))
        print((pcall(loadfile, {})))
        print(loadfile("lib/part.lua", "b"))
        sleep(0)
    """
    lines = prints(source)
    assert lines[:3] == ["none\tnil", "arg\town", "nil\tbad.lua:1: unexpected symbol near <eof>"]
    assert lines[3].startswith("nil\tcannot open missing.lua")
    assert lines[4] == "false\tbad.lua:1: unexpected symbol near <eof>"
    assert lines[6] == "false"
    assert lines[7].startswith("nil\tattempt to load a text chunk")


@pytest.mark.parametrize(
    "source",
    [
        b"#!/usr/bin/env llmspell\nerror('here')",
        b"# a note\nerror('here')",
        b"\xef\xbb\xbf\nerror('here')",
        b"\xef\xbb\xbf#!/usr/bin/env llmspell\nerror('here')",
        b"\r\nerror('here')\r\n",
        b"#!/usr/bin/env llmspell\r\nerror('here')\r\n",
        b"\n\terror('here')",
    ],
)
def test_line_numbers_hold(run, source):
    assert run(source).err.splitlines()[0] == "main.lua:2: here"


def test_crlf_in_long_strings(prints):
    assert prints(b"local s = [[a\r\nb]]\r\nprint(#s, s == 'a\\nb')\r\n") == ["3\ttrue"]


def test_syntax_errors(run):
    result = run("local x =\nprint(")
    assert result.code == 1
    assert result.err.splitlines()[0].startswith("main.lua:2: unexpected symbol near")
    assert "fault in llmspell" not in result.err


def test_package_may_go(prints, files):
    files({"m.lua": "return 'm'"})
    assert prints("package = nil print((require('m')))") == ["m"]
    assert prints("package.path = nil print((pcall(require, 'm')))") == ["false"]
    assert prints("package.path = 'lib/?.x;./?.lua' print((require('m')))") == ["m"]


def test_arguments(prints):
    source = """
        print(arg[0], #arg, arg[1], arg[2], ...)
        print(ARGS[1], ARGS["1"], ARGS.name, ARGS.flag, ARGS[0])
    """
    assert prints(source, arguments=["one", "--name=x", "--flag"]) == [
        "main.lua\t3\tone\t--name=x\tone\t--name=x\t--flag",
        "one\tone\tx\ttrue\tmain.lua",
    ]
