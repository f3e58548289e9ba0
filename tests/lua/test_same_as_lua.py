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
