-- The console: inputs run one after the other in one environment, whose top-level locals outlive the line.
--
-- `K.jobs` are functions that run as root tasks of their own: they may wait and run a user's code. `K.queries` are
-- answered at once, also while a debugger holds everything: they run no code of a user, and give one text, or nothing.

local K = ...
local type, setmetatable, load, pcall, rawequal = type, setmetatable, load, pcall, rawequal
local find, gmatch, match, pack, insert = string.find, string.gmatch, string.match, table.pack, table.insert
local collectgarbage, env = collectgarbage, K.env

K.jobs, K.queries = {}, {}
local console = {}
K.console = console

-- ── the environment of inputs ─────────────────────────────────────────────────────────────────────────────────────

local NIL = {}
local declared, locals = {}, {}  -- names that inputs declared as local at their top level, and the values of these

-- A name is the local of an earlier input, else the global. `local print = print` works, since a name that has been
-- declared and not been set yet is still the global's.
K.scope = setmetatable({}, {
  __index = function(_, name)
    local value = locals[name]
    if value == nil then return env[name] end
    if not rawequal(value, NIL) then return value end
  end,
  __newindex = function(_, name, value)
    if declared[name] then
      locals[name] = value == nil and NIL or value
    else
      env[name] = value
    end
  end,
  __metatable = false,
})

-- Names of the locals in order, and their values by name.
function K.scope_locals()
  local names, values = {}, {}
  for name, value in K.pairs(locals) do
    names[#names + 1] = name
    if not rawequal(value, NIL) then values[name] = value end
  end
  return names, values
end

-- ── results ───────────────────────────────────────────────────────────────────────────────────────────────────────

local results = {} -- the latest first

local function remember(values)
  for i = values.n, 1, -1 do
    if values[i] ~= nil then insert(results, 1, values[i]) end
  end
  env._ = results[1]
  for i = 1, 9 do env["_" .. i] = results[i] end
  for i = #results, 10, -1 do results[i] = nil end
end
K.remember_results = remember

local out, err = env.io.stdout, env.io.stderr

local function show(...)
  local values = pack(...)
  if values.n == 0 then return end
  -- `io.write(…)` gives its file, which is no news
  if values.n == 1 and (rawequal(values[1], out) or rawequal(values[1], err)) then return end
  remember(values)
  K.call("console.echo", K.inspect_all(values, values.n))
end

-- ── running ───────────────────────────────────────────────────────────────────────────────────────────────────────

local foreground -- the root task of what the user waits for

local function begin(fn, ...)
  local id = K.start(fn, ...)
  foreground = K.roots[id]
  return id
end

-- An input as an expression, else as statements; of the two reasons why it is neither, the one that got further.
local function compiled(source, name)
  local chunk, as_expression = load("return " .. source, name, "t", K.scope)
  if chunk then return chunk end
  local statements, problem = load(source, name, "t", K.scope)
  if statements then return statements end
  local first = match(source, "^%s*([%w_]+)")
  if not first or find(as_expression, "<eof> expected near", 1, true)
    or find(as_expression, "near '" .. first .. "'", 1, true) then
    return nil, problem
  end
  return nil, as_expression
end
K.compile_input = compiled

-- Run an input; `names` are the top-level locals that were taken out of it. The number of its task, or nil and why
-- there is none. `...` goes to the chunk.
function console.run(source, name, names, ...)
  local chunk, problem = compiled(source, name)
  if not chunk then return nil, K.tostring(problem) end
  for declaration in gmatch(names, "[^ ]+") do declared[declaration] = true end
  -- A function that comes out of an expression has no name in tracebacks, and is the main chunk there.
  return begin(function(...) show((chunk and chunk or chunk)(...)) end, ...)
end

-- Start a program as `run` would, with real locals; the console waits for it as for an input.
function console.program(source, name, ...)
  local chunk, problem = K.compile(source, name)
  if not chunk then return nil, K.tostring(problem) end
  return begin(chunk, ...)
end

function console.job(name, ...)
  return begin(K.jobs[name], ...)
end

function console.query(name, ...)
  local ok, answer = pcall(K.queries[name], ...)
  if ok and type(answer) == "string" then return answer end
end

-- ── stopping ──────────────────────────────────────────────────────────────────────────────────────────────────────

local function reason()
  return K.new_error { type = "cancelled", message = "interrupted", where = false }
end

local function belongs(task, root)
  while task do
    if task == root then return true end
    task = task.parent
  end
  return false
end

-- Stop the foreground where it waits. Not while Lua runs.
function console.cancel()
  if foreground and K.roots[foreground.id] then K.cancel(foreground, reason()) end
end

-- Stop what computes: called by the count hook.
function K.interrupt()
  local running = K.current
  if foreground and K.roots[foreground.id] and not belongs(running, foreground) then K.cancel(foreground, reason()) end
  if belongs(running, foreground) then running = foreground end
  running.seen = true
  K.cancel(running, reason())
end

function console.recover()
  K.recover()
  collectgarbage("collect")
end
