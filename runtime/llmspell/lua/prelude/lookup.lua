-- What a console looks up in the script's values: names to complete, and what is behind one. Nothing here runs code of
-- a user, but for the job `inspect`: a path is followed by rawget and by `__index` where that is a table.

local K = ...
local type, next, rawget, tostring, load, error = type, next, rawget, tostring, load, error
local byte, find, format, sub, gmatch = string.byte, string.find, string.format, string.sub, string.gmatch
local concat, insert, pack, sort = table.concat, table.insert, table.pack, table.sort
local metatable_of, getinfo, getlocal = debug.getmetatable, debug.getinfo, debug.getlocal
local env, strings, math_type = K.env, K.string_methods, math.type
local encode, decode, array = env.JSON.stringify, env.JSON.parse, env.JSON.array

-- Tables behind a value; fields that are walked over; bytes of a name that is offered, and of the text of a value.
local HOPS, WALKED, LONGEST, SHOWN = 20, 50000, 100, 40

-- What objects have whose `__index` is a function of llmspell.
local members = K.members
members[metatable_of(K.new_error { type = "", message = "" })] = strings

-- ── following a path ──────────────────────────────────────────────────────────────────────────────────────────────

-- The tables in which the fields of a value lie, the nearest first.
local function chain(value)
  local tables, seen = {}, {}
  if type(value) == "table" then tables[1], seen[value] = value, true end
  local meta = metatable_of(value)
  while meta and #tables < HOPS do
    local index = members[meta] or rawget(meta, "__index")
    if type(index) ~= "table" or seen[index] then break end
    tables[#tables + 1], seen[index] = index, true
    meta = metatable_of(index)
  end
  return tables
end

-- The tables in which the names lie that an input sees, or what is held by the debugger.
local function scope()
  local tables = chain(env)
  local names, values = K.scope_locals()
  local locals = {}
  for i = 1, #names do locals[names[i]] = values[names[i]] end
  insert(tables, 1, locals)
  local frame = K.held_frame()
  if frame then insert(tables, 1, K.values_of(frame)) end
  return tables
end

local function find_in(tables, key)
  for i = 1, #tables do
    local value = rawget(tables[i], key)
    if value ~= nil then return value end
  end
end

-- The value at the end of a path and the one before it. A path that begins with `false` begins at a text.
local function follow(path)
  local value, owner
  for i = 1, #path do
    owner = value
    if i > 1 then
      value = find_in(chain(value), path[i])
    elseif path[1] then
      value = find_in(scope(), path[1])
    else
      value = ""
    end
    if value == nil then return nil end
  end
  return value, owner
end

local function class_of(value)
  local meta = metatable_of(value)
  local name = meta and rawget(meta, "__name")
  if type(value) == "string" then name = "string" end
  return type(name) == "string" and #name <= LONGEST and find(name, "^[%w_.*]+$") and name or nil
end

local function kind_of(value)
  return type(value) == "table" and class_of(value) or type(value)
end

-- ── functions ─────────────────────────────────────────────────────────────────────────────────────────────────────

local function is_own(info)
  return info.what ~= "C" and find(info.source, "[llmspell", 1, true) ~= 2
end

local function parameters(fn, info)
  local names = array {}
  for i = 1, info.nparams do names[i] = getlocal(fn, i) end
  if info.isvararg then names[#names + 1] = "..." end
  return names
end

-- A few words on a value: the parameters of a user's function, a number, the beginning of a text.
local function glimpse(value)
  local kind = type(value)
  if kind == "function" then
    local info = getinfo(value, "Su")
    return is_own(info) and "(" .. concat(parameters(value, info), ", ") .. ")" or nil
  elseif kind == "string" then
    return #value <= SHOWN and value or sub(value, 1, SHOWN) .. "…"
  elseif kind == "number" or kind == "boolean" then
    return tostring(value)
  end
end

local documented -- function of Lua or llmspell -> the name under which it is a global, or a field of one

local function note_names()
  documented = {}
  local function note(name, value)
    if type(value) == "function" and (not documented[value] or name < documented[value]) then
      documented[value] = name
    end
  end
  for name, value in next, env do
    note(name, value)
    for key, member in next, value ~= env and type(value) == "table" and value or {} do
      if type(key) == "string" then note(name .. "." .. key, member) end
    end
  end
end

local run = K.console.run
function K.console.run(...) -- before the first input, which may give them other names
  K.console.run = run
  note_names()
  return run(...)
end

-- ── queries ───────────────────────────────────────────────────────────────────────────────────────────────────────

local identifier = "^[%a_][%w_]*$"
local keyword = {}
for word in gmatch("and break do else elseif end false for function goto if in local nil not or repeat return "
  .. "then true until while", "%a+") do keyword[word] = true end

-- The first `limit` names in order, however many are added. Those that can't be among them are dropped on the way.
local function smallest(limit)
  local kept, count, bound = {}, 0, nil
  local function settle()
    sort(kept)
    for i = count, limit + 1, -1 do kept[i] = nil end
    if count >= limit then count, bound = limit, kept[limit] end
    return kept
  end
  local function add(name)
    count = count + 1
    kept[count] = name
    if count >= 2 * limit then settle() end
    return bound
  end
  return add, settle
end

-- What a name is sorted by: names that begin with _ come last.
local function place_of(name)
  return byte(name) == 95 and "\127" .. name or name
end

-- The fields of what a path leads to whose names begin with `prefix`; for the empty path, the names that an input sees.
-- `mark` is what stands before the name: "." or "[", or ":" for functions alone.
function K.queries.fields(path, prefix, mark, limit)
  path = decode(path)
  local value = follow(path)
  local tables = path[1] == nil and scope() or value ~= nil and chain(value) or {}
  local add, settle = smallest(limit)
  local width, seen, walked, bound = #prefix, #tables > 1 and {}, 0, nil
  for i = 1, #tables do
    for key, field in next, tables[i] do
      walked = walked + 1
      if walked > WALKED then break end
      if type(key) == "string" and (width == 0 or sub(key, 1, width) == prefix) and not (seen and seen[key]) then
        if seen then seen[key] = true end
        local place = place_of(key)
        if not (bound and place >= bound) and #key <= LONGEST
          and (mark == "[" or find(key, identifier) and not keyword[key])
          and (mark ~= ":" or type(field) == "function") then
          bound = add(place)
        end
      end
    end
  end
  local rows = array(settle())
  for i = 1, #rows do
    local name = byte(rows[i]) == 127 and byte(rows[i], 2) == 95 and sub(rows[i], 2) or rows[i]
    local field = find_in(tables, name)
    rows[i] = array { name, kind_of(field), glimpse(field) }
  end
  return encode { class = class_of(value), rows = rows }
end

-- What a path leads to: its kind and class, the class of what it is a field of, and for a function its parameters,
-- where a user has written it, or the name by which llmspell documents it.
function K.queries.describe(path)
  local value, owner = follow(decode(path))
  if value == nil then return nil end
  local answer = { kind = type(value), class = class_of(value), owner = class_of(owner), text = glimpse(value) }
  if type(value) == "function" then
    local info = getinfo(value, "Su")
    if is_own(info) then
      answer.parameters, answer.source, answer.line = parameters(value, info), info.source, info.linedefined
    else
      if not documented then note_names() end
      answer.name = documented[value]
    end
  end
  return encode(answer)
end

-- ── inspect ───────────────────────────────────────────────────────────────────────────────────────────────────────

-- The methods that a value has from its metatable.
local function methods(value)
  local names, tables = {}, chain(value)
  for i = type(value) == "table" and 2 or 1, #tables do
    for key, field in next, tables[i] do
      if type(key) == "string" and type(field) == "function" then names[#names + 1] = key end
    end
  end
  sort(names)
  return names
end

-- Words as comments of at most `width` columns.
local function commented(words, width)
  local lines, line = {}, "--"
  for i = 1, #words do
    if #line + #words[i] >= width and line ~= "--" then
      lines[#lines + 1] = line
      line = "--"
    end
    line = line .. " " .. words[i]
  end
  lines[#lines + 1] = line
  return concat(lines, "\n")
end

local function heading(value)
  local kind, class = type(value), class_of(value)
  if kind == "string" then return format("-- string, %d bytes", #value) end
  if kind == "number" then return "-- " .. math_type(value) end
  if kind ~= "table" then return "-- " .. kind end
  local count = 0
  for _ in next, value do count = count + 1 end
  return format("-- %s, %d field%s", class and class .. " (table)" or "table", count, count == 1 and "" or "s")
end

local limits = { depth = 20, items = 2000, entries = 20000, text = 100000 }

-- Show the values of an expression with all that belongs to them.
function K.jobs.inspect(source, width)
  local chunk, problem = load("return " .. source, "=inspect", "t", K.scope)
  if not chunk then error(problem, 0) end
  local values, parts = pack(chunk()), {}
  limits.width = width
  for i = 1, values.n do
    local value = values[i]
    local text, cut = K.inspect(value, limits)
    local names = type(value) ~= "string" and methods(value) or {}
    parts[#parts + 1] = heading(value)
    parts[#parts + 1] = text
    if cut then parts[#parts + 1] = "-- cut short: look at a part of it" end
    if names[1] then parts[#parts + 1] = "-- methods:\n" .. commented(names, width) end
  end
  K.call("console.echo", values.n == 0 and "-- no value" or concat(parts, "\n"))
end
