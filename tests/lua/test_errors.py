"""What a script's errors look like, and the exit codes that they make."""


def test_an_error_is_shown_with_its_position_and_traceback(run):
    result = run("local function ask()\n  error('no')\nend\nask()")
    assert result.code == 1
    assert result.out == ""
    lines = result.err.splitlines()
    assert lines[0] == "main.lua:2: no"
    assert "main.lua:2: in upvalue 'ask'" in result.err or "main.lua:2: in local 'ask'" in result.err
    assert "main.lua:4: in main chunk" in result.err
    assert "llmspell" not in result.err
