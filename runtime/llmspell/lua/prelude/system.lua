-- print, io and os: thin shims over ops. Files are numbers in Python; only standard input makes a script wait.

local K = ...
local env, call, await, raise = K.env, K.call, K.await, K.raise
local type, select, error, tostring, setmetatable, tonumber = type, select, error, K.tostring, setmetatable, tonumber
local concat, unpack, find, format, gmatch = table.concat, table.unpack, string.find, string.format, string.gmatch

-- ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────

local File = { __name = "FILE*" }
local methods = {}
File.__index = methods
File.__metatable = false

local function handle(id, standard)
  return setmetatable({ id = id, standard = standard }, File)
end

local stdin, stdout, stderr = handle(0, true), handle(1, true), handle(2, true)

local function check(file, what)
  if K.metatable_of(file) ~= File then
    error("bad argument #1 to '" .. what .. "' (FILE* expected, got " .. type(file) .. ")", 3)
  end
  if file.closed then error("attempt to use a closed file", 3) end
  return file
end

function File.__tostring(file)
  return file.closed and "file (closed)" or format("file (0x%08x)", K.number(file))
end

function File.__close(file)
  if not file.closed then methods.close(file) end
end

local function text_of(what, ...)
  local parts = { ... }
  for i = 1, select("#", ...) do
    local kind = type(parts[i])
    if kind ~= "string" and kind ~= "number" then
      error("bad argument #" .. i .. " to '" .. what .. "' (string expected, got " .. kind .. ")", 3)
    end
    parts[i] = tostring(parts[i])
  end
  return concat(parts)
end

function methods.write(file, ...)
  check(file, "write")
  local ok, problem = call("io.write", file.id, text_of("write", ...))
  if not ok then return nil, problem end
  return file
end

-- Formats as Lua knows them: "n" "l" "L" "a" and counts, each with an optional "*" in front.
local function read_one(file, wanted)
  if type(wanted) == "number" then
    wanted = format("%d", wanted)
  elseif type(wanted) == "string" then
    wanted = string.match(wanted, "^%*?([nlLa])")
  else
    wanted = nil
  end
  if not wanted then error("bad argument to 'read' (invalid format)", 4) end
  local text, problem
  if file.id == 0 then
    text = await("io.read_stdin", wanted)
  else
    text, problem = call("io.read", file.id, wanted)
  end
  if text ~= nil and wanted == "n" then text = tonumber(text) end
  return text, problem
end

local function read(file, first, ...)
  if first == nil then return read_one(file, "l") end
  local results, count = {}, 1 + select("#", ...)
  local formats = { first, ... }
  for i = 1, count do
    local problem
    results[i], problem = read_one(file, formats[i])
    if problem then return nil, problem end
    if results[i] == nil then break end
  end
  return unpack(results, 1, count)
end

function methods.read(file, ...)
  return read(check(file, "read"), ...)
end

function methods.lines(file, ...)
  check(file, "lines")
  local formats, count = { ... }, select("#", ...)
  return function()
    if file.closed then error("file is already closed", 2) end
    return read(file, unpack(formats, 1, count))
  end
end

function methods.close(file)
  check(file, "close")
  if file.standard then return nil, "a script can't close a standard stream" end
  file.closed = true
  return call("io.close", file.id)
end

function methods.flush(file)
  check(file, "flush")
  call("io.flush", file.id)
  return file
end

function methods.seek(file, whence, offset)
  check(file, "seek")
  whence = whence or "cur"
  if whence ~= "set" and whence ~= "cur" and whence ~= "end" then
    error("bad argument #2 to 'seek' (invalid option '" .. tostring(whence) .. "')", 2)
  end
  return call("io.seek", file.id, whence, offset or 0)
end

-- Not in stock Lua: whether a standard stream is a terminal.
function methods.isatty(file)
  return call("io.isatty", check(file, "isatty").id)
end

function methods.setvbuf()
  return true
end

local io = { stdin = stdin, stdout = stdout, stderr = stderr }
env.io = io
local input, output = stdin, stdout

function io.open(path, mode)
  if type(path) ~= "string" then
    error("bad argument #1 to 'open' (string expected, got " .. type(path) .. ")", 2)
  end
  mode = mode or "r"
  if type(mode) ~= "string" or not find(mode, "^[rwa]%+?b?$") then
    error("bad argument #2 to 'open' (invalid mode)", 2)
  end
  local id, problem, code = call("io.open", path, mode)
  if not id then return nil, problem, code end
  return K.bind({ id = id }, File, "io", id)
end

function io.close(file)
  return methods.close(file or output)
end

function io.write(...)
  return methods.write(output, ...)
end

function io.read(...)
  return read(input, ...)
end

function io.lines(path, ...)
  if path == nil then return methods.lines(input, ...) end
  local file, problem = io.open(path)
  if not file then error(problem, 2) end
  local following = methods.lines(file, ...)
  return function()
    local first, second, third, fourth = following()
    if first == nil then methods.close(file) end
    return first, second, third, fourth
  end, nil, nil, file
end

local function redirect(file, mode, standard)
  if file == nil then return standard end
  if type(file) ~= "string" then return check(file, mode == "r" and "input" or "output") end
  local opened, problem = io.open(file, mode)
  if not opened then error(problem, 3) end
  return opened
end

function io.input(file)
  input = redirect(file, "r", input)
  return input
end

function io.output(file)
  output = redirect(file, "w", output)
  return output
end

function io.type(value)
  if K.metatable_of(value) ~= File then return nil end
  return value.closed and "closed file" or "file"
end

function io.popen()
  return nil, "scripts start no processes"
end

function io.tmpfile()
  return io.open(call("os.tmpname"), "w+")
end

function env.print(...)
  local parts, count = { ... }, select("#", ...)
  for i = 1, count do parts[i] = tostring(parts[i]) end
  parts[count + 1] = ""
  call("io.write", 1, concat(parts, "\t", 1, count) .. "\n")
end

function env.warn(...)
  local text = text_of("warn", ...)
  if text == "@on" or text == "@off" then return end
  call("io.write", 2, "Lua warning: " .. text .. "\n")
end

-- ── os ────────────────────────────────────────────────────────────────────────────────────────────────────────────

local os = {}
env.os = os

local function field(t, name, default)
  local value = t[name]
  if value == nil then
    if default == nil then error("field '" .. name .. "' missing in date table", 3) end
    return default
  end
  local whole = math.tointeger(tonumber(value))
  if not whole then error("field '" .. name .. "' is not an integer", 3) end
  return whole
end

function os.time(t)
  if t == nil then return call("os.time") end
  local dst = t.isdst
  return call("os.mktime", field(t, "year"), field(t, "month"), field(t, "day"), field(t, "hour", 12),
    field(t, "min", 0), field(t, "sec", 0), dst == nil and -1 or dst and 1 or 0)
end

function os.clock()
  return call("os.clock")
end

function os.date(text, time)
  text = text or "%c"
  time = time or call("os.time")
  local utc = string.sub(text, 1, 1) == "!"
  if utc then text = string.sub(text, 2) end
  if string.sub(text, 1, 2) ~= "*t" then return call("os.date", text, time, utc) end
  local numbers = {}
  for part in gmatch(call("os.date", "*t", time, utc), "%-?%d+") do numbers[#numbers + 1] = math.tointeger(part) end
  return {
    year = numbers[1], month = numbers[2], day = numbers[3], hour = numbers[4], min = numbers[5], sec = numbers[6],
    wday = numbers[7], yday = numbers[8], isdst = numbers[9] > 0,
  }
end

function os.difftime(a, b)
  return a - (b or 0) + 0.0
end

function os.getenv(name)
  if type(name) ~= "string" then
    error("bad argument #1 to 'getenv' (string expected, got " .. type(name) .. ")", 2)
  end
  return (call("os.getenv", name))
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
  return file_op("os.remove", path)
end

function os.rename(from, to)
  return file_op("os.rename", from, to)
end

function os.execute(command)
  if command == nil then return false end
  return nil, "scripts start no processes", 1
end

-- Ends the script, all its tasks included.
function os.exit(code)
  if code == nil or code == true then code = 0 elseif code == false then code = 1 end
  local whole = math.tointeger(code)
  if not whole then error("bad argument #1 to 'exit' (number expected, got " .. type(code) .. ")", 2) end
  call("os.exit", whole)
end

function os.setlocale(locale)
  return (locale == nil or locale == "" or locale == "C") and "C" or nil
end

env.package.loaded.io, env.package.loaded.os = io, os

-- ── arguments ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- `arg` as the stand-alone interpreter sets it; `ARGS` also by name: --name value, --name=value, --flag.
function K.set_arguments(script, ...)
  local arg, named = { [0] = script, ... }, { [0] = script }
  local i, count, position = 1, select("#", ...), 0
  while i <= count do
    local name, value = string.match(arg[i], "^%-%-([%w_-]+)=(.*)$")
    if not name then
      name = string.match(arg[i], "^%-%-([%w_-]+)$")
      if name and arg[i + 1] and string.sub(arg[i + 1], 1, 2) ~= "--" then
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
    local number = type(key) == "string" and math.tointeger(tonumber(key))
    return number and rawget(t, number) or nil
  end })
end
