"""The rules of llmspell.lua.vm: what happens to a process that breaks them with bare lupa, and that ours lives.

Each pair runs two children: one breaks the rule on purpose and dies by a signal or hangs, the other does the same
through our own state. When a release of lupa makes a broken rule harmless, its test fails and can go.
"""

import pytest

BARE = """
import lupa.lua54 as lupa, gc, sys
lua = lupa.LuaRuntime(unpack_returned_tuples=True)
"""

OURS = """
import gc, sys
from llmspell.lua.driver import Driver
from llmspell.lua.effects import Live
from llmspell.lua.vm import Vm

def run(source, ops={}, module='', **options):
    live = Live(ops)
    vm = Vm(lambda op, *args: live.call(op, args), **options)
    driver = Driver(vm, live)
    if module:
        assert vm.load_module('Test', module) is None
    root = vm.load(source.encode(), 'm')
    driver.run()
    return driver, root

"""


def died(process):
    """By a signal, or not at all until it was killed."""
    return process is None or process.returncode < 0


def lived(process):
    return process is not None and process.returncode == 0 and "lived" in process.stdout


# 1: wrappers of Python objects


def test_rule_1_python_may_free_an_object_that_lua_holds(python):
    """Whether a process crashes on that is chance; that the reference is lost is not."""
    code = """
class Thing:
    pass
lua.execute('heap = {} for i = 1, 20000 do heap[i] = {} end collectgarbage("stop") held = {}')
hold = lua.eval('function(thing, i) held[i] = thing end')
step = lua.eval('function() collectgarbage("step", 1) end')
things = [Thing() for _ in range(2000)]
count = lambda i: sys.getrefcount(things[i])
alone = count(0)
for i in range(2000):
    hold(things[i], i)
held = count(0)
lua.execute('held = {}')
while all(count(i) == held for i in range(2000)):
    step()
dying = [i for i in range(2000) if count(i) == held]  # their wrappers are dead, their finalizers have yet to run
for i in dying:
    hold(things[i], i)
lua.execute('collectgarbage("restart") collectgarbage() collectgarbage()')
print('lost', sum(count(i) == alone for i in dying))
"""
    process = python(BARE + code)
    assert died(process) or int(process.stdout.split()[1]) > 0


def test_rule_1_no_object_of_python_gets_into_lua(python):
    code = """
class Thing:
    pass
async def thing():
    return Thing()
ops = {'plain': lambda: Thing(), 'list': lambda: [1], 'error': lambda: ValueError('x'), 'inside': lambda: (1, {}),
       'waits': thing, 'huge': lambda: 1 << 70, 'function': lambda: print, 'late': lambda: [Thing()]}
module = '''
local T = {}
for _, op in ipairs { "plain", "list", "error", "inside", "function", "huge" } do
  T[op] = function() return call(op) end
end
for _, op in ipairs { "waits", "late" } do T[op] = function() return await(op) end end
return T'''
source = '''
for _, op in ipairs { "plain", "list", "error", "inside", "function", "waits", "late" } do
  local ok, e = pcall(Test[op])
  assert(not ok and type(e) == "table" and e.type, op)
end
assert(Test.huge() == 2.0 ^ 70)
for name, value in pairs(_G) do assert(type(value) ~= "userdata", name) end
'''
driver, root = run(source, ops, module)
assert driver.ended[root] is None, driver.ended[root]
print('lived')
"""
    process = python(OURS + code)
    assert lived(process), process


# 2: host functions that raise or return much


def test_rule_2_a_function_that_returns_much_at_the_memory_limit(python):
    code = """
lua = lupa.LuaRuntime(max_memory=2 << 20)
lua.globals().big = lambda: 'x' * (4 << 20)
try:
    lua.execute('local s = big()')
except lupa.LuaMemoryError:
    print('lived')
"""
    assert died(python(BARE + code, limit=5))


def test_rule_2_ours_returns_much_at_the_memory_limit(python):
    code = """
source = "local t = {} for i = 1, 1e9 do t[i] = Test.big() end"
module = "return { big = function() return call('big') end }"
driver, root = run(source, {'big': lambda: 'x' * (4 << 20)}, module, memory_mb=2)
print('lived', driver.fatal)
"""
    process = python(OURS + code)
    assert lived(process) and "limit of 2 MB" in process.stdout


# 3: what was made while a coroutine ran


def test_rule_3_a_table_kept_from_a_call_out_of_a_coroutine(python):
    code = """
kept = []
lua.globals().keep = kept.append
lua.execute('''
for i = 1, 200 do
  local co = coroutine.create(function() keep({ i }) end)
  coroutine.resume(co)
end
collectgarbage() collectgarbage()
local junk = {} for i = 1, 20000 do junk[i] = coroutine.create(print) end junk = nil collectgarbage()
''')
print(sum(t[1] for t in kept))
del kept[:]
gc.collect()
lua.execute('collectgarbage()')
print('lived')
"""
    assert died(python(BARE + code, env={"MALLOC_PERTURB_": "165"}))


def test_rule_3_ours_keeps_what_an_op_got_from_a_coroutine(python):
    code = """
kept = []
async def keep(value):
    kept.append(value)
source = '''
for i = 1, 200 do
  local co = coroutine.create(function() Test.keep({ i }) end)
  coroutine.resume(co)
end
collectgarbage() collectgarbage()
local junk = {} for i = 1, 20000 do junk[i] = coroutine.create(print) end junk = nil collectgarbage()
'''
driver, root = run(source, {'keep': keep}, "return { keep = function(v) return await('keep', v) end }")
assert sum(t[0] for t in kept) == 20100 and all(type(t) is list for t in kept)
print('lived')
"""
    assert lived(python(OURS + code, env={"MALLOC_PERTURB_": "165"}))


# 4: finalizers that call Python


def test_rule_4_a_finalizer_that_calls_python_while_the_state_is_destroyed(python):
    code = """
class Cycle:
    pass
def once():
    state = lupa.LuaRuntime()
    state.globals().note = lambda *_: len([object() for _ in range(10)])
    state.execute('for i = 1, 2000 do local t = setmetatable({}, { __gc = function() note(i) end }) _G[i] = t end')
    cycle = Cycle()
    cycle.state, cycle.itself, cycle.back = state, cycle, state.globals()
gc.disable()
for _ in range(20):
    once()
    gc.collect()
print('lived')
"""
    assert died(python(BARE + code, env={"MALLOC_PERTURB_": "165", "PYTHONMALLOC": "debug"}))


def test_rule_4_ours_leaves_notes(python):
    code = """
class Cycle:
    pass
released = []
def once():
    module = '''
local T = {}
function T.make(i) return bind({}, {}, "thing", i) end
return T'''
    driver, root = run('for i = 1, 2000 do _G["g" .. i] = Test.make(i) Test.make(-i) end collectgarbage()', {}, module)
    released.extend(driver.vm.dead())
    cycle = Cycle()
    cycle.state, cycle.itself = driver, cycle
gc.disable()
for _ in range(10):
    once()
    gc.collect()
assert len(released) > 1000 and all(kind == 'thing' and number < 0 for kind, number in released), len(released)
print('lived')
"""
    process = python(OURS + code, env={"MALLOC_PERTURB_": "165", "PYTHONMALLOC": "debug"})
    assert lived(process), process


def test_a_finalizer_that_never_ends_hangs_bare_lua_and_is_refused_here(python, prints):
    code = "lua.execute('setmetatable({}, { __gc = function() while true do end end }) collectgarbage()')"
    assert python(BARE + code, limit=2) is None
    assert prints("print(pcall(setmetatable, {}, { __gc = print }))")[0].startswith("false\t")


# 5: writing to tables of scripts, and errors that leave

ABORTS = {
    "a raising __newindex": "t = lua.eval('setmetatable({}, { __newindex = function() error(1) end })')\nt['x'] = 1",
    "a key that is no number": "t = lua.eval('{}')\nt[float('nan')] = 1",
    "a push at the memory limit": "lua = lupa.LuaRuntime(max_memory=2 << 20)\n"
    "t = lua.eval('{}')\nt['x'] = 'y' * (4 << 20)",
    "an argument at the memory limit": "lua = lupa.LuaRuntime(max_memory=2 << 20)\n"
    "f = lua.eval('function() end')\nf('y' * (4 << 20))",
    "a deep list": "v = []\nfor _ in range(100000): v = [v]\nlua.table_from(v, recursive=True)",
}


@pytest.mark.parametrize("what", ABORTS)
def test_rule_5_bare_lupa_aborts(python, what):
    assert died(python(BARE + ABORTS[what], limit=10))


def test_rule_5_ours_hands_the_same_over(python):
    code = """
nest = []
for _ in range(100000):
    nest = [nest]
shared = [1]
async def give(what):
    return {'deep': nest, 'nan': float('nan'), 'big': 'y' * (4 << 20), 'shared': [shared, [2], shared, [2]]}[what]
source = '''
assert(not pcall(Test.give, "deep"))
assert(Test.give("nan") ~= Test.give("nan"))
local s = Test.give("shared")
assert(s[1][1] == 1 and s[2][1] == 2 and s[3][1] == 1 and s[4][1] == 2)
assert(not pcall(Test.give, setmetatable({}, { __newindex = error, __index = error, __len = error, __pairs = error })))
Test.give("big")
error("never")
'''
module = "return { give = function(v) return await('give', v) end }"
driver, root = run(source, {'give': give}, module, memory_mb=2)
assert 'limit of 2 MB' in str(driver.fatal), (driver.fatal, driver.ended)
print('lived')
"""
    process = python(OURS + code)
    assert lived(process), process


# the rows that end in wrong values


def test_shared_lists_are_wrong_in_bare_lupa():
    import lupa.lua54 as lupa

    lua = lupa.LuaRuntime()
    a, b = [1], [2]
    table = lua.table_from([a, b, a, b], recursive=True)
    assert [list(table[i].values()) for i in range(1, 5)] != [[1], [2], [1], [2]]


def test_the_first_of_two_errors_can_be_raised_again(prints):
    async def fail(text):
        raise ValueError(text)

    source = """
        local _, first = pcall(Test.fail, "one")
        local _, second = pcall(Test.fail, "two")
        local ok, e = pcall(error, first)
        print(e.message, rawequal(e, first))
    """
    assert prints(source, ops={"fail": fail}) == ["'test.fail' failed with ValueError: one\ttrue"]


def test_bytecode_is_refused(prints):
    source = r"""
        print(load("\27Lua" .. ("x"):rep(100)))
        print(load("\27LuaT\0\x19\x93\r\n\x1a\n", "b", "b"))
        print(load("\27Lua", "b", "bt"))
        print(string.dump)
    """
    lines = prints(source)
    assert lines[0].startswith("nil\tattempt to load a binary chunk")
    assert all(line.startswith("nil") for line in lines)
