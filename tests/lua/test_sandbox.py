"""A script sees a whitelist of Lua, no object of Python, and no mark of the kernel."""

import pytest

ABSENT = [
    "debug",
    "python",
    "package.loadlib",
    "package.searchers",
    "package.cpath",
    "string.dump",
    "io.python",
    "os.python",
    "package.loaded.python",
    "package.loaded.debug",
    "package.loaded['_G'].debug",
    "package.preload.debug",
    "_G.python",
    "_ENV.python",
    "coroutine.running and debug",
    "rawget(_G, 'debug')",
    "getmetatable(_G)",
    "load('return python')()",
    "load('return debug')()",
    "load('return print', 'n', 't', {})()",
    "load('return debug', 'n', 't')()",
    "select(2, pcall(require, 'x')).python",
]


@pytest.mark.parametrize("name", ABSENT)
def test_it_is_not_there(prints, name):
    assert prints(f"print({name})") == ["nil"]


REFUSED = [
    "require('debug').sethook()",
    "require('python')",
    "require('os').execute('true').x = 1",
    "setmetatable({}, { __gc = print })",
    "setmetatable('', {})",
    "getmetatable('').__index = nil",
    "getmetatable(io.stdout).__index = nil",
    "getmetatable(Task.spawn(sleep, 0)).__index = nil",
    "getmetatable(JSON.null).__index = nil",
    "JSON.null.x = 1",
    "load('\\27Lua')()",
    "load(string.dump(function() end))()",
    "assert(io.popen('true'))",
    "assert(os.execute('true'))",
    "coroutine.close((coroutine.running()))",
    "string.rep('x', 1 << 60)",
    "('x'):rep(1 << 60)",
    "string.format('%99999d', 1)",
    "setmetatable(_G, { __gc = print })",
    "dofile('/etc/passwd')",
    "assert(loadfile('/etc/passwd'))",
    "assert(loadfile('../secret.lua'))",
    "require('../secret')",
    "require('/etc/passwd')",
    "package.path = '/etc/?' require('passwd')",
    "package.path = '../?.lua' require('secret')",
    "collectgarbage('setpause', 0).x = 1",
    "error(setmetatable({}, { __gc = print }))",
    "table.unpack({}, 1, 1e8)",
    "string.char(-1)",
    "utf8.char(-1)",
    "math.randomseed({})",
]


@pytest.mark.parametrize("attempt", REFUSED)
def test_it_is_refused(prints, folder, attempt):
    (folder.parent / "secret.lua").write_text("return 'secret'")
    lines = prints(f"local ok, e = pcall(function() {attempt} end) print(ok) print(Task ~= nil and print ~= nil)")
    assert lines == ["false", "true"]


TRICKS = {
    "__eq of a yielded value sees no mark": """
        local seen
        local spy = setmetatable({}, { __eq = function(a, b) seen = b return true end })
        local co = coroutine.wrap(function() coroutine.yield(spy) end)
        print(co() ~= nil, seen)""",
    "__eq of an error sees no mark": """
        local seen
        local spy = setmetatable({}, { __eq = function(a, b) seen = b return true end })
        print(pcall(error, spy), seen)
        print(xpcall(error, function(e) return seen end, spy))
        print(coroutine.resume(coroutine.create(error), spy), seen)
        local t = Task.spawn(error, spy)
        print(pcall(t.wait, t), seen)""",
    "__eq of a value for JSON and ops sees no null": """
        local seen
        local spy = setmetatable({ 1 }, { __eq = function(a, b) seen = b return true end })
        print(JSON.stringify({ spy, a = nil }), Test.echo(spy)[1], seen)
        local empty = setmetatable({}, { __eq = function(a, b) seen = b return true end })
        print(JSON.stringify({ empty }), next(Test.echo({ x = empty }).x), seen)""",
    "__eq of a metatable's metatable sees no file": """
        local seen
        local meta = setmetatable({}, { __eq = function(a, b) seen = b return true end })
        print(pcall(io.stdout.write, setmetatable({ id = 1 }, meta), "x"))
        print(io.type(setmetatable({}, meta)), seen)""",
    "an iterator receives no marks": """
        local inner = coroutine.wrap(function() Test.echo(1) coroutine.yield("v") end)
        local values = table.pack(inner())
        print(values.n, values[1])""",
    "a resumed coroutine shows no marks": """
        local co = coroutine.create(function() return Test.echo("r") end)
        print(coroutine.resume(co))
        print(coroutine.status(co))""",
    "the globals may go": """
        local p, json, par, t = print, JSON, parallel, Task
        string.format, table.sort, table.concat, table.unpack, coroutine.yield, math.type = nil
        string.find, string.gsub, string.sub, string.byte, string.match, string.gmatch, string.rep = nil
        pairs, ipairs, next, type, tostring, error, pcall, select, setmetatable, getmetatable, rawget = nil
        string, table, math, coroutine, os, io, utf8, package, require, print, load, sleep = nil
        p(json.stringify({ b = { 1, 2.5, "x" }, a = "é\\n" }), json.parse('{"a":[1,null,{}]}').a[1])
        p(par({ function() return 1 end })[1].value, t.spawn(function() return 2 end):wait())
        p(#Test.echo({ 1, 2 }))""",
    "string methods may be replaced": """
        local p = print
        for _, name in ipairs { "format", "gsub", "sub", "find", "match", "rep", "byte", "gmatch" } do
          string[name] = function() error("spoilt " .. name) end
        end
        p(JSON.stringify({ a = "x\\n" }), JSON.parse('["\\\\u00e9"]')[1])
        p(parallel({ function() return 1 end })[1].value, os.date("%Y", 0) ~= nil, tostring(1.5))""",
    "an error's methods may be replaced": """
        local ok, e = pcall(Test.fail)
        string.upper = nil
        print(e.message, e:len() > 0, (pcall(function() return e:upper() end)))
        string = nil
        print(e:len() > 0, e.nothing)""",
    "library tables are the script's own": """
        package.loaded.string = nil
        package.loaded._G = nil
        print(require == require, (pcall(require, "nothing")))""",
    "a weak table stays strong": """
        local t = setmetatable({}, { __mode = "k" })
        t[{}] = 1
        collectgarbage() collectgarbage()
        print(next(t) ~= nil, getmetatable(t).__mode)""",
    "collectgarbage gives what it should": """
        print(type(collectgarbage("count")), collectgarbage(), collectgarbage("step"), collectgarbage("isrunning"))
        print(collectgarbage("incremental"), collectgarbage("generational"), collectgarbage("stop"))""",
    "no method reaches a task of the kernel": """
        local t = Task.spawn(sleep, 0)
        print(t.parent, t.children, t.co, t.results, next(t), rawget(t, "status"), #t)""",
    "an empty text may be repeated for ever": """
        print(#(""):rep(1e18 // 1), #string.rep("", 1 << 62))""",
}


async def echo(value):
    return value


async def fail():
    raise ValueError("no")


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_gets_nowhere(run, trick):
    result = run(TRICKS[trick], ops={"echo": echo, "fail": fail})
    assert (result.code, result.err) == (0, ""), result
    for word in ("userdata", "PyObject", "cancellation", "built-in"):
        assert word not in result.out
    assert result.out == EXPECTED[trick]


EXPECTED = {
    "__eq of a yielded value sees no mark": "true\tnil\n",
    "__eq of an error sees no mark": "false\tnil\nfalse\tnil\nfalse\tnil\nfalse\tnil\n",
    "an error's methods may be replaced": "'test.fail' failed with ValueError: no\ttrue\tfalse\ntrue\tnil\n",
    "library tables are the script's own": "true\tfalse\n",
    "collectgarbage gives what it should": "number\t0\ttrue\ttrue\nincremental\tincremental\t0\n",
    "__eq of a value for JSON and ops sees no null": "[[1]]\t1\tnil\n[{}]\tnil\tnil\n",
    "__eq of a metatable's metatable sees no file": "false\tbad argument #1 to 'write' (FILE* expected, got table)\n"
    "nil\tnil\n",
    "an iterator receives no marks": "1\tv\n",
    "a resumed coroutine shows no marks": "true\tr\ndead\n",
    "the globals may go": '{"a":"é\\n","b":[1,2.5,"x"]}\t1\n1\t2\n2\n',
    "string methods may be replaced": '{"a":"x\\n"}\té\n1\ttrue\t1.5\n',
    "a weak table stays strong": "true\tnil\n",
    "no method reaches a task of the kernel": "nil\tnil\tnil\tnil\tnil\tnil\t0\n",
    "an empty text may be repeated for ever": "0\t0\n",
}


def test_no_value_that_a_script_can_reach_is_an_object_of_python(prints):
    source = """
        local seen, odd, count = {}, {}, 0
        local function walk(value, path)
          local kind = type(value)
          if kind == "userdata" then odd[#odd + 1] = path end
          if kind ~= "table" or seen[value] then return end
          seen[value] = true
          count = count + 1
          for key, inner in pairs(value) do walk(key, path) walk(inner, path .. "." .. tostring(key)) end
          local meta = getmetatable(value)
          if type(meta) == "table" then walk(meta, path .. "<meta>") end
        end
        walk(_G, "_G")
        walk(package.loaded, "loaded")
        walk(getmetatable(""), "string")
        print(#odd, table.concat(odd, " "), count > 8)
    """
    assert prints(source) == ["0\t\ttrue"]


def test_there_are_many_attempts():
    assert len(ABSENT) + len(REFUSED) + len(TRICKS) >= 60
