-- os, and the arguments of the script: thin shims over ops.

local K = ...
local env, call, path_of, whole_of = K.env, K.call, K.path_of, K.whole_of
local type, select, error, setmetatable, rawget, tonumber = type, select, error, setmetatable, rawget, tonumber
local find, gmatch, match, sub, tointeger = string.find, string.gmatch, string.match, string.sub, math.tointeger

local os = {}
env.os = os

local function field(t, name, default)
  local value = t[name]
  if value == nil then
    if default == nil then error("field '" .. name .. "' missing in date table", 3) end
    return default
  end
  local whole = tointeger(tonumber(value))
  if not whole then error("field '" .. name .. "' is not an integer", 3) end
  if whole > 0x7fffffff or whole < -0x80000000 then error("field '" .. name .. "' is out-of-bound", 3) end
  return whole
end

local function calendar(moment, utc)
  local text = call("os.date", "*t", moment, utc)
  if not text then return nil end
  local numbers = {}
  for part in gmatch(text, "%-?%d+") do numbers[#numbers + 1] = tointeger(part) end
  return {
    year = numbers[1], month = numbers[2], day = numbers[3], hour = numbers[4], min = numbers[5], sec = numbers[6],
    wday = numbers[7], yday = numbers[8], isdst = numbers[9] > 0,
  }
end

-- The time of a table's fields, which are then brought into their ranges.
function os.time(t)
  if t == nil then return call("os.time") end
  if type(t) ~= "table" then
    error("bad argument #1 to 'time' (table expected, got " .. type(t) .. ")", 2)
  end
  local dst = t.isdst
  local moment = call("os.mktime", field(t, "year"), field(t, "month"), field(t, "day"), field(t, "hour", 12),
    field(t, "min", 0), field(t, "sec", 0), dst == nil and -1 or dst and 1 or 0)
  local fields = moment and calendar(moment, false)
  if not fields then error("time result cannot be represented in this installation", 2) end
  for name in gmatch("year month day hour min sec wday yday isdst", "%a+") do t[name] = fields[name] end
  return moment
end

function os.clock()
  return call("os.clock")
end

local function check_conversions(text)
  local at = find(text, "%", 1, true)
  while at do
    local one, two = sub(text, at + 1, at + 1), sub(text, at + 1, at + 2)
    if one ~= "" and find("aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%", one, 1, true) then
      at = find(text, "%", at + 2, true)
    elseif find(two, "^E[cCxXyY]") or find(two, "^O[deHImMSuUVwWy]") then
      at = find(text, "%", at + 3, true)
    else
      error("bad argument #1 to 'date' (invalid conversion specifier '%" .. two .. "')", 3)
    end
  end
end

function os.date(text, time)
  text = text == nil and "%c" or path_of("date", 1, text)
  time = time == nil and call("os.time") or whole_of("date", 2, time)
  local utc = sub(text, 1, 1) == "!"
  if utc then text = sub(text, 2) end
  local result
  if sub(text, 1, 2) == "*t" then
    result = calendar(time, utc)
  else
    check_conversions(text)
    result = call("os.date", text, time, utc)
  end
  if not result then error("date result cannot be represented in this installation", 2) end
  return result
end

function os.difftime(a, b)
  return a - (b or 0) + 0.0
end

function os.getenv(name)
  return (call("os.getenv", path_of("getenv", 1, name)))
end

function os.tmpname()
  return call("os.tmpname")
end

local function file_op(op, ...)
  local ok, problem, code = call(op, ...)
  if not ok then return nil, problem, code end
  return true
end

function os.remove(path)
  return file_op("os.remove", (path_of("remove", 1, path)))
end

function os.rename(from, to)
  from, to = path_of("rename", 1, from), path_of("rename", 2, to)
  return file_op("os.rename", from, to)
end

function os.execute(command)
  if command == nil then return false end
  return nil, "scripts start no processes", 1
end

-- Ends the script, all its tasks included.
function os.exit(code)
  if code == nil or code == true then code = 0 elseif code == false then code = 1 end
  local whole = tointeger(code)
  if not whole then error("bad argument #1 to 'exit' (number expected, got " .. type(code) .. ")", 2) end
  call("os.exit", whole)
end

function os.setlocale(locale)
  return (locale == nil or locale == "" or locale == "C") and "C" or nil
end

env.package.loaded.os = os

-- ── arguments ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- `arg` as the stand-alone interpreter sets it; `ARGS` also by name: --name value, --name=value, --flag.
function K.set_arguments(script, ...)
  local arg, named = { [0] = script, ... }, { [0] = script }
  local i, count, position = 1, select("#", ...), 0
  while i <= count do
    local name, value = match(arg[i], "^%-%-([%w_-]+)=(.*)$")
    if not name then
      name = match(arg[i], "^%-%-([%w_-]+)$")
      if name and arg[i + 1] and sub(arg[i + 1], 1, 2) ~= "--" then
        i = i + 1
        value = arg[i]
      end
    end
    if name then
      named[name] = value or "true"
    else
      position = position + 1
      named[position] = arg[i]
    end
    i = i + 1
  end
  -- the Rust llmspell gives positions as strings
  env.arg, env.ARGS = arg, setmetatable(named, { __index = function(t, key)
    local number = type(key) == "string" and tointeger(tonumber(key))
    return number and rawget(t, number) or nil
  end })
end
