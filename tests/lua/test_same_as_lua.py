"""The same source gives the same output in a bare Lua 5.4 and here, as long as nothing of it is left to chance."""

import re
from pathlib import Path

import lupa.lua54 as lupa
import pytest

TEXT = Path(__file__).with_name("snippets.lua").read_text()
SNIPPETS = dict(re.findall(r"^--## (.+)\n((?:(?!--## ).*\n)*)", TEXT, re.M))

CAPTURE = """
local lines, tostring, select, concat, pcall = {}, tostring, select, table.concat, pcall
function print(...)
  local parts = { ... }
  for i = 1, select("#", ...) do parts[i] = tostring(parts[i]) end
  lines[#lines + 1] = concat(parts, "\\t")
end
return function(source)
  local chunk = assert(load(source, "@main.lua"))
  chunk()
  return concat(lines, "\\n") .. "\\n"
end
"""


def bare(source):
    return lupa.LuaRuntime(max_memory=1 << 28).execute(CAPTURE)(source)


def without_names(text):
    """Functions that stand in for Lua's own are named as the script named them, which Lua itself does only mostly."""
    return re.sub(r"(bad argument #\d+ to )'[\w.]+\.(\w+)'", r"\1'\2'", text)


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet(run, name):
    source = SNIPPETS[name]
    result = run(source)
    assert result.err == ""
    assert without_names(result.out) == without_names(bare(source))


def test_there_are_many_snippets():
    assert len(SNIPPETS) >= 60


NAMES = """
local names = {}
for _, library in ipairs { "_G", "coroutine", "io", "math", "os", "package", "string", "table", "utf8" } do
  for name in pairs(_G[library]) do names[#names + 1] = library .. "." .. name end
end
for name in pairs(%s) do names[#names + 1] = "file:" .. name end
table.sort(names)
return table.concat(names, "\\n")
"""
LEFT_OUT = {
    "_G.debug", "_G.python", "package.cpath", "package.loadlib", "package.searchers", "package.searchpath",
    "string.dump",
}  # fmt: skip
ADDED = {
    "_G.ARGS", "_G.Agent", "_G.Config", "_G.JSON", "_G.LocalLLM", "_G.Provider", "_G.Task", "_G.arg", "_G.loadstring",
    "_G.parallel", "_G.sleep", "_G.timeout", "_G.unpack", "math.pow",
}  # fmt: skip


def test_every_name_of_lua_is_here_but_those_left_out_on_purpose(prints):
    theirs = set(lupa.LuaRuntime().execute(NAMES % "getmetatable(io.stdout).__index").split("\n"))
    ours = set(prints("print((function() " + NAMES % "{}" + " end)())"))
    methods = {name for name in theirs if name.startswith("file:") and "__" not in name}
    assert theirs - ours - methods == LEFT_OUT | {name for name in theirs if name.startswith("file:__")}
    assert ours - theirs <= ADDED
    assert prints("".join(f"print(type(io.stdout.{name[5:]})) " for name in sorted(methods))) == ["function"] * len(
        methods
    )
