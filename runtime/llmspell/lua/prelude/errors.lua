-- Error values: tables with fields that also behave as strings, so that both `err.type` and `err:find("x")` work.
-- A chunk of the host starts its name with "[llmspell": such frames are no news to the author of a script.

local K = ...
local getinfo, traceback, error, rawequal = debug.getinfo, debug.traceback, error, rawequal
local find, gmatch, match, sub = string.find, string.gmatch, string.match, string.sub
local concat, type, tostring, setmetatable, getmetatable = table.concat, type, tostring, setmetatable, getmetatable

-- What cancels a task. It passes through every pcall and never reaches a script.
local KILL = setmetatable({}, { __name = "cancellation", __metatable = false })
K.KILL = KILL

local function is_host_chunk(source)
  return find(source, "[llmspell", 1, true) == 1
end

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
  return frame == "[C]: in ?" or name and plumbing[match(name, "[%w_]+$")]
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
  return e.where and (e.where .. ": " .. tostring(e.message)) or tostring(e.message)
end

function Error.__concat(a, b)
  return tostring(a) .. tostring(b)
end

function Error.__index(_, key)
  local method = K.env.string[key]
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

-- Tracebacks of coroutines that died, so that the traceback of who resumed them can go on in them.
local inner = { value = nil, text = "" }

function K.remember_inner(value, co)
  inner.text = clean(traceback(co)) .. (rawequal(inner.value, value) and inner.text ~= "" and "\n" .. inner.text or "")
  inner.value = value
end

-- The message handler of every task: keeps the value, and notes where it was raised.
function K.describe(value)
  if value == KILL then return value end
  local own = clean(traceback("", 2))
  if rawequal(inner.value, value) and value ~= nil then own = inner.text .. "\n" .. own end
  inner.value, inner.text = nil, ""
  K.current.traceback = own
  K.current.where = position()
  return value
end

-- type, message, hint, traceback: all strings or nil, for the terminal. The message says where, if anybody knows.
function K.report(value, where, trace)
  local kind = type(value)
  if kind == "table" then
    if getmetatable(value) == "error" then
      return value.type, tostring(value), value.hint, trace or value.traceback, value.cause
    end
    local meta = K.metatable_of(value)
    if meta and meta.__tostring then return value.type, K.tostring(value), nil, trace end
    local message = value.message or value.error or value[1]
    local text = type(message) == "string" and message or "error object is a table value"
    local label = type(value.type) == "string" and value.type or nil
    return label, where and (where .. ": " .. text) or text, type(value.hint) == "string" and value.hint or nil, trace
  end
  if kind == "string" or kind == "number" then return nil, tostring(value), nil, trace end
  return nil, (where and where .. ": " or "") .. "error object is a " .. kind .. " value", nil, trace
end
