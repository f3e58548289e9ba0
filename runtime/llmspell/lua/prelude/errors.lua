-- Error values: tables with fields that also behave as strings, so that both `err.type` and `err:find("x")` work.
-- A chunk of the host starts its name with "[llmspell": such frames are no news to the author of a script.

local K = ...
local getinfo, traceback, error, rawequal = debug.getinfo, debug.traceback, error, rawequal
local find, gmatch, match, sub = string.find, string.gmatch, string.match, string.sub
local concat, type, tostring, setmetatable, pcall = table.concat, type, tostring, setmetatable, pcall
local rawget, gsub, math_type = rawget, string.gsub, math.type

-- What cancels a task. It passes through every pcall and never reaches a script.
local KILL = setmetatable({}, { __name = "cancellation", __metatable = false })
K.KILL = KILL

local function is_host_chunk(source)
  return find(source, "[llmspell", 1, true) == 1
end
K.is_host_chunk = is_host_chunk

-- "script.lua:12", the innermost line of the user's own that is active now.
local function position()
  local level = 2
  while true do
    local info = getinfo(level, "Sl")
    if not info then return nil end
    if info.currentline > 0 and not is_host_chunk(info.short_src) then
      return info.short_src .. ":" .. info.currentline
    end
    level = level + 1
  end
end

local plumbing = { error = true, pcall = true, xpcall = true, yield = true, resume = true }

local function is_plumbing(frame)
  local name = match(frame, "^%[C%]: in .*'([%w_.]+)'$")
  return frame == "[C]: in ?" or frame == "(...tail calls...)" or name and plumbing[match(name, "[%w_]+$")]
end

local function clean(text)
  local lines = {}
  for line in gmatch(text, "[^\n]+") do
    local frame = sub(line, 1, 1) == "\t" and sub(line, 2)
    if frame and not is_host_chunk(frame) and not is_plumbing(frame) then
      lines[#lines + 1] = frame
    end
  end
  return concat(lines, "\n")
end

---What llmspell raises: a table that also behaves as a string, so that `err.type` and `err:find("x")` both work.
---@class Error
---@field type string what went wrong, such as `model_not_found` or `timeout`
---@field message string what was tried and what happened
---@field hint string? what to do about it
---@field retryable boolean whether the same call may succeed later
---@field traceback string where the script was
local Error = { __name = "error", __metatable = "error" }

function Error.__tostring(e)
  local where, message = rawget(e, "where"), rawget(e, "message")
  local text = type(message) == "string" and message or K.tostring(message)
  return type(where) == "string" and where .. ": " .. text or text
end

function Error.__concat(a, b)
  return tostring(a) .. tostring(b)
end

function Error.__index(_, key)
  local method = rawget(K.string_methods, key)
  if method == nil then return nil end
  return function(e, ...) return method(tostring(e), ...) end
end

-- Make an error value from a table of fields; `where` and `traceback` are those of the running code.
function K.new_error(fields)
  if fields.where == nil then fields.where = position() or false end
  fields.traceback = clean(traceback("", 2))
  fields.retryable = fields.retryable or false
  return setmetatable(fields, Error)
end

function K.raise(fields)
  error(K.new_error(fields), 0)
end

-- The result of a protected call of one of Lua's functions, for a function that stands in for it: an error is raised
-- where that one was called, and names it as Lua would.
function K.at_caller(name, ok, ...)
  if ok then return ... end
  local problem = ...
  if problem == "not enough memory" then error(problem, 0) end
  if type(problem) == "string" then
    problem = gsub(problem, "^%[llmspell %w+%]:%d+: ", "", 1)
    problem = gsub(problem, "^(bad argument #%d+ to )'[^']*'", "%1'" .. name .. "'")
  end
  error(problem, 2)
end

-- "script.lua:12: " of a function that is active at a level, as error() puts it in front of a text.
function K.position_at(level)
  local info = getinfo(level, "Sl")
  return info and info.currentline > 0 and info.short_src .. ":" .. info.currentline .. ": " or ""
end

-- The traceback of a coroutine that died, so that the traceback of who resumed it can go on in it.
local inner = { value = nil, text = "" }

function K.trace_inner(co, value)
  local own = clean(traceback(co))
  inner.text = rawequal(inner.value, value) and inner.text ~= "" and inner.text .. "\n" .. own or own
end

function K.remember_inner(value)
  inner.value = value
end

-- The text of an error value that says itself what it means. Asked where it was raised, as long as the script's own
-- code may run.
local function own_text(value)
  local meta = type(value) == "table" and K.metatable_of(value)
  if not meta or meta == Error or not rawget(meta, "__tostring") then return nil end
  local ok, text = pcall(K.tostring, value)
  return ok and text or nil
end

-- The message handler of every task: keeps the value, and notes where it was raised.
function K.describe(value)
  if rawequal(value, KILL) then return value end
  if K.on_uncaught then K.on_uncaught(value) end -- a debugger's
  local own = clean(traceback("", 2))
  if rawequal(inner.value, value) and value ~= nil then own = inner.text .. "\n" .. own end
  inner.value, inner.text = nil, ""
  K.current.traceback = own
  K.current.where = position()
  K.current.text = own_text(value)
  return value
end

-- type, message, hint, traceback, cause of a task's error, for the terminal: texts or nil, the last one a number. The
-- message says where, if anybody knows. Nothing here runs code of the script.
function K.report(task)
  local value, where, trace = task.error, task.where, task.traceback
  local kind = type(value)
  if value == K.MEMORY then return "out_of_memory", value end
  if kind == "string" or kind == "number" then return nil, tostring(value), nil, trace end
  if kind ~= "table" then
    return nil, (where and where .. ": " or "") .. "error object is a " .. kind .. " value", nil, trace
  end
  local function text(name)
    local field = rawget(value, name)
    return type(field) == "string" and field or nil
  end
  if K.metatable_of(value) == Error then
    local cause = rawget(value, "cause")
    local message = text("message") or "error object is a table value"
    return text("type"), text("where") and text("where") .. ": " .. message or message, text("hint"),
      trace or text("traceback"), math_type(cause) == "integer" and cause or nil
  end
  if task.text then return text("type"), task.text, text("hint"), trace end
  local message = text("message") or text("error") or text(1) or "error object is a table value"
  return text("type"), where and (where .. ": " .. message) or message, text("hint"), trace
end
