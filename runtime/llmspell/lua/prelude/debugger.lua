-- The debugger: breakpoints, steps, and the loop in which a held script answers. There is a line hook on every
-- coroutine, only while there are breakpoints or a step is under way.
--
-- Lua calls no hook of a coroutine within one, so what the user has run while a coroutine is held runs in one of its
-- own, where Ctrl-C can reach it. It can't wait, since nothing goes on.

local K = ...
local create, resume, status, close = coroutine.create, coroutine.resume, coroutine.status, coroutine.close
local running, sethook, getinfo = coroutine.running, debug.sethook, debug.getinfo
local next, type, error, load, pcall, xpcall = next, type, error, load, pcall, xpcall
local rawequal, setmetatable, pack, remove = rawequal, setmetatable, table.pack, table.remove
local find, sub = string.find, string.sub
local KILL, AWAIT, call, is_host_chunk, queries = K.KILL, K.AWAIT, K.call, K.is_host_chunk, K.queries
local frames_of, run_in_frame, frame_title = K.frames_of, K.run_in_frame, K.frame_title
local encode, array = K.env.JSON.stringify, K.env.JSON.array

local EVERY, LINES, MOST = 10000, 1000, 200 -- instructions, or lines, between two counts; frames that are looked at
local coroutines = setmetatable({}, { __mode = "k" })
local breakpoints, made = array {}, 0 -- in the order of their numbers
local by_line = {}                    -- line -> breakpoints in it
local step                            -- where to hold next: task, co, mode, depth; without a task where a chunk begins
local busy = false                    -- code of the debugger's user runs, or a script is held: nothing else is held
local pause                           -- the script that is held: frames, the innermost first, and which is looked at
local hooked = false

K.note_coroutines(coroutines)

-- ── running what the user asks for while something is held ────────────────────────────────────────────────────────

local function counted()
  if not pause then return K.tick() end
  if call("debug.interrupted") then error(KILL, 0) end
end

local function explained(problem)
  if rawequal(problem, KILL) then return "interrupted" end
  local ok, text = pcall(K.tostring, problem)
  return ok and text or "error object is a " .. type(problem) .. " value"
end

local function ended(co, ok, tag, ...)
  if ok and status(co) == "suspended" then
    if rawequal(tag, AWAIT) then
      local problem = { type = "await_error", message = "cannot wait here: the debugger holds everything" }
      return ended(co, resume(co, false, problem))
    end
    close(co)
    return false, "attempt to yield from outside a coroutine"
  end
  if ok then return tag, ... end
  return false, explained(tag)
end

local function checked(task, dying, before, ...)
  busy, task.status = before, "running"
  if task.dying and not dying then error(KILL, 0) end -- it was os.exit, or Ctrl-C in a condition
  return ...
end

-- Whether a function ran well, and its results or why not.
local function guarded(fn, ...)
  local task, before = K.current, busy
  local co = create(function(...) return xpcall(fn, explained, ...) end)
  sethook(co, counted, "", EVERY)
  busy = true
  return checked(task, task.dying, before, ended(co, resume(co, ...)))
end

-- ── the hook ──────────────────────────────────────────────────────────────────────────────────────────────────────

local hold

-- "app.lua" fits a chunk of the name "dir/app.lua".
local function fits(source, file)
  local name = sub(source, 2)
  return name == file or sub(name, -#file - 1) == "/" .. file
end

local on_event

local function holds(co, chunk)
  local level = 1
  while getinfo(co, level, "f").func ~= on_event do level = level + 1 end
  return (run_in_frame({ co = co, level = level + 1, func = getinfo(co, level + 1, "f").func }, chunk))
end

local function reason_of(breakpoint)
  if breakpoint.chunk then
    local ok, value = guarded(holds, running(), breakpoint.chunk)
    if not ok then return "the condition of breakpoint " .. breakpoint.id .. " failed: " .. value end
    if not value then return nil end
  end
  breakpoint.hits = breakpoint.hits + 1
  return "breakpoint " .. breakpoint.id
end

local function hit(here, source)
  for i = 1, #here do
    local reason = fits(source, here[i].file) and reason_of(here[i])
    if reason then return reason end
  end
end

local watch

-- Whether the line that begins, two levels up, is where the step ends. `kind` is that of the function.
local function stepped(kind)
  local task = step.task
  if not task then return kind == "main" end
  if task ~= K.current then
    if not task.co then watch() end -- it has ended before the step did
    return false
  end
  if step.mode == "into" then return true end
  if running() == step.co then return not getinfo(step.depth + 3, "l") end
  return status(step.co) ~= "normal" -- it has ended, or yielded to who resumed it
end

local chunks = setmetatable({}, { __mode = "k" }) -- function -> what getinfo knows of its chunk
local lines = 0

on_event = function(event, line)
  if event == "count" then return counted() end
  lines = lines + 1
  if lines >= LINES then -- Lua counts within a hook too, and most counts end there, where nothing is called
    lines = 0
    counted()
  end
  local here = by_line[line]
  if busy or not here and not step then return end
  local fn = getinfo(2, "f").func
  local info = chunks[fn]
  if not info then
    info = getinfo(fn, "S")
    chunks[fn] = info
  end
  if is_host_chunk(info.short_src) then return end
  local reason = here and hit(here, info.source)
  if not reason and step and stepped(info.what) then reason = step.task and "step" or "start" end
  if reason then hold(reason) end
end

-- Have lines watched where there is something to watch for.
watch = function()
  if step and step.task and not step.task.co then step = nil end
  local wanted = step ~= nil or #breakpoints > 0
  if wanted == hooked then return end
  hooked = wanted
  local fn, events = K.tick, ""
  if wanted then fn, events = on_event, "l" end
  K.set_hook(fn, events)
  for co in next, coroutines do
    if status(co) ~= "dead" then sethook(co, fn, events, EVERY) end
  end
end

-- ── holding a script ──────────────────────────────────────────────────────────────────────────────────────────────

local orders = {}

function orders.eval(code)
  local chunk, problem = K.compile_input(code, "=eval")
  if not chunk then return encode { ok = false, text = K.tostring(problem) } end
  local ok, text = guarded(function()
    local values = pack(run_in_frame(K.held_frame(), chunk))
    if values.n == 0 then return "" end
    K.remember_results(values)
    return K.inspect_all(values, values.n)
  end)
  return encode { ok = ok, text = text }
end

function orders.query(name, ...)
  local ok, text = pcall(queries[name], ...)
  return ok and text or nil
end

local function serve(threads, reason, worth)
  local frames = frames_of(threads, MOST)
  if not frames[1] or worth and not worth(frames) then return end
  step, pause = nil, { frames = frames, at = 1 }
  call("debug.paused", frames[1].file, frames[1].currentline, frame_title(frames[1]), reason)
  local function order(kind, ...)
    if orders[kind] then
      call("debug.answer", orders[kind](...))
      return true
    end
    if kind == "step" then
      local mode, frame = ..., frames[pause.at]
      local depth = K.depth_of(frame.co, frame.level) - (mode == "out" and 1 or 0)
      step = { task = K.current, co = frame.co, mode = mode, depth = depth }
    end
    return false
  end
  while order(call("debug.next")) do end
  watch()
end

hold = function(reason, worth)
  local loop, threads = create(serve), K.threads_of(K.current.co, running())
  busy = true
  local ok, problem = resume(loop, threads, reason, worth)
  busy, pause = false, nil
  if not ok then error(problem, 0) end -- the session ends
end

-- The coroutine that is held, if one is.
function K.held_coroutine()
  return pause and pause.frames[1].co
end

-- The frame that is looked at, where something is held.
function K.held_frame()
  return pause and pause.frames[pause.at]
end

-- An error at the top level of an input is no news to who has just typed it.
local function is_deep(frames)
  local outer = frames[1]
  return not (outer.what == "main" and find(outer.source, "^@input%d+$"))
end

local function on_uncaught(value)
  if busy or value == K.MEMORY then return end
  local _, message = K.report { error = value }
  hold("error: " .. message, is_deep)
end

-- ── breakpoints ───────────────────────────────────────────────────────────────────────────────────────────────────

local function index_lines()
  by_line = {}
  for i = 1, #breakpoints do
    local line = breakpoints[i].line
    by_line[line] = by_line[line] or {}
    by_line[line][#by_line[line] + 1] = breakpoints[i]
  end
  watch()
end

-- Hold scripts at a line of a file, where the condition holds, if there is one.
function queries.break_set(file, line, condition)
  local chunk, problem
  if condition then
    chunk, problem = load("return " .. condition, "=condition", "t")
    if not chunk then return encode { problem = K.tostring(problem) } end
  end
  made = made + 1
  breakpoints[#breakpoints + 1] = {
    id = made, file = file, line = line, condition = condition, chunk = chunk, hits = 0,
  }
  index_lines()
  return encode { id = made }
end

-- All breakpoints; and whether uncaught errors are held too.
function queries.break_list()
  local rows = array {}
  for i = 1, #breakpoints do
    local b = breakpoints[i]
    rows[i] = { id = b.id, file = b.file, line = b.line, condition = b.condition, hits = b.hits }
  end
  return encode { breakpoints = rows, errors = K.on_uncaught ~= nil }
end

-- Take one breakpoint away, or all: how many those were.
function queries.break_clear(id)
  local before = #breakpoints
  for i = before, 1, -1 do
    if not id or breakpoints[i].id == id then remove(breakpoints, i) end
  end
  index_lines()
  return encode(before - #breakpoints)
end

-- Hold the chunk that begins next in its first line, or don't.
function queries.hold_next(wanted)
  step = wanted and {} or nil
  watch()
  return "true"
end

-- Whether to hold scripts where an error is raised that they don't catch.
function queries.break_on_error(wanted)
  K.on_uncaught = wanted and on_uncaught or nil
  return "true"
end

-- ── looking at what is held ───────────────────────────────────────────────────────────────────────────────────────

local function place_of(frame)
  return { file = frame.file, line = frame.currentline, title = frame_title(frame) }
end

-- Look at another frame, so many further out: it, or nothing where there is none.
function queries.frame_move(by)
  local frame = pause and pause.frames[pause.at + by]
  if not frame then return nil end
  pause.at = pause.at + by
  return encode(place_of(frame))
end

function queries.stack()
  if not pause then return nil end
  local rows = array {}
  for i = 1, #pause.frames do
    local frame = pause.frames[i]
    rows[i] = place_of(frame)
    rows[i].arguments = K.frame_arguments(frame)
    rows[i].current = i == pause.at
  end
  return encode(rows)
end

-- What the frame sees that is looked at; with nothing held the top-level locals of inputs.
function queries.locals()
  return encode(K.rows_of(K.held_frame()))
end
