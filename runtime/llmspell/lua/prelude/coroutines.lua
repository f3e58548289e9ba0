-- coroutine.* and pcall as scripts see them: waiting works inside of both, and a cancellation passes through.

local K = ...
local create, resume, yield, status = coroutine.create, coroutine.resume, coroutine.yield, coroutine.status
local running, isyieldable, close = coroutine.running, coroutine.isyieldable, coroutine.close
local xpcall, pcall, error, select, type, rawequal = xpcall, pcall, error, select, type, rawequal
local setmetatable = setmetatable
local KILL, AWAIT, MEMORY, task_of, hooked = K.KILL, K.AWAIT, K.MEMORY, K.task_of, K.hooked

local bridged = setmetatable({}, { __mode = "k" }) -- coroutines that wait for an op, by way of who resumed them

-- Whether a failure is none of the script's business: its task is being unwound, or there is no memory left. `dying`
-- tells whether the task was unwound already when the protected call began, as it is while `<close>` variables are
-- closed.
local function is_fatal(value, dying)
  return rawequal(value, KILL) or value == MEMORY or K.current.dying and not dying
end

local function rethrow(value)
  error(value == MEMORY and MEMORY or KILL, 0)
end

local function no_wait()
  return { type = "await_error", message = "cannot wait here: a C function such as string.gsub runs this coroutine" }
end

local function answer(co, ...)
  bridged[co] = nil
  return resume(co, ...)
end

-- Look at what a resumed coroutine did. One that waits for an op is bridged: the wait is passed on to whoever resumed
-- *this* coroutine, in the end to the kernel, and the result handed back, at any depth.
local function pump(co, dying, ...)
  local ok, tag = ...
  if ok then
    if not rawequal(tag, AWAIT) then return ... end
    if not isyieldable() then return pump(co, dying, resume(co, false, no_wait())) end
    bridged[co] = true
    return pump(co, dying, answer(co, yield(select(2, ...))))
  end
  if is_fatal(tag, dying) then
    close(co)
    rethrow(tag)
  end
  return ...
end

local function shown(...)
  return select("#", ...) == 0 and "no value" or type((...))
end

local function coroutine_of(what, ...)
  local co = ...
  if type(co) ~= "thread" then
    error("bad argument #1 to '" .. what .. "' (thread expected, got " .. shown(...) .. ")", 3)
  end
  return co
end

local function function_of(what, ...)
  local fn = ...
  if type(fn) ~= "function" then
    error("bad argument #1 to '" .. what .. "' (function expected, got " .. shown(...) .. ")", 3)
  end
  return fn
end

local C = {}

function C.create(...)
  return hooked(create(function_of("create", ...)))
end

local function resumed(co, ...)
  if task_of[co] then return false, "cannot resume a task" end
  if bridged[co] then return false, "cannot resume non-suspended coroutine" end
  return pump(co, K.current.dying, resume(co, ...))
end

function C.resume(...)
  coroutine_of("resume", ...)
  return resumed(...)
end

-- As Lua's own wrap does: a text gets the position of the call, and a coroutine that failed closes its variables.
local function unwrapped(co, ok, ...)
  if ok then return ... end
  local value, dying = ..., K.current.dying
  K.trace_inner(co, value)
  if status(co) == "dead" then
    local fine, problem = close(co)
    if not fine then value = problem end
    if is_fatal(value, dying) then rethrow(value) end
  end
  if type(value) == "string" then value = K.position_at(3) .. value end
  K.remember_inner(value)
  error(value, 0)
end

function C.wrap(...)
  local co = hooked(create(function_of("wrap", ...)))
  return function(...) return unwrapped(co, resumed(co, ...)) end
end

function C.yield(...)
  local co = running()
  if task_of[co] or not isyieldable() then error("attempt to yield from outside a coroutine", 2) end
  return yield(...)
end

function C.status(...)
  local co = coroutine_of("status", ...)
  return bridged[co] and "normal" or status(co)
end

function C.running()
  local co = running()
  return co, task_of[co] ~= nil
end

function C.isyieldable(...)
  local co = ... == nil and running() or coroutine_of("isyieldable", ...)
  return isyieldable(co) and not task_of[co]
end

local function closed(dying, ok, ...)
  if not ok and is_fatal((...), dying) then rethrow((...)) end
  return ok, ...
end

function C.close(...)
  local co = coroutine_of("close", ...)
  local state = (task_of[co] or bridged[co]) and "normal" or status(co)
  if state == "running" or state == "normal" then error("cannot close a " .. state .. " coroutine", 2) end
  return closed(K.current.dying, close(co))
end

K.coroutine = C

local function caught(dying, ...)
  local ok, value = ...
  if not ok and is_fatal(value, dying) then rethrow(value) end
  return ...
end

function K.pcall(...)
  return caught(K.current.dying, pcall(...))
end

function K.xpcall(...)
  local fn, handler = ...
  if type(handler) ~= "function" then
    error("bad argument #2 to 'xpcall' (function expected, got " .. shown(select(2, ...)) .. ")", 2)
  end
  local dying = K.current.dying
  return caught(dying, xpcall(fn, function(value)
    if is_fatal(value, dying) then return value end
    return handler(value)
  end, select(3, ...)))
end

-- What `load` gives: its reader may have been interrupted, and the text too long for the memory.
function K.loaded(chunk, problem)
  if chunk == nil and is_fatal(problem, false) then rethrow(problem) end
  return chunk, problem
end
