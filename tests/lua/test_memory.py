"""The memory limit ends a script with a message, whatever it does at the limit, and never the process."""

import pytest

SMALL = {"sandbox.memory_mb": 16}

EXHAUSTING = {
    "a table": "local t = {} for i = 1, 1e9 do t[i] = { i } end",
    "a string": "local s = 'x' while true do s = s .. s end",
    "string.rep": "local s = ('x'):rep(1 << 30)",
    "table.concat": "local t = {} for i = 1, 1e6 do t[i] = 'xxxxxxxxxxxxxxxxxxxxxxxx' end local s = table.concat(t)",
    "string.format": "local s = ('x'):rep(6e6) local t = string.format('%s%s%s', s, s, s)",
    "gsub": "local s = ('x'):rep(1e6):gsub('x', ('y'):rep(1000))",
    "deep recursion": "local function f(n) return f(n + 1) + 1 end local t = {} "
    "while true do t[#t + 1] = {} pcall(f, 1) end",
    "coroutines": "local t = {} while true do local co = coroutine.create(coroutine.yield) "
    "t[#t + 1] = co coroutine.resume(co) end",
    "tasks": "while true do Task.spawn(sleep, 1) end",
    "load": "local s = ('a=1 '):rep(2e6) assert(load(s))",
    "pcall in a loop": "while true do pcall(function() local t = {} for i = 1, 1e9 do t[i] = {} end end) end",
    "xpcall": "xpcall(function() local t = {} for i = 1, 1e9 do t[i] = {} end end, print) print('swallowed')",
    "coroutine.resume": "print(coroutine.resume(coroutine.create(function() local t = {} "
    "for i = 1, 1e9 do t[i] = {} end end))) print('swallowed')",
    "coroutine.wrap": "print(pcall(coroutine.wrap(function() local t = {} for i = 1, 1e9 do t[i] = {} end end))) "
    "print('swallowed')",
    "a task": "local t = Task.spawn(function() local t = {} for i = 1, 1e9 do t[i] = {} end end) "
    "print(pcall(t.wait, t)) print('swallowed')",
    "parallel": "parallel({ 1, 2 }, function() local t = {} for i = 1, 1e9 do t[i] = {} end end) print('swallowed')",
    "a close handler": "local c <close> = setmetatable({}, { __close = function() local t = {} "
    "for i = 1, 1e9 do t[i] = {} end end })",
    "JSON.stringify": "local t = { ('x'):rep(1000) } for i = 1, 30 do t = { t, t } end print(#JSON.stringify(t))",
    "JSON.parse": "JSON.parse('[' .. ('[],'):rep(3e6) .. '1]')",
    "pairs of many keys": "local t = {} for i = 1, 1e6 do t['k' .. i] = i end for k in pairs(t) do end",
    "a big answer": "local t = {} while true do t[#t + 1] = Test.big(1e6) end",
    "a big file": "local t = {} for i = 1, 40 do t[i] = io.open('big'):read('a') end",
}


@pytest.mark.parametrize("way", EXHAUSTING)
def test_a_script_without_memory_ends_with_a_message(run, folder, way):
    (folder / "big").write_bytes(b"x" * 1_000_000)

    async def big(size):
        return "x" * int(size)

    result = run(EXHAUSTING[way], settings=SMALL, ops={"big": big})
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "the script needed more memory than its limit of 16 MB\nhint: raise `[sandbox] memory_mb` in llmspell.toml\n"
    )


def test_a_script_within_its_limit_is_left_alone(run):
    source = "for i = 1, 200 do local s = ('x'):rep(1e6) end local t = {} for i = 1, 1e5 do t[i] = i end print(#t)"
    assert run(source, settings=SMALL).out == "100000\n"


FUZZ = """
import sys
from llmspell.lua.driver import Driver
from llmspell.lua.effects import Live
from llmspell.lua.vm import Vm

SOURCE = '''
local hold, fill, size, way = {}, ...
fill, size, way = tonumber(fill), tonumber(size), tonumber(way)
for i = 1, fill do hold[i] = ('x'):rep(1000) .. i end
if way == 0 then hold[0] = Test.sync(size) end
if way == 1 then hold[0] = Test.async(size) end
if way == 2 then hold[0] = Test.records(size) end
if way == 3 then Test.take(('y'):rep(size), { a = ('z'):rep(size), b = { 1, 2, 3 } }) end
if way == 4 then Test.give(('y'):rep(size)) end
if way == 5 then pcall(Test.fail, size) pcall(Test.refuse, size) end
'''
MODULE = '''
local Test = {}
function Test.sync(n) return call('sync', n) end
function Test.async(n) return await('async', n) end
function Test.records(n) return await('records', n) end
function Test.take(...) return await('take', ...) end
function Test.give(...) return call('give', ...) end
function Test.fail(n) return await('fail', n) end
function Test.refuse(n) return call('fail', n) end
return Test
'''

def fail(size):
    raise ValueError('e' * int(size))

ops = {
    'sync': lambda n: 'r' * int(n), 'async': lambda n: 'r' * int(n), 'take': lambda *a: None, 'give': lambda *a: True,
    'records': lambda n: [{'name': 'n' * 10, 'values': [1, 2.5, None]} for _ in range(int(n) // 50)], 'fail': fail,
}
ended = exhausted = 0
for round in range(int(sys.argv[1])):
    way = round % 6
    live = Live(ops)
    vm = Vm(lambda op, *args: live.call(op, args), memory_mb=1)
    driver = Driver(vm, live)
    assert vm.load_module('Test', MODULE) is None
    root = vm.load(SOURCE.encode(), 'm', str(600 + round * 37 % 400), str(1 << (round % 19)), str(way))
    driver.run()
    if driver.fatal is not None:
        exhausted += 1
    else:
        ended += driver.ended[root] is None
print(ended, exhausted)
"""


def test_hundreds_of_hand_overs_at_the_limit_abort_nothing(python):
    process = python(FUZZ, "400")
    assert process is not None and process.returncode == 0, process
    ended, exhausted = map(int, process.stdout.split())
    assert ended + exhausted == 400
    assert ended > 50 and exhausted > 50
