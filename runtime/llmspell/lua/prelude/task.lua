-- Task, parallel, sleep and timeout: concurrency as scripts see it. Nothing here leaves Lua but `sleep`.

local K = ...
local error, type, select, setmetatable = error, type, select, setmetatable
local pack, unpack = table.pack, table.unpack
local raise, env = K.raise, K.env

local function seconds_of(value, what)
  if type(value) ~= "number" or value ~= value or value < 0 then
    error("bad argument to '" .. what .. "' (seconds expected, a number from 0 on)", 3)
  end
  return value
end

local function function_of(value, what)
  local meta = K.metatable_of(value)
  if type(value) ~= "function" and not (meta and meta.__call) then
    error("bad argument to '" .. what .. "' (function expected, got " .. type(value) .. ")", 3)
  end
  return value
end

-- The results of an ended task, or its error raised.
local function outcome(task)
  if task.status == "done" then
    local results = task.results
    if results then return unpack(results, 1, results.n) end
    return
  end
  error(task.error, 0)
end

local function shown(value)
  if type(value) == "table" then return value end
  return K.new_error { type = "script_error", message = K.tostring(value), where = false }
end

-- ── Task ──────────────────────────────────────────────────────────────────────────────────────────────────────────

local kernel_task = setmetatable({}, { __mode = "k" }) -- what scripts hold -> what the kernel runs

---A function that runs beside the one that started it.
---@class Task
---@field status "ready"|"waiting"|"running"|"done"|"failed"|"cancelled"
---@field id integer
local Task = {}
local TaskMeta = { __name = "Task", __metatable = false }

function TaskMeta.__index(self, key)
  local task = kernel_task[self]
  if key == "status" then return task.status end
  if key == "id" then return task.id end
  return Task[key]
end

function TaskMeta.__newindex()
  error("the fields of a task can't be set", 2)
end

---Start a function as a task of its own. It begins when the running task waits.
---@param fn function
---@param ... any arguments of `fn`
---@return Task
function Task.spawn(fn, ...)
  function_of(fn, "Task.spawn")
  local self = setmetatable({}, TaskMeta)
  kernel_task[self] = K.spawn(fn, nil, ...)
  return self
end

---Wait for the task to end.
---@return any ... what its function returned; an error of it is raised here
function Task:wait()
  local task = kernel_task[self]
  if not task then error("call it with a colon: task:wait()", 2) end
  if task == K.current then raise { type = "deadlock", message = "a task can't wait for itself" } end
  K.join(task)
  return outcome(task)
end

---Stop the task where it waits; its `<close>` variables are closed.
---@return boolean stopped false when it had ended already
function Task:cancel()
  local task = kernel_task[self]
  if not task then error("call it with a colon: task:cancel()", 2) end
  task.seen = true
  return K.cancel(task)
end

env.Task = Task
K.members = { [TaskMeta] = { wait = Task.wait, cancel = Task.cancel } } -- what a console finds behind such an `__index`

-- ── sleep and timeout ─────────────────────────────────────────────────────────────────────────────────────────────

---Wait some seconds; other tasks run meanwhile.
---@param seconds number
function env.sleep(seconds)
  K.await("task.sleep", seconds_of(seconds, "sleep"))
end

local function alarm(seconds, message, stop)
  return K.spawn(function()
    K.await("task.sleep", seconds)
    stop(K.new_error { type = "timeout", message = message, retryable = true, where = false })
  end, K.current)
end

---Run a function for at most some seconds.
---@param seconds number
---@param fn function
---@param ... any arguments of `fn`
---@return any ... what `fn` returned; raises an error of type `timeout` when the time is over
function env.timeout(seconds, fn, ...)
  seconds_of(seconds, "timeout")
  function_of(fn, "timeout")
  local work = K.spawn(fn, K.current, ...)
  work.seen = true
  local clock = alarm(seconds, "it took longer than " .. seconds .. " s", function(reason) K.cancel(work, reason) end)
  K.join(work)
  K.cancel(clock)
  if work.status == "cancelled" and work.error.type == "timeout" then
    raise { type = "timeout", message = work.error.message, retryable = true }
  end
  return outcome(work)
end

-- ── parallel ──────────────────────────────────────────────────────────────────────────────────────────────────────

local known = { max_concurrency = "number", timeout = "number", min_ok = "number" }

local function check_options(options)
  if options == nil then return {} end
  if type(options) ~= "table" then error("bad argument #3 to 'parallel' (table expected)", 3) end
  for name, value in K.pairs(options) do
    if not known[name] then
      error("parallel has no option '" .. K.tostring(name) .. "'; there are max_concurrency, min_ok and timeout", 3)
    end
    if type(value) ~= known[name] or not (value >= (name == "max_concurrency" and 1 or 0)) then
      error("parallel's option '" .. name .. "' must be a positive number", 3)
    end
  end
  return options
end

local function result_of(task)
  if task.status == "done" then
    local results = task.results or { n = 0 }
    return { ok = true, value = results[1], values = results.n > 1 and results or nil }
  end
  return { ok = false, error = shown(task.error) }
end

---Run functions at the same time: `parallel{f1, f2, …}`, or `parallel(list, fn, options)` for `fn(item, index)` each.
---@param list table functions, or items for `fn`
---@param fn? function
---@param options? { max_concurrency: integer?, timeout: number?, min_ok: integer? }
---@return { ok: boolean, value: any, error: table? }[] results in the order of the list
function env.parallel(list, fn, options)
  if type(list) ~= "table" then
    error("bad argument #1 to 'parallel' (table expected, got " .. type(list) .. ")", 2)
  end
  if type(fn) == "table" and options == nil and not K.metatable_of(fn) then fn, options = nil, fn end
  if fn ~= nil then function_of(fn, "parallel") end
  options = check_options(options)
  local count = #list
  if not fn then
    for i = 1, count do function_of(list[i], "parallel") end
  end
  local tasks, running, started, at_once = {}, 0, 0, options.max_concurrency or count
  local parent, gate, expired = K.current, {}, nil
  local function ended()
    running = running - 1
    K.unpark(parent, gate)
  end
  local clock = options.timeout and count > 0 and alarm(options.timeout,
    "parallel took longer than " .. options.timeout .. " s", function(reason)
      expired = reason
      for i = 1, started do K.cancel(tasks[i], reason) end
    end)
  repeat
    while started < count and running < at_once and not expired do
      started = started + 1
      running = running + 1
      local task
      if fn then task = K.spawn(fn, parent, list[started], started) else task = K.spawn(list[started], parent) end
      task.seen, task.on_end = true, ended
      tasks[started] = task
    end
    if running > 0 then K.park(gate) end
  until running == 0 and (started == count or expired)
  if clock then K.cancel(clock) end
  local results, good = {}, 0
  for i = 1, count do
    results[i] = i <= started and result_of(tasks[i]) or { ok = false, error = expired }
    if results[i].ok then good = good + 1 end
  end
  if options.min_ok and good < options.min_ok then
    local first
    for i = count, 1, -1 do
      if not results[i].ok then first = results[i].error end
    end
    raise {
      type = expired and "timeout" or "parallel_failed",
      message = "only " .. good .. " of " .. count .. " succeeded, " .. options.min_ok .. " were needed"
        .. (first and "; the first error: " .. K.tostring(first) or ""),
      hint = first and first.hint,
      results = results,
    }
  end
  return results
end
