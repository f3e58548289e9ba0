"""One script with one set of answers prints the same bytes each time; a run that was written down can be replayed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.config.sandbox import Grants
from llmspell.lua.driver import Driver
from llmspell.lua.effects import Live
from llmspell.lua.journal import Divergence, Recorder, Replay
from llmspell.lua.system_ops import System
from llmspell.lua.vm import Vm

LAUNCH = str(Path(__file__).with_name("launch.py"))

CHANCE = r"""
-- order of keys
local names = {}
for i = 1, 200 do names["key" .. i * 7919 % 1000] = i end
for k, v in pairs(names) do io.write(k, "=", v, " ") end print()
for i = 1, 150 do names["key" .. i * 7919 % 1000] = nil end
for k, v in pairs(names) do io.write(k, "=", v, " ") end print()
local k = next(names) print(k, (next(names, k)))
local mixed = { 1, 2, x = 1, [2.5] = 1, [true] = 1, [-3] = 1, y = 2, [false] = 2 }
for k, v in pairs(mixed) do io.write(tostring(k), " ") end print()
local objects, list = {}, {}
for i = 1, 20 do list[i] = setmetatable({}, {}) objects[list[i]] = i end
for k, v in pairs(objects) do io.write(v, " ") end print()
print(JSON.stringify({ b = 1, a = { z = 1, y = 2, x = { 3, 2, 1 } }, c = "x" }))
-- addresses
print({}, print, coroutine.create(print), io.stdout, string.format("%s %p", {}, {}), tostring(list[3]))
print(Task.spawn(function() end) ~= nil, string.format("%s", setmetatable({}, { __name = "Mine" })))
-- ties
local people = {}
for i = 1, 1000 do people[i] = { age = i <= 500 and i or 1001 - i, id = i } end
table.sort(people, function(a, b) return a.age < b.age end)
for i = 1, 1000, 37 do io.write(people[i].id, " ") end print()
-- seeded chance, weak tables, errors, tracebacks
math.randomseed(42)
print(math.random(1 << 40), math.random(), math.random(5))
local weak = setmetatable({}, { __mode = "k" })
for i = 1, 1000 do weak[{}] = i end
collectgarbage()
local n = 0 for _ in pairs(weak) do n = n + 1 end print(n)
print(pcall(string.rep)) print(pcall(error, {})) print(select(2, pcall(ipairs)))
local ok, e = pcall(function() Task.spawn() end) print(e)
local ok, e = pcall(function() string.gsub("x", "x", function() sleep(0) end) end) print(e, e.traceback)
-- tasks
for _, r in ipairs(parallel({ 3, 1, 2 }, function(x) for i = 1, x do sleep(0) end io.write(x, " ") return x end)) do
  io.write(r.value, ";")
end
print()
local t = {} for i = 1, 100 do t[i] = Task.spawn(function() sleep(0) io.write(i, " ") end) end
for i = 1, 100 do t[i]:wait() end print()
"""


def test_twenty_processes_print_the_same_bytes(folder):
    (folder / "main.lua").write_text(CHANCE)
    outputs = set()
    for seed in range(20):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed * 101), "MALLOC_PERTURB_": str(seed)}
        process = subprocess.run(
            [sys.executable, LAUNCH, "{}", "main.lua"], capture_output=True, env=environment, timeout=60
        )
        assert (process.returncode, process.stderr) == (0, b"")
        outputs.add(process.stdout)
    assert len(outputs) == 1
    assert outputs.pop().count(b"\n") > 20


EVERYTHING = r"""
local function agent(i)
  sleep((i * 37 % 11) / 5000)
  local prompt = JSON.stringify({ question = i, chance = math.random(1000), at = os.time() > 0, tag = tostring({}) })
  local answer = Model.ask(prompt)
  if i % 7 == 0 then Model.fail("no " .. i) end
  local parts = {}
  for j = 1, 3 do parts[j] = Model.chunk(i, j).text end
  print(i, #answer, table.concat(parts, "|"))
  return #parts
end
local items = {}
for i = 1, 50 do items[i] = i end
for i, r in ipairs(parallel(items, agent, { max_concurrency = 20 })) do print(i, r.ok, r.value, r.error) end
print(os.getenv("HOME"), os.getenv("SHOWN"), os.date("%Y") > "2000", os.clock() >= 0)
local f = assert(io.open("notes.txt", "w")) f:write("kept ", math.random(1e6), "\n") f:close()
for line in io.lines("notes.txt") do print(line) end
print(io.open("/etc/passwd"), io.open("missing"), os.remove("missing"))
print(collectgarbage("count") > 0)
print(pcall(timeout, 0.01, sleep, 1000))
local t = Task.spawn(function() sleep(0.001) print("late", math.random(1e9)) end)
local c = Task.spawn(sleep, 1000) sleep(0) print(c:cancel())
for _, name in ipairs { "notes.txt" } do print(os.remove(name)) end
"""

MODEL = """
local Model = {}
function Model.ask(prompt) return await("model.ask", prompt) end
function Model.chunk(i, j) return await("model.chunk", i, j) end
function Model.fail(why) return await("model.fail", why) end
return Model
"""


def model_ops():
    import random

    chance = random.Random()

    async def pause():
        import asyncio

        await asyncio.sleep(chance.random() / 500)

    async def ask(prompt):
        await pause()
        return f"{chance.random()} answers {prompt}"

    async def chunk(i, j):
        await pause()
        return {"text": f"{chance.random():.3f}", "place": [i, j]}

    async def fail(why):
        await pause()
        raise ValueError(why)

    return {"model.ask": ask, "model.chunk": chunk, "model.fail": fail}


class Printed:
    """What a script wrote to stdout, op by op."""

    def __init__(self):
        self.text = ""

    def __call__(self, op, args):
        if op == "io.write" and args[0] == 1:
            self.text += args[1]


def run_with(effects, source):
    vm = Vm(lambda op, *args: effects.call(op, args))
    driver = Driver(vm, effects)
    assert vm.load_module("Model", MODEL) is None
    root = vm.load(source.encode(), "main.lua")
    driver.run()
    assert driver.ended.get(root) is None, driver.ended
    return driver


class Watched(Recorder):
    """A recorder that also keeps what is printed."""

    def __init__(self, effects, journal):
        super().__init__(effects, journal)
        self.printed = Printed()

    def call(self, op, args):
        self.printed(op, args)
        return super().call(op, args)


@pytest.fixture
def recorded(monkeypatch, capfd):
    """A journal, and what the run that it came from printed."""

    monkeypatch.setenv("SHOWN", "yes")
    system = System(Grants(env=["SHOWN"], write=[os.getcwd()]), folder=os.getcwd(), memory_used=lambda: 12345)
    live = Live({**system.ops(), **model_ops()})
    journal = []
    effects = Watched(live, journal)
    run_with(effects, EVERYTHING)
    live.close()
    system.close()
    assert len(effects.printed.text.splitlines()) > 100
    return journal, effects.printed.text


def plain(value):
    return (
        value is None
        or type(value) in (bool, int, float, str)
        or (type(value) in (list, tuple) and all(map(plain, value)))
        or (type(value) is dict and all(type(key) in (str, int) and plain(inner) for key, inner in value.items()))
    )


def test_a_recorded_run_replays_to_the_same_output(recorded):
    journal, printed = recorded
    for _ in range(3):
        again = Printed()
        replay = Replay(journal, again)
        run_with(replay, EVERYTHING)
        assert replay.divergence is None
        assert again.text == printed


def test_a_journal_holds_plain_values_only(recorded):
    journal, printed = recorded
    assert all(map(plain, journal))
    kinds = {entry[0] for entry in journal}
    assert kinds == {"sync", "issue", "resume"}
    ops = {entry[1] for entry in journal if entry[0] == "sync"} | {entry[2] for entry in journal if entry[0] == "issue"}
    assert {"io.write", "random.seed", "os.time", "os.getenv", "io.open", "task.sleep", "model.ask"} <= ops
    through_json = json.loads(json.dumps(journal))
    again = Printed()
    run_with(Replay([as_tuples(entry) for entry in through_json], again), EVERYTHING)
    assert again.text == printed


def as_tuples(entry):
    kind = entry[0]
    if kind == "sync":
        return (kind, entry[1], tuple(entry[2]), tuple(entry[3]))
    if kind == "issue":
        return (kind, entry[1], entry[2], tuple(entry[3]))
    return tuple(entry)


@pytest.mark.parametrize(
    ("old", "new", "recorded_op", "asked"),
    [
        ("sleep((i * 37 % 11) / 5000)", "sleep((i * 37 % 13) / 5000)", "task.sleep", "task.sleep"),
        ("print(i, #answer", "print(i, 'changed', #answer", "io.write", "changed"),
        ('os.getenv("SHOWN")', 'os.getenv("OTHER")', "SHOWN", "OTHER"),
        ('print(collectgarbage("count") > 0)', "", "lua.memory_used", "task.sleep"),
    ],
)
def test_a_changed_script_is_noticed_at_the_entry(recorded, old, new, recorded_op, asked):
    journal, _ = recorded
    assert old in EVERYTHING
    with pytest.raises(Divergence) as caught:
        run_with(Replay(journal), EVERYTHING.replace(old, new))
    at = caught.value.at
    assert 0 <= at < len(journal)
    assert f"at entry {at}: recorded {journal[at]!r}" in caught.value.message
    assert asked in caught.value.message.split("asked for")[1]


def test_a_script_that_asks_for_more_than_was_recorded_is_noticed(recorded):
    journal, _ = recorded
    with pytest.raises(Divergence, match=r"asked for \('sync', 'io.write', \(1, 'more"):
        run_with(Replay(journal), EVERYTHING + "\nprint('more')")
