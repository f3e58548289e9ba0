"""io and os: what a script may touch, standard input and output, the environment."""

import os
import subprocess
import time

import pytest

from llmspell.lua.runner import run_file

DENIED = "not granted by the sandbox"


@pytest.fixture
def outside(tmp_path):
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret.txt").write_text("secret")
    return place


def test_what_lies_outside_is_denied(prints, folder, outside):
    (folder / "link").symlink_to(outside / "secret.txt")
    (folder / "dir").symlink_to(outside)
    (folder / "inside.txt").write_text("inside")
    source = """
        for _, path in ipairs { "../outside/secret.txt", "%s/secret.txt", "link", "dir/secret.txt",
            "./x/../../outside/secret.txt", "/etc/passwd", "", ".." } do
          print(io.open(path), (io.open(path, "w")), (os.remove(path)), (os.rename(path, "x")), (pcall(io.lines, path)))
        end
        print((os.rename("inside.txt", "../outside/moved")))
        print(io.open("dir/new.txt", "w"))
    """
    lines = prints(source % outside)
    assert all(line.startswith("nil\tnil\tnil\tnil\tfalse") or DENIED in line for line in lines[:8])
    assert sum("secret" in line for line in lines) == sum(DENIED in line for line in lines if "secret" in line)
    assert lines[8] == "nil"
    assert sorted(path.name for path in outside.iterdir()) == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "secret"
    assert (folder / "inside.txt").exists()


def test_a_denial_says_what_to_change(prints, outside):
    line = prints(f"print((select(2, io.open('{outside}/secret.txt'))))")[0]
    assert line.endswith(
        f'not granted by the sandbox (add "{outside}" to `[sandbox] read` in llmspell.toml, '
        f"or run with --allow-read {outside})"
    )
    assert "`[sandbox] write`" in prints(f"print(select(2, io.open('{outside}/new.txt', 'w')))")[0]


def test_granted_places(prints, outside):
    read = {"sandbox.read": [str(outside)]}
    source = f"print(io.open('{outside}/secret.txt'):read('a'), (io.open('{outside}/new.txt', 'w')))"
    assert prints(source, settings=read) == ["secret\tnil"]
    write = {"sandbox.write": [str(outside)]}
    source = (
        f"local f = io.open('{outside}/new.txt', 'w') f:write('x') f:close() print(io.open('{outside}/new.txt'):read())"
    )
    assert prints(source, settings=write) == ["x"]


def test_the_folder_of_the_script_is_readable_and_the_working_directory_writable(
    folder, tmp_path, monkeypatch, session_for
):
    (folder / "main.lua").write_text(
        "local folder = arg[0]:match('.*/') "
        "print(io.open(folder .. 'data.txt'):read(), (io.open(folder .. 'new', 'w')))"
        "io.open('here.txt', 'w'):write('x')"
    )
    (folder / "data.txt").write_text("data")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    assert run_file(str(folder / "main.lua"), session_for(folder / "main.lua")) == 0
    assert (work / "here.txt").read_text() == "x"
    assert not (folder / "new").exists()


def test_temporary_files_go_with_the_script(prints):
    source = """
        local name = os.tmpname()
        local f = io.open(name, "w") f:write("kept") f:close()
        print(io.open(name):read())
        local t = io.tmpfile() t:write("x") t:seek("set") print(t:read())
        print(name)
    """
    lines = prints(source)
    assert lines[:2] == ["kept", "x"]
    assert not os.path.exists(lines[2]) and not os.path.exists(os.path.dirname(lines[2]))


def test_the_environment_is_granted_name_by_name(prints, monkeypatch):
    for name in ("SHOWN", "SHOWN_TOO", "HIDDEN", "SHOWN_API_KEY", "SHOWN_TOKEN"):
        monkeypatch.setenv(name, "value")
    source = """
        for _, name in ipairs { "SHOWN", "SHOWN_TOO", "HIDDEN", "SHOWN_API_KEY", "SHOWN_TOKEN", "PATH" } do
          io.write(tostring(os.getenv(name)), " ")
        end
    """
    assert prints(source) == ["nil nil nil nil nil nil "]
    assert prints(source, settings={"sandbox.env": ["SHOWN*"]}) == ["value value nil nil nil nil "]
    assert prints(source, settings={"sandbox.env": ["*"]})[0].split()[:5] == ["value", "value", "value", "nil", "nil"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_dates_agree_with_python(prints, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        moments = [0, 1, 86399, 1700000000, 1711846800, 1729990800, -1, 2**31, 4102444800]
        form = "%Y-%m-%d %H:%M:%S %j %p %y"
        source = (
            f"for _, t in ipairs {{ {', '.join(map(str, moments))} }} do "
            f"print(os.date('{form}', t), os.time(os.date('*t', t)), os.date('!%c', t)) end"
        )
        lines = prints(source)
        for moment, line in zip(moments, lines, strict=True):
            local = time.strftime(form, time.localtime(moment))
            assert line == f"{local}\t{moment}\t{time.strftime('%c', time.gmtime(moment))}"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_now_is_now(prints):
    before = int(time.time())
    moment, clock = prints("print(os.time()) print(os.clock() > 0)")
    assert before <= int(moment) <= time.time() and clock == "true"


STDIN = [
    ("io.read()", b"one\ntwo\n", ["one"]),
    ("io.read('L')", b"one\n", ["one", ""]),
    ("io.read('a')", b"one\ntwo", ["one", "two"]),
    ("io.read('n', 'n', 'l', 'l')", b"12 -3.5rest\nnext", ["12\t-3.5\trest\tnext"]),
    ("io.read(2, 3, 0, 10)", b"abcdefg", ["ab\tcde\t\tfg"]),
    ("io.read(), io.read(), io.read()", b"1\n\n", ["1\t\tnil"]),
    ("io.read('a'), io.read('a'), io.read('l')", b"", ["\t\tnil"]),
    ("io.read(0)", b"", ["nil"]),
    ("io.stdin:read('n'), io.stdin:read('a')", b"0x10p1xyz", ["32.0\txyz"]),
    ("#io.read('a')", b"\xff\x00\r\n" * 500_000, ["2000000"]),
]


@pytest.mark.parametrize(("call", "given", "printed"), STDIN)
def test_standard_input(prints, call, given, printed):
    assert prints(f"print({call})", stdin=given) == printed


def test_lines_of_standard_input(prints):
    source = "for line in io.lines() do io.write('[', line, ']') end for line in io.stdin:lines() do end"
    lines = prints(source, stdin=b"a\nb\n\nc")
    assert lines == ["[a][b][][c]"]


def test_other_tasks_run_while_one_reads(start):
    process = start("Task.spawn(function() print('other') end) print(io.read())", stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"other\n"
    out, err = process.communicate(b"line\n", timeout=20)
    assert (process.returncode, out, err) == (0, b"line\n", b"")


def test_bytes_that_are_no_text_come_through(start):
    process = start("io.write(io.read('a'), '\\xff\\0', ('é'):sub(1, 1))", stdin=subprocess.PIPE)
    out, err = process.communicate(b"\xfe\x80ok\xc3", timeout=20)
    assert (process.returncode, out, err) == (0, b"\xfe\x80ok\xc3\xff\0\xc3", b"")


def test_print_of_all_kinds(prints):
    source = """
        print() print(nil, true, 1, 1.5, "x", -0.0, 1e100, 1/0)
        print(setmetatable({}, { __tostring = function() return "own" end }), setmetatable({}, { __name = "Kind" }))
        io.write(1, " ", 2.5, " ", "x", "\\n")
        io.stdout:write("a"):write("b\\n")
    """
    assert prints(source) == ["", "nil\ttrue\t1\t1.5\tx\t-0.0\t1e+100\tinf", "own\tKind: 0x00000002", "1 2.5 x", "ab"]


def test_what_goes_to_stderr(run):
    result = run("io.stderr:write('err\\n') warn('careful') warn('@on') print('out')")
    assert (result.code, result.out, result.err) == (0, "out\n", "err\nLua warning: careful\n")


def test_output_is_shown_while_the_script_waits(start):
    process = start("print('shown') io.read()", stdin=subprocess.PIPE)
    assert process.stdout.readline() == b"shown\n"
    process.communicate(b"\n", timeout=20)
    assert process.returncode == 0


def test_standard_streams_stay_open(prints):
    assert prints("print(io.stdout:close()) print('still') print((io.close(io.stderr)))")[1:] == ["still", "nil"]


def test_reading_what_is_no_file(prints, folder):
    (folder / "sub").mkdir()
    source = """
        print(io.open("sub")) print(io.open("a\\0b"))
        local f = io.open("w.txt", "w") print(f:read()) f:close()
        print(pcall(function() f:read() end))
        print(io.open("sub/missing/x", "w"))
        print(os.remove("sub"), io.open("sub"))
    """
    lines = prints(source)
    assert lines[0].startswith("nil\tsub: Is a directory")
    assert lines[1].startswith("nil\t") and "invalid file name" in lines[1]
    assert lines[2] == "nil\tBad file descriptor\t9"
    assert lines[3] == "false\tmain.lua:4: attempt to use a closed file"
    assert lines[4].startswith("nil\tsub/missing/x: No such file")
    assert lines[5].startswith("true\tnil\tsub: No such file")


def test_files_that_are_forgotten_are_closed(run, folder):
    source = """
        for i = 1, 3000 do
          local f = assert(io.open("f" .. i % 10, "w"))
          f:write(i)
          if i % 50 == 0 then collectgarbage() sleep(0) end
        end
        print("done")
    """
    assert run(source).out == "done\n"
