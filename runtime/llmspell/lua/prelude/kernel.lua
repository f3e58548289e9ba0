-- The kernel: every Lua task is a coroutine in here. Python holds call numbers and calls `step`.
--
-- `step(call, ok, ...)` hands the result of a call to the task that waits for it, then runs every task that can run,
-- until one needs something from Python. It returns
--     0, 0                       idle: nothing can run before a result comes
--     1, root                    the task that Python started as `root` has ended; ask `outcome(root)`
--     2, call, op, ...           a task waits for the result of op(...), and others can run: call step(0)
--     3, call, op, ...           the same, and nothing else can run
-- A result is handed in only when the kernel is idle, so the order of results is the whole schedule.
-- Nothing here iterates with `pairs`: its order differs from run to run.

local K, host = ...
local create, resume, yield = coroutine.create, coroutine.resume, coroutine.yield
local isyieldable = coroutine.isyieldable
local xpcall, error, select, type, rawequal = xpcall, error, select, type, rawequal
local pack, unpack, remove = table.pack, table.unpack, table.remove
local setmetatable, sethook = setmetatable, debug.sethook
local KILL, describe, raise = K.KILL, K.describe, K.raise
local limit, unlimit = host.limit, host.unlimit

local AWAIT, PARK, ENDED = {}, {}, {}
local MEMORY = "not enough memory"

local waiting = {}                              -- call number -> task
local calls, serial = 0, 0
local alive, live = {}, 0                       -- all tasks that haven't ended; alive[task.slot] == task
local daemons = 0                               -- those among them that serve the others, and end with the script
local ready, head, tail = {}, 1, 0              -- tasks to run, oldest first
local task_of = setmetatable({}, { __mode = "k" }) -- coroutine -> task whose root it is
local orphans = {}                              -- failed tasks, oldest first, for the ones nobody waited for

K.AWAIT, K.MEMORY, K.task_of = AWAIT, MEMORY, task_of

local nobody = {}
K.current = nobody
local over = false                              -- the script was ended from outside or by os.exit: nothing runs on

-- Text is dear to pass: Python gets the name of an op once, and its number from then on.
local op_numbers = setmetatable({}, { __index = function(numbers, op)
  if type(op) ~= "string" then error("the name of an op expected", 3) end
  local number = host.number_op(op)
  numbers[op] = number
  return number
end })

-- ── tasks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

local function body(fn, ...)
  return ENDED, xpcall(fn, describe, ...)
end

-- Unwind the running task: what is raised while it dies can't be caught by what was entered before.
local function die()
  K.current.dying = true
  error(KILL, 0)
end

-- What runs now and then while Lua computes: ends the script, or what a console runs, where somebody asks for it.
local function tick()
  local verdict = host.tick()
  if verdict == "interrupt" then
    K.interrupt()
  elseif verdict then
    over = true
    die()
  end
end

local hook, events = host.tick and tick, ""
local coroutines -- a weak set, where somebody wants to know them

-- A hook isn't inherited by new coroutines, so each one gets it here.
local function hooked(co)
  if coroutines then coroutines[co] = true end
  if hook then sethook(co, hook, events, 10000) end
  return co
end
K.hooked, K.tick = hooked, tick

-- Have every coroutine that begins from now on entered into a weak set.
function K.note_coroutines(set)
  coroutines = set
end

-- Have another function called for counts, and for other events too, in coroutines that begin from now on.
function K.set_hook(fn, mask)
  hook, events = fn, mask
end

local function enqueue(task)
  ready[tail + 1] = task
  tail = tail + 1
end

-- A task: status is ready, running, waiting, done, failed or cancelled. Children end with their parent. `on_end` is
-- called when it has ended.
function K.spawn(fn, parent, ...)
  -- Memory may run out at each of these, so nothing is counted before it is there.
  local task = { id = serial + 1, status = "ready", start = pack(fn, ...), slot = live + 1 }
  alive[live + 1] = task
  serial, live = serial + 1, live + 1
  if parent then
    local children = parent.children or {}
    parent.children = children
    task.parent, task.place = parent, #children + 1
    children[task.place] = task
  end
  enqueue(task)
  return task
end

-- Let the script end although the task goes on.
function K.make_daemon(task)
  task.daemon = true
  daemons = daemons + 1
end

local function leave(task)
  local last = alive[live]
  alive[task.slot] = last
  last.slot = task.slot
  alive[live] = nil
  live = live - 1
  if task.co then task_of[task.co] = nil end
  task.co = nil
  if task.daemon then daemons = daemons - 1 end
end

local function disown(task)
  local siblings = task.parent and task.parent.children
  if not siblings then return end
  local count = #siblings
  local last = siblings[count]
  siblings[task.place] = last
  last.place = task.place
  siblings[count] = nil
end

local function finish(task, state, ...)
  leave(task)
  disown(task)
  task.status = state
  if state == "done" then
    if select("#", ...) > 0 then task.results = pack(...) end
  else
    task.error = (...)
  end
  local children = task.children
  if children then
    task.children = nil
    for i = 1, #children do K.cancel(children[i]) end
  end
  local joiners = task.joiners
  if joiners then
    task.joiners = nil
    for i = 1, #joiners do K.unpark(joiners[i], task) end
  end
  if task.on_end then task.on_end() end
  if state == "failed" and not task.root then K.note_orphan(task) end
end

local function killed(task)
  finish(task, "cancelled", task.cancelled or K.new_error { type = "cancelled", message = "the task was cancelled" })
end

-- Mark a task and its children as cancelled, and wake them to notice. True when the running task is one of them.
local function cancel_tree(task, reason)
  local state = task.status
  if state == "done" or state == "failed" or state == "cancelled" or task.cancelled then return false end
  task.cancelled = reason
  local self = task == K.current
  local children = task.children
  for i = children and #children or 0, 1, -1 do
    self = cancel_tree(children[i], reason) or self
  end
  if task.call then
    waiting[task.call] = nil
    host.call(op_numbers["task.cancel"], task.call) -- whatever it answers: this must not be interrupted
    limit()
    task.call = nil
    enqueue(task)
  elseif task.parked then
    task.parked = nil
    enqueue(task)
  end
  return self
end

-- Stop a task where it waits. `reason` is the error that those who wait for it get. False when it had ended.
function K.cancel(task, reason)
  local before = task.cancelled
  if cancel_tree(task, reason or K.new_error { type = "cancelled", message = "the task was cancelled" }) then
    die()
  end
  return not before and task.cancelled ~= nil
end

-- Wait until somebody calls `unpark`; `on` is what is waited for, for those who ask where a task stands.
function K.park(on)
  local task = K.current
  if not isyieldable() then
    raise { type = "await_error", message = "cannot wait here: a callback of string.gsub or of a metamethod runs" }
  end
  task.parked = on
  task.status = "waiting"
  local stopped, problem = yield(AWAIT, PARK)
  if stopped == nil then return end
  task.parked = nil
  if stopped == KILL then die() end
  raise(problem)
end

function K.unpark(task, on)
  if task.parked == on then
    task.parked = nil
    task.status = "ready"
    enqueue(task)
  end
end

-- Wait for a task to end, whatever its end is.
function K.join(task)
  while task.status == "ready" or task.status == "waiting" do
    local joiners = task.joiners or {}
    task.joiners = joiners
    joiners[#joiners + 1] = K.current
    K.park(task)
  end
  task.seen = true
end

-- ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────────

local drain

local function ran(task, alive, tag, op, ...)
  if tag == AWAIT then
    if op == PARK then return drain() end
    calls = calls + 1
    waiting[calls] = task
    task.call = calls
    task.status = "waiting"
    K.current = nobody
    unlimit()
    return head <= tail and 2 or 3, calls, op, ...
  end
  if not alive then -- the body itself failed: no memory even for the message handler, or the C stack is full
    finish(task, rawequal(tag, KILL) and "cancelled" or "failed", tag)
  elseif op then
    finish(task, "done", ...)
  elseif rawequal((...), KILL) then
    killed(task)
  else
    finish(task, "failed", (...))
  end
  if task.error == MEMORY then -- no matter who waits for it: the whole script is at its limit
    K.roots[task.id] = task
    over = true
  end
  if task.root or over and task.error == MEMORY then
    K.current = nobody
    unlimit()
    return 1, task.id
  end
  return drain()
end

local function run(task, ...)
  K.current = task
  task.status = "running"
  return ran(task, resume(task.co, ...))
end

drain = function()
  while head <= tail and not over do
    local task = ready[head]
    ready[head] = nil
    head = head + 1
    local start = task.start
    if start then
      task.start = nil
      if task.cancelled then
        killed(task)
        if task.root then unlimit() return 1, task.id end
      else
        task.co = hooked(create(body))
        task_of[task.co] = task
        return run(task, unpack(start, 1, start.n))
      end
    elseif task.co then
      return run(task, task.cancelled and not task.dying and KILL or nil)
    end
  end
  head, tail = 1, 0
  K.current = nobody
  unlimit()
  return 0, 0
end

function K.step(call, ok, ...)
  limit()
  local task = waiting[call]
  if not task then return drain() end
  waiting[call] = nil
  task.call = nil
  return run(task, ok, ...)
end

-- ── waiting, as scripts see it ────────────────────────────────────────────────────────────────────────────────────

local function answered(ok, ...)
  if ok == true then return ... end
  if ok == KILL then die() end
  raise(...)
end

-- Wait for the result of an op of Python.
function K.await(op, ...)
  if not isyieldable() then
    raise {
      type = "await_error",
      message = "cannot wait for '" .. op .. "' here: a callback of string.gsub or of a metamethod runs",
      hint = "collect what you need first, and wait outside the callback",
    }
  end
  return answered(yield(AWAIT, op_numbers[op], ...))
end

local function called(ok, ...)
  limit()
  if ok then return ... end
  local kind, message, hint, retryable = ...
  if kind == nil then
    over = true
    die()
  end
  raise { type = kind, message = message, hint = hint, retryable = retryable }
end

-- The result of an op that doesn't wait: scalars in, scalars out.
function K.call(op, ...)
  return called(host.call(op_numbers[op], ...))
end

-- ── what Python asks ──────────────────────────────────────────────────────────────────────────────────────────────

-- Start a chunk as a task of its own; `step` answers 1 when it has ended.
function K.start(fn, ...)
  local task = K.spawn(fn, nil, ...)
  task.root = true
  K.roots[task.id] = task
  return task.id
end
K.roots = {}

-- status, then for a failed task: type, message, hint, traceback, cause. Asked once.
function K.outcome(root)
  local task = K.roots[root]
  K.roots[root] = nil
  if task.status ~= "failed" then return task.status end
  return "failed", K.report(task)
end

-- Failed tasks that nobody has waited for yet, oldest first.
function K.note_orphan(task)
  if #orphans >= 1000 then
    local unseen = {}
    for i = 1, #orphans do
      if not orphans[i].seen then unseen[#unseen + 1] = orphans[i] end
    end
    orphans = unseen
  end
  orphans[#orphans + 1] = task
end

-- The oldest failed task that nobody waited for: true, type, message, hint, traceback, cause; false when none is left.
function K.orphan()
  while orphans[1] do
    local task = remove(orphans, 1)
    if not task.seen then return true, K.report(task) end
  end
  return false
end

-- Forget that memory ran out: what had no part in it may go on.
function K.recover()
  over = false
end

-- All tasks that have not ended and don't only serve the others, those that began first at the front.
function K.all_tasks()
  local found = {}
  for i = 1, live do
    if not alive[i].daemon then found[#found + 1] = alive[i] end
  end
  table.sort(found, function(a, b) return a.id < b.id end)
  return found
end

function K.cancel_all(kind, message)
  limit()
  local reason = K.new_error { type = kind, message = message }
  local all = table.move(alive, 1, live, 1, {})
  for i = 1, #all do
    if not all[i].daemon then cancel_tree(all[i], reason) end
  end
  unlimit()
end

-- Where `require` looks.
function K.set_package_path(path)
  K.env.package.path = path
end

function K.live()
  return live - daemons
end

-- ── objects that stand for something in Python ────────────────────────────────────────────────────────────────────

local dead, dead_count = {}, 0
local token_of = setmetatable({}, { __mode = "k" })
local Token = {}

-- A finalizer must not call Python (it may run while Python destroys the state), so it leaves a note.
function Token.__gc(token)
  dead[dead_count + 1], dead[dead_count + 2] = token.kind, token.id
  dead_count = dead_count + 2
end

-- setmetatable(object, metatable); once the object is garbage, `take_dead` gives its kind and id.
function K.bind(object, metatable, kind, id)
  token_of[object] = setmetatable({ kind = kind, id = id }, Token)
  return setmetatable(object, metatable)
end

-- kind, id of one collected object, or nothing.
function K.take_dead()
  if dead_count == 0 then return end
  local kind, id = dead[dead_count - 1], dead[dead_count]
  dead[dead_count - 1], dead[dead_count] = nil, nil
  dead_count = dead_count - 2
  return kind, id
end
