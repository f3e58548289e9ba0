-- What Lua leaves to chance, made the same in every run: the order of `pairs` and `next`, the addresses that
-- `tostring` and string.format show, ties in table.sort, the seed of math.random.

local K = ...
local next, type, rawget, rawequal, rawlen = next, type, rawget, rawequal, rawlen
local getmetatable, setmetatable, tostring, error, select = getmetatable, setmetatable, tostring, error, select
local sort, move, unpack, pack = table.sort, table.move, table.unpack, table.pack
local pcall, at_caller = pcall, K.at_caller
local format, find, gsub, math_type = string.format, string.find, string.gsub, math.type

K.metatable_of = debug.getmetatable
local metatable_of = debug.getmetatable

-- ── serial numbers in place of addresses ──────────────────────────────────────────────────────────────────────────

local numbers, last = setmetatable({}, { __mode = "k" }), 0

local function number(object)
  local n = numbers[object]
  if not n then
    last = last + 1
    n = last
    numbers[object] = n
  end
  return n
end
K.number = number

local identified = { table = true, ["function"] = true, thread = true, userdata = true }

local function address(object)
  return format("0x%08x", number(object))
end

function K.tostring(...)
  if select("#", ...) == 0 then error("bad argument #1 to 'tostring' (value expected)", 2) end
  local value = ...
  local kind = type(value)
  if not identified[kind] then return tostring(value) end
  local meta = metatable_of(value)
  if meta then
    local method = rawget(meta, "__tostring")
    if method then
      local text = method(value)
      if type(text) == "string" then return text end
      if type(text) == "number" then return tostring(text) end
      error("'__tostring' must return a string", 2)
    end
    local name = rawget(meta, "__name")
    if type(name) == "string" then kind = name end
  end
  return kind .. ": " .. address(value)
end

-- string.format with serial numbers for %p, and for objects under %s
function K.format(...)
  local text = ...
  local count = select("#", ...)
  local plain = type(text) ~= "string" or not find(text, "%p", 1, true)
  if plain then
    for i = 2, count do
      if identified[type((select(i, ...)))] then
        plain = false
        break
      end
    end
  end
  if plain then return at_caller("format", pcall(format, ...)) end
  local values, index = pack(...), 1
  text = gsub(text, "%%([-+ #0-9.]*)(.)", function(flags, conversion)
    if conversion == "%" then return nil end
    index = index + 1
    local value = values[index]
    if conversion == "s" and identified[type(value)] then
      values[index] = K.tostring(value)
    elseif conversion == "p" then
      values[index] = identified[type(value)] and address(value) or "(null)"
      return "%" .. flags .. "s"
    end
    return nil
  end)
  return at_caller("format", pcall(format, text, unpack(values, 2, values.n)))
end

-- ── pairs and next ────────────────────────────────────────────────────────────────────────────────────────────────

local rank = { number = 1, string = 2, boolean = 3, table = 4, ["function"] = 4, thread = 4, userdata = 4 }

local function before(a, b)
  local kind, other = type(a), type(b)
  local left, right = rank[kind], rank[other]
  if left ~= right then return left < right end
  if left < 3 then return a < b end
  if left == 3 then return not a and b end
  return numbers[a] < numbers[b]
end

-- All keys in order: numbers, strings, booleans, then objects as they got their numbers. The second result is true
-- when they are exactly 1..n in the order in which they lie.
local function keys_of(t)
  local keys, n, plain = {}, 0, true
  local strings, unnumbered = true, 0
  for key in next, t do
    n = n + 1
    keys[n] = key
    if plain and key ~= n then plain = false end
    local kind = type(key)
    if kind ~= "string" then strings = false end
    if identified[kind] and not numbers[key] then
      unnumbered = unnumbered + 1
      number(key)
    end
  end
  -- Two objects that nothing has numbered before get their numbers in the order of their addresses.
  if unnumbered > 1 then K.call("lua.unordered_keys", unnumbered) end
  if not plain then
    if strings then sort(keys) else sort(keys, before) end
  end
  return keys, n, plain
end
K.keys_of = keys_of

function K.pairs(...)
  local t = ...
  local meta = metatable_of(t)
  local method = meta and rawget(meta, "__pairs")
  if method then
    local a, b, c, d = method(t)
    return a, b, c, d
  end
  if type(t) ~= "table" then
    if select("#", ...) == 0 then error("bad argument #1 to 'pairs' (value expected)", 2) end
    error("bad argument #1 to 'for iterator' (table expected, got " .. type(t) .. ")", 2)
  end
  local keys, n = keys_of(t)
  local i = 0
  return function()
    while i < n do
      i = i + 1
      local key = keys[i]
      local value = rawget(t, key)
      if value ~= nil then return key, value end
    end
    return nil
  end, t, nil
end

local walked, walk, walk_at, walk_n = nil, nil, 0, 0

function K.next(t, key)
  if type(t) ~= "table" then
    error("bad argument #1 to 'next' (table expected, got " .. (t == nil and "no value" or type(t)) .. ")", 2)
  end
  if key == nil then
    if next(t) == nil then return nil end
    walked, walk_at = t, 0
    walk, walk_n = keys_of(t)
  elseif not (rawequal(walked, t) and rawequal(walk[walk_at], key)) then
    walked, walk_at = t, nil
    walk, walk_n = keys_of(t)
    for i = 1, walk_n do
      if rawequal(walk[i], key) then walk_at = i break end
    end
    if not walk_at then
      walked, walk_at = nil, 0
      error("invalid key to 'next'", 2)
    end
  end
  while walk_at < walk_n do
    walk_at = walk_at + 1
    local following = walk[walk_at]
    local value = rawget(t, following)
    if value ~= nil then return following, value end
  end
  walked, walk, walk_at = nil, nil, 0
  return nil
end

-- ── table.sort ────────────────────────────────────────────────────────────────────────────────────────────────────

local function less(a, b) return a < b end

-- All strings, or all numbers of one type: then equal items can't be told apart, and any sort is stable.
local function uniform(t, n)
  local kind = type(t[1])
  if kind ~= "string" and kind ~= "number" then return false end
  local subtype = math_type(t[1])
  for i = 2, n do
    if type(t[i]) ~= kind or math_type(t[i]) ~= subtype then return false end
  end
  return true
end

-- Stable merge sort, bottom up. A comparator may wait, since no C frame lies between.
local function merge_sort(t, n, compare)
  local from, to = move(t, 1, n, 1, {}), {}
  local width = 1
  while width < n do
    for start = 1, n, 2 * width do
      local middle, stop = start + width, start + 2 * width
      if middle > n + 1 then middle = n + 1 end
      if stop > n + 1 then stop = n + 1 end
      local left, right = start, middle
      for i = start, stop - 1 do
        if left < middle and (right >= stop or not compare(from[right], from[left])) then
          to[i] = from[left]
          left = left + 1
        else
          to[i] = from[right]
          right = right + 1
        end
      end
    end
    from, to = to, from
    width = 2 * width
  end
  move(from, 1, n, 1, t)
end

function K.sort(t, compare)
  if type(t) ~= "table" then
    error("bad argument #1 to 'sort' (table expected, got " .. (t == nil and "no value" or type(t)) .. ")", 2)
  end
  if compare ~= nil and type(compare) ~= "function" then
    error("bad argument #2 to 'sort' (function expected, got " .. type(compare) .. ")", 2)
  end
  local n = #t
  if n >= 0x7fffffff then error("bad argument #1 to 'sort' (array too big)", 2) end
  if compare then
    merge_sort(t, n, compare)
  elseif (not metatable_of(t) or rawlen(t) == n) and uniform(t, n) then
    sort(t)
  else
    return at_caller("sort", pcall(merge_sort, t, n, less))
  end
end

-- ── math.random ───────────────────────────────────────────────────────────────────────────────────────────────────

local random, randomseed = math.random, math.randomseed
local seeded = false

function K.randomseed(...)
  seeded = true
  if select("#", ...) > 0 then return at_caller("randomseed", pcall(randomseed, ...)) end
  return randomseed(K.call("random.seed"), K.call("random.seed"))
end

function K.random(...)
  if not seeded then K.randomseed() end
  return at_caller("random", pcall(random, ...))
end
