-- What stands on the stacks: the frames of the user's own code, what each of them sees, and where tasks wait. A
-- coroutine is looked at from another one, so that levels stay the same while it stands still.

local K = ...
local getinfo, getlocal, setlocal = debug.getinfo, debug.getlocal, debug.setlocal
local getupvalue, setupvalue = debug.getupvalue, debug.setupvalue
local next, type, select, setmetatable, rawequal = next, type, select, setmetatable, rawequal
local byte, match, sub, concat, unpack = string.byte, string.match, string.sub, table.concat, table.unpack
local env, is_host_chunk = K.env, K.is_host_chunk
local encode, array = env.JSON.stringify, env.JSON.array

local BRIEF = { depth = 2, items = 20, entries = 60, text = 200, width = 1000, plain = true }
local SHORT = { depth = 1, items = 4, entries = 8, text = 40, width = 1000, plain = true }

-- ── frames ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- What a chunk is called where its place is shown.
local function chunk_name(info)
  local first = byte(info.source)
  return (first == 64 or first == 61) and sub(info.source, 2) or info.short_src
end

local function is_own(info)
  return info.what ~= "C" and info.currentline > 0 and not is_host_chunk(info.short_src)
end

-- A task's coroutine and those inside of it, each resumed by the one before; the last one is `innermost`, if given.
function K.threads_of(co, innermost)
  local threads = { co }
  while co ~= innermost do
    -- On top is `resume` or `yield`; below it a function of coroutines.lua, whose first local is the inner coroutine.
    local info = getinfo(co, 1, "S")
    if not info or not is_host_chunk(info.short_src) then break end
    local _, inner = getlocal(co, 1, 1)
    if type(inner) ~= "thread" then break end
    co = inner
    threads[#threads + 1] = co
  end
  return (co == innermost or not innermost) and threads or { innermost }
end

-- The frames of the user's own functions, the innermost first, `most` at most.
function K.frames_of(threads, most)
  local frames = {}
  for i = #threads, 1, -1 do
    local co, level = threads[i], 0
    local info = getinfo(co, level, "Slnfu")
    while info and #frames < most do
      if is_own(info) then
        info.co, info.level, info.file = co, level, chunk_name(info)
        frames[#frames + 1] = info
      end
      level = level + 1
      info = getinfo(co, level, "Slnfu")
    end
  end
  return frames
end

-- How many functions are active in a coroutine up to one of its levels, counted from the outermost.
function K.depth_of(co, level)
  local low, high = level, level + 1
  while getinfo(co, high, "l") do low, high = high, 2 * high end
  while high - low > 1 do
    local middle = (low + high) // 2
    if getinfo(co, middle, "l") then low = middle else high = middle end
  end
  return low - level + 1
end

function K.frame_title(frame)
  if frame.what == "main" then return "main chunk" end
  if not frame.name then return "function <" .. frame.file .. ":" .. frame.linedefined .. ">" end
  local kind = frame.namewhat
  return (kind == "" or kind == "global") and "function '" .. frame.name .. "'" or kind .. " '" .. frame.name .. "'"
end

-- The parameters of a frame's function with what they are now, in one line.
function K.frame_arguments(frame)
  local parts = {}
  for i = 1, frame.nparams do
    local name, value = getlocal(frame.co, frame.level, i)
    parts[i] = name .. " = " .. K.inspect(value, SHORT)
  end
  if frame.isvararg and frame.what ~= "main" then parts[#parts + 1] = "..." end
  return concat(parts, ", ")
end

-- ── what a frame sees ─────────────────────────────────────────────────────────────────────────────────────────────

-- The names that a frame sees besides globals, locals first, and where each lies: the index of a local, or minus that
-- of an upvalue.
local function names_in(frame)
  local places, names = {}, {}
  local index, name = 1, getlocal(frame.co, frame.level, 1)
  while name do
    if byte(name) ~= 40 then -- "(temporary)" and the like
      if not places[name] then names[#names + 1] = name end
      places[name] = index
    end
    index = index + 1
    name = getlocal(frame.co, frame.level, index)
  end
  index, name = 1, getupvalue(frame.func, 1)
  while name do
    if not places[name] then
      names[#names + 1] = name
      places[name] = -index
    end
    index = index + 1
    name = getupvalue(frame.func, index)
  end
  return names, places
end

-- Where one name lies. A local that was declared later hides one of the same name.
local function place_in(frame, wanted)
  local index, name, found = 1, getlocal(frame.co, frame.level, 1), nil
  while name do
    if name == wanted then found = index end
    index = index + 1
    name = getlocal(frame.co, frame.level, index)
  end
  if found then return found end
  index, name = 1, getupvalue(frame.func, 1)
  while name and name ~= wanted do
    index = index + 1
    name = getupvalue(frame.func, index)
  end
  return name and -index
end

local function value_at(frame, place)
  if place > 0 then return (select(2, getlocal(frame.co, frame.level, place))) end
  return (select(2, getupvalue(frame.func, -place)))
end

local function put_at(frame, place, value)
  if place > 0 then setlocal(frame.co, frame.level, place, value) else setupvalue(frame.func, -place, value) end
end

local function globals_of(frame)
  local place = place_in(frame, "_ENV")
  if place then return value_at(frame, place) end
  return env
end

-- The frame's `...`: values and their number.
local function varargs_of(frame)
  local values, n = {}, 0
  local name, value = getlocal(frame.co, frame.level, -1)
  while name do
    n = n + 1
    values[n] = value
    name, value = getlocal(frame.co, frame.level, -n - 1)
  end
  return values, n
end

-- Run a chunk as if it stood at a frame: names are the frame's locals and upvalues, else its globals, to read and to
-- write. What it leaves behind sees only the globals.
function K.run_in_frame(frame, chunk)
  local globals, over = globals_of(frame), false
  setupvalue(chunk, 1, setmetatable({}, {
    __index = function(_, name)
      local place = not over and place_in(frame, name)
      if place then return value_at(frame, place) end
      return globals[name]
    end,
    __newindex = function(_, name, value)
      local place = not over and place_in(frame, name)
      if place then put_at(frame, place, value) else globals[name] = value end
    end,
    __metatable = false,
  }))
  local _ <close> = setmetatable({}, { __close = function() over = true end })
  local values, n = varargs_of(frame)
  return chunk(unpack(values, 1, n))
end

-- The locals and upvalues that a frame sees, by name.
function K.values_of(frame)
  local names, places = names_in(frame)
  local values = {}
  for i = 1, #names do values[names[i]] = value_at(frame, places[names[i]]) end
  values._ENV = nil
  return values
end

local function row(kind, name, value)
  return { kind = kind, name = name, text = K.inspect(value, BRIEF) }
end

local function add_locals_of_inputs(rows, kind)
  local names, values = K.scope_locals()
  for i = 1, #names do rows[#rows + 1] = row(kind, names[i], values[names[i]]) end
  return rows
end

-- What a frame sees besides globals, or the top-level locals of inputs: a row for each.
function K.rows_of(frame)
  local rows = array {}
  if not frame then return add_locals_of_inputs(rows, "local") end
  local names, places = names_in(frame)
  for i = 1, #names do
    local name = names[i]
    if name ~= "_ENV" then
      rows[#rows + 1] = row(places[name] > 0 and "local" or "upvalue", name, value_at(frame, places[name]))
    end
  end
  local values, n = varargs_of(frame)
  for i = 1, n do rows[#rows + 1] = row("vararg", "..." .. i, values[i]) end
  -- Those at the top level of an input, or of a file that `.run` has run, lie with those of earlier ones.
  if frame.what == "main" and rawequal(globals_of(frame), K.scope) then
    add_locals_of_inputs(rows, "input")
  end
  return rows
end

-- ── where tasks wait ──────────────────────────────────────────────────────────────────────────────────────────────

-- Functions that scripts call by a global name.
local function global_names()
  local names = {}
  for name, value in next, env do
    if type(value) == "function" then
      names[value] = name
    elseif type(value) == "table" and type(name) == "string" and name ~= "_G" and name ~= "package" then
      for key, member in next, value do
        if type(member) == "function" and type(key) == "string" then names[member] = name .. "." .. key end
      end
    end
  end
  return names
end

-- The function of llmspell that a frame of the user's has called, as the user writes it; else the op that it awaits.
local function waits_in(frame, names)
  local called = frame.level > 0 and getinfo(frame.co, frame.level - 1, "nf")
  local info = getinfo(frame.co, 1, "f")
  local op
  if info and info.func == K.await then _, op = getlocal(frame.co, 1, 1) end
  local name = called and (names[called.func] or called.name)
  if not name then return op end
  if called.namewhat ~= "method" then return name end
  local class, method = match(name, "^(.*)%.(.*)$")
  return (class or op and match(op, "^[^.]*") or "") .. ":" .. (method or name)
end

-- The tasks that have not ended: number, status, and where each stands, and in which call.
function K.queries.tasks()
  local rows, names = array {}, global_names()
  local tasks = K.all_tasks()
  for i = 1, #tasks do
    local task = tasks[i]
    local found = { id = task.id, status = task.status }
    if task.co then
      local innermost = task == K.current and K.held_coroutine() or nil
      local frame = K.frames_of(K.threads_of(task.co, innermost), 1)[1]
      if frame then
        found.place = frame.file .. ":" .. frame.currentline
        if task.status == "waiting" then found.call = waits_in(frame, names) end
      end
    elseif task.start and type(task.start[1]) == "function" then
      local info = getinfo(task.start[1], "S")
      if info.linedefined > 0 and not is_host_chunk(info.short_src) then
        found.place = chunk_name(info) .. ":" .. info.linedefined
      end
    end
    rows[#rows + 1] = found
  end
  return encode(rows)
end
