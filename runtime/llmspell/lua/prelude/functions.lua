-- Functions of a script that Python calls: the handlers of tools and the like. Python holds a number in place of the
-- function. What it wants called comes as the answer of `functions.next`, for which one task waits as long as the
-- script runs; each call is a task of its own, so that a function may wait as the rest of the script does.
--
-- Numbers keep nothing alive: who hands one out keeps the function as long as Python may ask for it.

local K = ...
local await, spawn, cancel, pcall, rawget, type = K.await, K.spawn, K.cancel, K.pcall, rawget, type
local tostring, setmetatable, unpack = K.tostring, setmetatable, table.unpack

local functions = setmetatable({}, { __mode = "v" }) -- number -> function
local numbers = setmetatable({}, { __mode = "k" })   -- function -> number
local made = 0
local running = {}                                   -- call of Python -> task
local server

-- An error as plain fields, whatever was raised.
local function fields_of(problem)
  if type(problem) ~= "table" then return { type = "script_error", message = tostring(problem) } end
  local message = rawget(problem, "message")
  return {
    type = rawget(problem, "type") or "script_error",
    message = type(message) == "string" and message or tostring(problem),
    hint = rawget(problem, "hint"),
    retryable = rawget(problem, "retryable"),
    where = rawget(problem, "where"),
    value = getmetatable(problem) ~= "error" and problem or nil,
  }
end

local function answer(call, ok, value)
  running[call] = nil
  local passed, problem = pcall(await, "functions.answer", call, ok, value)
  if passed then return end
  if ok then
    value = fields_of(problem) -- the result can't leave Lua
    value.returned = true
  else
    value.value = nil          -- nor can what was raised
  end
  await("functions.answer", call, false, value)
end

local function run(call, fn, arguments)
  if not fn then
    return answer(call, false, { type = "script_error", message = "the script has let go of the function" })
  end
  local ok, value = pcall(fn, unpack(arguments, 1, #arguments))
  if ok then return answer(call, true, value) end
  answer(call, false, fields_of(value))
end

local function serve()
  while true do
    for _, wanted in ipairs(await("functions.next")) do
      if wanted.cancel then
        local task = running[wanted.call]
        running[wanted.call] = nil
        if task then cancel(task) end
      else
        local task = spawn(run, nil, wanted.call, functions[wanted.fn], wanted.arguments)
        task.asked = wanted.asked
        running[wanted.call] = task
      end
    end
  end
end

-- The agents whose turns lead to the running task, where it is a call of Python or was started for one.
function K.asked()
  local task = K.current
  while task and not task.asked do task = task.parent end
  return task and task.asked
end

-- The number under which Python may ask for calls of a function.
function K.number_function(fn)
  local number = numbers[fn]
  if not number then
    made = made + 1
    number = made
    numbers[fn], functions[number] = number, fn
  end
  if not server then
    server = spawn(serve)
    K.make_daemon(server)
  end
  return number
end

-- A copy of a table in which each function is `{ ["$function"] = its number }`, as `functions.py` reads it. The
-- functions are put into `kept`, which has to live as long as Python may call them.
function K.with_numbers(given, kept)
  local plain = {}
  for key, value in K.pairs(given) do
    if type(value) == "function" then
      kept[#kept + 1] = value
      value = { ["$function"] = K.number_function(value) }
    end
    plain[key] = value
  end
  return plain
end
