-- print and io: thin shims over ops. Files are numbers in Python; only standard input makes a script wait.

local K = ...
local env, call, await = K.env, K.call, K.await
local type, select, error, tostring, setmetatable, tonumber = type, select, error, K.tostring, setmetatable, tonumber
local concat, unpack, find, format = table.concat, table.unpack, string.find, string.format
local tointeger, rawequal = math.tointeger, rawequal

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
  if not rawequal(K.metatable_of(file), File) then
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

-- Arguments that Lua itself would refuse, refused in its words, at the line of who called.
local function refuse(what, at, expected, value)
  error("bad argument #" .. at .. " to '" .. what .. "' (" .. expected .. " expected, got "
    .. (value == nil and "no value" or type(value)) .. ")", 4)
end

local function path_of(what, at, value)
  if type(value) == "number" then return tostring(value) end
  if type(value) ~= "string" then refuse(what, at, "string", value) end
  return value
end

local function whole_of(what, at, value)
  local n = tonumber(value)
  if not n then refuse(what, at, "number", value) end
  local whole = tointeger(n)
  if not whole then
    error("bad argument #" .. at .. " to '" .. what .. "' (number has no integer representation)", 3)
  end
  return whole
end
K.path_of, K.whole_of = path_of, whole_of

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
local function formats_of(what, ...)
  local formats, count = { ... }, select("#", ...)
  if count == 0 then return { "l" }, 1 end
  for i = 1, count do
    local wanted = formats[i]
    if type(wanted) == "number" then
      wanted = tointeger(wanted)
      formats[i] = wanted and wanted >= 0 and format("%d", wanted)
    else
      formats[i] = type(wanted) == "string" and string.match(wanted, "^%*?([nlLa])")
    end
    if not formats[i] then error("bad argument #" .. i .. " to '" .. what .. "' (invalid format)", 3) end
  end
  return formats, count
end

local function read(file, formats, count)
  local results = {}
  for i = 1, count do
    local text, problem, code
    if file.id == 0 then
      text = await("io.read_stdin", formats[i])
    else
      text, problem, code = call("io.read", file.id, formats[i])
      if problem then return nil, problem, code end
    end
    if text ~= nil and formats[i] == "n" then text = tonumber(text) end
    results[i] = text
    if text == nil then return unpack(results, 1, i) end
  end
  return unpack(results, 1, count)
end

function methods.read(file, ...)
  check(file, "read")
  return read(file, formats_of("read", ...))
end

function methods.lines(file, ...)
  check(file, "lines")
  local formats, count = formats_of("lines", ...)
  return function()
    if file.closed then error("file is already closed", 2) end
    return read(file, formats, count)
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
    error("bad argument #1 to 'seek' (invalid option '" .. tostring(whence) .. "')", 2)
  end
  return call("io.seek", file.id, whence, whole_of("seek", 2, offset or 0))
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
  path = path_of("open", 1, path)
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

function io.flush()
  return methods.flush(output)
end

function io.read(...)
  return read(input, formats_of("read", ...))
end

local function close_at_end(file, ...)
  if ... == nil then methods.close(file) end
  return ...
end

function io.lines(path, ...)
  local formats, count = formats_of("lines", ...)
  if path == nil then
    return function() return read(input, formats, count) end
  end
  local file, problem = io.open(path_of("lines", 1, path))
  if not file then error(problem, 2) end
  return function()
    if file.closed then error("file is already closed", 2) end
    return close_at_end(file, read(file, formats, count))
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
  if not rawequal(K.metatable_of(value), File) then return nil end
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

env.package.loaded.io = io
