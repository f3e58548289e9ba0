-- JSON (RFC 8259): objects become tables without their nulls, arrays keep theirs as JSON.null.

local K = ...
local raise, tostring, type, error, tonumber, select = K.raise, K.tostring, type, error, tonumber, select
local setmetatable, rawget, rawequal, math_type = setmetatable, rawget, rawequal, math.type
local byte, char, find, format, gsub, match, rep, sub =
  string.byte, string.char, string.find, string.format, string.gsub, string.match, string.rep, string.sub
local concat, codepoint = table.concat, utf8.char

-- ── null and empty arrays, as Lua and Python both know them ───────────────────────────────────────────────────────

local null = setmetatable({}, {
  __name = "null",
  __metatable = false,
  __tostring = function() return "null" end,
  __newindex = function() error("JSON.null can't be changed", 2) end,
})
local arrays = setmetatable({}, { __mode = "k" }) -- tables that are arrays also while they are empty

local function array(t)
  t = t or {}
  arrays[t] = true
  return t
end

-- For the converter: what an empty table stands for.
function K.kind_of_empty(t)
  return rawequal(t, null) and "null" or arrays[t] and "array" or "object"
end
K.null, K.array = null, array

-- ── stringify ─────────────────────────────────────────────────────────────────────────────────────────────────────

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t" }

local function quote(text)
  return '"' .. gsub(text, '[%c"\\\127]', function(c)
    return escapes[c] or format("\\u%04x", byte(c))
  end) .. '"'
end

local function bad(message)
  raise { type = "json_error", message = message }
end

local function number(value)
  if math_type(value) == "integer" then return format("%d", value) end
  if value ~= value or value == math.huge or value == -math.huge then
    bad("JSON has no number for " .. tostring(value))
  end
  for digits = 15, 17 do
    local text = format("%." .. digits .. "g", value)
    if tonumber(text) == value then
      return find(text, "[.eE]") and text or text .. ".0"
    end
  end
end

-- n for a table with keys 1..n (holes allowed up to 2n + 8), nil for one with names.
local function length(t, keys, count)
  if count == 0 then return (arrays[t]) and 0 or nil end
  if type(keys[1]) ~= "number" then return nil end
  local last = keys[count]
  if type(last) ~= "number" then bad("a table with both positions and names is neither a JSON array nor an object") end
  if math_type(keys[1]) ~= "integer" or keys[1] < 1 or last > 2 * count + 8 then return nil end
  return last
end

local function write(value, out, path, indent, depth)
  local kind = type(value)
  if value == nil or rawequal(value, null) then
    out[#out + 1] = "null"
  elseif kind == "string" then
    out[#out + 1] = quote(value)
  elseif kind == "number" then
    out[#out + 1] = number(value)
  elseif kind == "boolean" then
    out[#out + 1] = value and "true" or "false"
  elseif kind ~= "table" then
    bad("JSON has no form for a " .. kind)
  else
    if path[value] then bad("the table contains itself") end
    if depth > 100 then bad("the table is nested deeper than 100 levels") end
    path[value] = true
    local keys, count = K.keys_of(value)
    local n = length(value, keys, count)
    local open, close = "{", "}"
    local line = indent and "\n" .. rep(indent, depth + 1) or ""
    if n then open, close, count = "[", "]", n end
    out[#out + 1] = open
    for i = 1, count do
      out[#out + 1] = (i > 1 and "," or "") .. line
      if n then
        write(rawget(value, i), out, path, indent, depth + 1)
      else
        local key = keys[i]
        if type(key) ~= "string" and type(key) ~= "number" then bad("JSON has no form for a " .. type(key) .. " as key") end
        out[#out + 1] = quote(tostring(key)) .. (indent and ": " or ":")
        write(rawget(value, key), out, path, indent, depth + 1)
      end
    end
    if indent and count > 0 then out[#out + 1] = "\n" .. rep(indent, depth) end
    out[#out + 1] = close
    path[value] = nil
  end
end

-- ── parse ─────────────────────────────────────────────────────────────────────────────────────────────────────────

local function fault(text, at, what)
  local line, start = 1, 0
  for newline in string.gmatch(sub(text, 1, at - 1), "()\n") do
    line, start = line + 1, newline
  end
  bad(format("invalid JSON at line %d, column %d: %s", line, at - start, what))
end

local short = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function parse_string(text, at)
  local parts, from = {}, at + 1
  while true do
    local stop = find(text, '[%c"\\]', from)
    if not stop then fault(text, at, "this string has no end") end
    local c = byte(text, stop)
    if c == 127 then
      parts[#parts + 1] = sub(text, from, stop)
      from = stop + 1
    else
      parts[#parts + 1] = sub(text, from, stop - 1)
      if c == 34 then return concat(parts), stop + 1 end
      if c ~= 92 then fault(text, stop, "a control character in a string must be escaped") end
      local escape = sub(text, stop + 1, stop + 1)
      if short[escape] then
        parts[#parts + 1] = short[escape]
        from = stop + 2
      elseif escape == "u" then
        local hex = match(text, "^%x%x%x%x", stop + 2)
        if not hex then fault(text, stop, "\\u needs four hexadecimal digits") end
        local code = tonumber(hex, 16)
        from = stop + 6
        if code >= 0xD800 and code < 0xDC00 then
          local low = tonumber(match(text, "^\\u([dD][c-fC-F]%x%x)", from) or "", 16)
          if low then
            code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)
            from = from + 6
          end
        end
        if code >= 0xD800 and code < 0xE000 then code = 0xFFFD end -- half a character
        parts[#parts + 1] = codepoint(code)
      else
        fault(text, stop, "there is no escape \\" .. escape)
      end
    end
  end
end

local literals = { t = "true", f = "false", n = "null" }
local values = { ["true"] = true, ["false"] = false, null = null }

local parse_value

local function parse_array(text, at, depth)
  local list, n = array(), 0
  at = find(text, "[^ \t\r\n]", at + 1)
  if at and byte(text, at) == 93 then return list, at + 1 end
  while true do
    n = n + 1
    list[n], at = parse_value(text, at or #text + 1, depth)
    at = find(text, "[^ \t\r\n]", at)
    local c = at and byte(text, at)
    if c == 93 then return list, at + 1 end
    if c ~= 44 then fault(text, at or #text + 1, "expected , or ]") end
    at = at + 1
  end
end

local function parse_object(text, at, depth)
  local object = {}
  at = find(text, "[^ \t\r\n]", at + 1)
  if at and byte(text, at) == 125 then return object, at + 1 end
  while true do
    at = at and find(text, "[^ \t\r\n]", at)
    if not at or byte(text, at) ~= 34 then fault(text, at or #text + 1, "expected a name in quotes") end
    local key, value
    key, at = parse_string(text, at)
    at = find(text, "[^ \t\r\n]", at)
    if not at or byte(text, at) ~= 58 then fault(text, at or #text + 1, "expected :") end
    value, at = parse_value(text, at + 1, depth)
    if value ~= null then object[key] = value else object[key] = nil end
    at = find(text, "[^ \t\r\n]", at)
    local c = at and byte(text, at)
    if c == 125 then return object, at + 1 end
    if c ~= 44 then fault(text, at or #text + 1, "expected , or }") end
    at = at + 1
  end
end

parse_value = function(text, at, depth)
  at = find(text, "[^ \t\r\n]", at)
  if not at then fault(text, #text + 1, "expected a value") end
  local c = sub(text, at, at)
  if c == '"' then return parse_string(text, at) end
  if c == "{" or c == "[" then
    if depth >= 100 then fault(text, at, "nested deeper than 100 levels") end
    return (c == "{" and parse_object or parse_array)(text, at, depth + 1)
  end
  local word = literals[c]
  if word and sub(text, at, at + #word - 1) == word then return values[word], at + #word end
  local digits = match(text, "^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  if digits and match(digits, "^-?%d+$") or digits and match(digits, "^-?%d+%.%d+$")
    or digits and match(digits, "^-?%d+%.?%d*[eE][+-]?%d+$") and not match(digits, "%.[eE]") then
    if not match(digits, "^-?0%d") then return tonumber(digits), at + #digits end
  end
  fault(text, at, "expected a value")
end

-- ── the global ────────────────────────────────────────────────────────────────────────────────────────────────────

---JSON text and Lua values. `encode` and `decode` are other names of `stringify` and `parse`.
---@class JSON
---@field null any stands for null inside arrays, and for a null that shall be written
local JSON = { null = null }

---Parse JSON text. Nulls in objects are left out, in arrays they are `JSON.null`.
---@param text string
---@return any value
function JSON.parse(text)
  if type(text) ~= "string" then
    error("bad argument #1 to 'parse' (string expected, got " .. type(text) .. ")", 2)
  end
  local value, at = parse_value(text, 1, 0)
  local rest = find(text, "[^ \t\r\n]", at)
  if rest then fault(text, rest, "expected nothing more") end
  return value
end

---Write a value as JSON, names sorted. Raises on functions, cycles and numbers that JSON hasn't.
---@param value any
---@param indent? string|integer text or number of spaces for each level; without it everything is on one line
---@return string text
function JSON.stringify(value, indent)
  if type(indent) == "number" then indent = rep(" ", indent) elseif indent == true then indent = "  " end
  local out = {}
  write(value, out, {}, indent or nil, 0)
  return concat(out)
end

---Mark a table as an array, so that it is `[]` also while it is empty.
---@param t? table
---@return table array
function JSON.array(t)
  return array(t)
end

JSON.decode, JSON.encode = JSON.parse, JSON.stringify
K.env.JSON = JSON
