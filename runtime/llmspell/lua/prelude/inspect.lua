-- How the console shows a value: as Lua would write it, where Lua can; what is no Lua stands in angle brackets.
--
--     { 1, 2, name = "x", ["a b"] = { … } }      array part first, then the other keys in their order
--     <table 1>{ self = <table 1> }              a table that is met again, and where it is met again
--     … 9,990 more    "abc"… 10,485,760 bytes    what was cut
--     <metatable> = Account                      by its global's name, or the metamethods that it has
--
-- No more is looked at than what is shown, except that the keys of a table are visited to find the first ones, and
-- only up to `MOST_VISITED`. User code runs for `__tostring` alone.

local K = ...
local type, next, select, rawget, rawequal, rawlen = type, next, select, rawget, rawequal, rawlen
local math_type, tostring, ipairs = math.type, tostring, ipairs
local byte, find, format, gmatch, gsub = string.byte, string.find, string.format, string.gmatch, string.gsub
local match, rep, reverse, sub = string.match, string.rep, string.reverse, string.sub
local concat, move, sort = table.concat, table.move, table.sort
local codes, character, valid = utf8.codes, utf8.char, utf8.len
local getinfo, getlocal, metatable_of, number = debug.getinfo, debug.getlocal, K.metatable_of, K.number

local MOST_VISITED = 200000  -- keys of one table
local DEEPEST = 200          -- levels, whatever is asked for

-- `depth`: levels of tables; `items`: entries of one table; `entries`: of all tables; `width`: columns; `text`: bytes
-- of a text, a tenth of it inside of a table. The console sets what fits the terminal.
local defaults = { depth = 6, items = 100, entries = 1000, width = 80, text = 2000 }

-- ── texts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

local escapes = { ["\a"] = "\\a", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
  ["\v"] = "\\v", ['"'] = '\\"', ["\\"] = "\\\\" }

-- Controls of the second kind, and what is invisible or turns the direction of what follows.
local function is_hidden(code)
  return code < 0xA0 or code == 0xAD or code == 0x61C or code == 0x200B or code == 0x200E
    or code == 0x200F or code >= 0x2028 and code <= 0x202E or code >= 0x2060 and code <= 0x206F or code == 0xFEFF
    or code >= 0xE0000 and code <= 0xE0FFF
end

local function beyond_ascii(run)
  local out, at = {}, 1
  while at <= #run do
    local count, bad = valid(run, at)
    for _, code in codes(sub(run, at, count and #run or bad - 1)) do
      out[#out + 1] = is_hidden(code) and format("\\u{%X}", code) or character(code)
    end
    if count then break end
    out[#out + 1] = format("\\x%02X", byte(run, bad))
    at = bad + 1
  end
  return concat(out)
end

local function escaped(text, pattern)
  text = gsub(text, pattern, function(c) return escapes[c] or format("\\x%02X", byte(c)) end)
  return find(text, "[\128-\255]") and gsub(text, "[\128-\255]+", beyond_ascii) or text
end

-- Texts of others, as they may stand on a terminal: nothing in them moves the cursor. Lines stay lines.
local function harmless(text)
  return (escaped(text, "[\0-\9\11-\31\127]"))
end

-- The beginning of a text, at most `limit` bytes and no half character.
local function beginning(text, limit)
  local stop = limit
  while stop > limit - 4 and stop > 0 and match(text, "^[\128-\191]", stop + 1) do stop = stop - 1 end
  if match(text, "^[\128-\191]", stop + 1) then stop = limit end -- no UTF-8 anyway
  return sub(text, 1, stop)
end

local function counted(n)
  return (gsub(reverse(gsub(reverse(format("%d", n)), "%d%d%d", "%0,")), "^,", ""))
end

local function quoted(text)
  return '"' .. escaped(text, '[%c"\\]') .. '"'
end

-- A text as Lua writes it, and whether it was cut.
local function shortened(text, limit)
  if #text <= limit then return quoted(text), false end
  return format("%s… %s bytes", quoted(beginning(text, limit)), counted(#text)), true
end

local wide = { { 0x1100, 0x115F }, { 0x2E80, 0x303E }, { 0x3041, 0xA4CF }, { 0xA960, 0xA97F }, { 0xAC00, 0xD7A3 },
  { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F },
  { 0x1F680, 0x1F6FF }, { 0x1F900, 0x1FAFF }, { 0x20000, 0x3FFFD } }

local function columns_of(code)
  if code < 0x300 then return 1 end
  if code <= 0x36F or code == 0x200C or code == 0x200D or code >= 0x20D0 and code <= 0x20FF
    or code >= 0xFE00 and code <= 0xFE0F then return 0 end
  for i = 1, #wide do
    if code < wide[i][1] then return 1 end
    if code <= wide[i][2] then return 2 end
  end
  return 1
end

-- Columns that a text takes on a terminal.
local function width_of(text)
  if not find(text, "[\128-\255]") then return #text end
  local total = 0
  for _, code in codes(text) do total = total + columns_of(code) end
  return total
end

-- ── functions and names ───────────────────────────────────────────────────────────────────────────────────────────

local function is_host(fn)
  return type(fn) == "function" and find(getinfo(fn, "S").short_src, "[llmspell", 1, true) == 1
end

-- "string.format": the least name by which the globals, the console's locals and the tables among them know an object.
local function global_name(object)
  local best
  local function look(t, prefix, visits)
    for key, value in next, t do
      visits = visits - 1
      if visits < 0 then return end
      if rawequal(value, object) and type(key) == "string" and match(key, "^[%a_][%w_]*$") then
        local name = prefix .. key
        local better = not best or #name < #best or #name == #best and name < best
        if better and not match(key, "^_%d?$") then best = name end
      elseif type(value) == "table" and prefix == "" and type(key) == "string" and not match(key, "^_%d?$")
        and key ~= "_G" and key ~= "package" then
        look(value, key .. ".", 200)
      end
    end
  end
  look(K.env, "", 5000)
  if K.scope_locals then look(select(2, K.scope_locals()), "", 1000) end
  return best
end

local function parameters(fn, info)
  if info.what == "C" then return "..." end
  local names = {}
  for i = 1, info.nparams do names[i] = getlocal(fn, i) end
  if info.isvararg then names[#names + 1] = "..." end
  return concat(names, ", ")
end

-- A function's head, and where it was written; `name` where it stands by itself.
local function shown_function(fn, name)
  local info = getinfo(fn, "Su")
  local head = format("function%s(%s)", name and name ~= "" and " " .. name or "", parameters(fn, info))
  if info.what == "C" or is_host(fn) then return head, name and "built in" end
  return head, harmless(info.short_src) .. ":" .. info.linedefined
end

-- Where a coroutine stands in the user's own code.
local function place_of(co)
  local level = 0
  while true do
    local info = getinfo(co, level, "Sl")
    if not info then return nil end
    if info.currentline > 0 and find(info.short_src, "[llmspell", 1, true) ~= 1 then
      return harmless(info.short_src) .. ":" .. info.currentline
    end
    level = level + 1
  end
end

-- ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────

local rank = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local left, right = rank[type(a)] or 4, rank[type(b)] or 4
  if left ~= right then return left < right end
  if left < 3 then return a < b end
  if left == 3 then return not a and b end
  return number(a) < number(b)
end

-- The first keys beyond the array part 1..n, at most `limit`, how many there are, and whether that is only a part.
local function first_keys(t, n, limit)
  local kept, count, objects, last = {}, 0, 0, nil
  local function shorten()
    sort(kept, before)
    for i = #kept, limit + 1, -1 do kept[i] = nil end
  end
  local function look(from)
    local visits = 0
    for key in next, t, from do
      visits = visits + 1
      if visits > MOST_VISITED then return true end
      if not (math_type(key) == "integer" and key >= 1 and key <= n) then
        count = count + 1
        local scalar = rank[type(key)]
        if not scalar then objects = objects + 1 end
        -- Objects are taken as they come: to give each of many its number would cost more than it tells.
        if limit > 0 and (scalar or objects <= limit) and not (last ~= nil and before(last, key)) then
          kept[#kept + 1] = key
          if #kept >= 2 * limit + 16 then
            shorten()
            last = kept[limit]
          end
        end
      end
    end
    return false
  end
  local partly = look()
  -- A long array lies before the other keys.
  if partly and n >= MOST_VISITED and count == 0 then partly = look(n) end
  shorten()
  return kept, count, partly
end

local reserved = {}
for word in gmatch("and break do else elseif end false for function goto if in local nil not or repeat return "
  .. "then true until while", "%a+") do reserved[word] = true end

local function shown_key(key)
  local kind = type(key)
  if kind == "string" then
    if #key <= 100 and match(key, "^[%a_][%w_]*$") and not reserved[key] then return key end
    return "[" .. shortened(key, 100) .. "]"
  end
  if rank[kind] then return "[" .. tostring(key) .. "]" end
  return format("[<%s 0x%08x>]", kind, number(key))
end

-- ── building: what is to be shown, as a tree ──────────────────────────────────────────────────────────────────────
--
-- A leaf has `text`, and `note`, which goes behind it as a comment. A table has `name`, `entries` of key and node, and
-- `rest`, lines for what is no entry. `state` is one printing: `left` entries, `nodes` by table, `names` of metatables,
-- and whether it `cut`.

local build

local Error = metatable_of(K.new_error { type = "", message = "" })
local File = metatable_of(K.env.io.stdout)

local function add(node, key, value, state, depth)
  node.entries[#node.entries + 1] = { key = key, node = build(value, state, depth + 1) }
end

-- Entries of a table as far as the limits allow.
local function fill(node, t, state, depth)
  local n = rawlen(t)
  local room = state.items < state.left and state.items or state.left
  local array = n < room and n or room
  local keys, count, partly = first_keys(t, n, room - array)
  state.left = state.left - array - #keys
  for i = 1, array do add(node, nil, rawget(t, i), state, depth) end
  for i = 1, #keys do add(node, shown_key(keys[i]) .. " = ", rawget(t, keys[i]), state, depth) end
  local more = n - array + count - #keys
  if more > 0 then
    state.cut = true
    node.rest[1] = format("… %s%s more", partly and "at least " or "", counted(more))
  end
end

-- The name of a metatable, or the metamethods that it has.
local function shown_metatable(meta, names)
  if names[meta] then return names[meta] end
  names[meta] = global_name(meta)
  if names[meta] then return names[meta] end
  local found = {}
  for key in next, meta do
    if type(key) == "string" and match(key, "^__%l+$") then found[#found + 1] = key end
    if #found == 30 then break end
  end
  sort(found)
  names[meta] = #found > 0 and "{ " .. concat(found, ", ") .. " }" or "{}"
  return names[meta]
end

-- A text of a value's `__tostring`, or nil and why there is none.
local function own_text(value, method)
  local ok, text = K.pcall(method, value)
  if not ok then
    return nil, "__tostring failed: " .. (type(text) == "string" and text or "it raised a " .. type(text))
  end
  if type(text) == "number" then text = tostring(text) end
  if type(text) ~= "string" then return nil, "__tostring gave a " .. type(text) end
  return text
end

local function named(meta)
  local name = rawget(meta, "__name")
  return type(name) == "string" and match(name, "^[%w_.:*-]+$") and #name <= 100 and name .. " " or nil
end

local function described(value, node, meta, state, depth)
  if meta == Error then
    for _, key in ipairs { "type", "message", "hint" } do
      local field = rawget(value, key)
      -- Messages are long, and are all that there is to see.
      if field ~= nil then add(node, key .. " = ", field, state, type(field) == "string" and -1 or depth) end
    end
  elseif rawget(meta, "__name") == "Task" and is_host(rawget(meta, "__index")) then
    add(node, "id = ", value.id, state, depth)
    add(node, "status = ", value.status, state, depth)
  else
    fill(node, value, state, depth)
    if not node.name then node.rest[#node.rest + 1] = "<metatable> = " .. shown_metatable(meta, state.names) end
  end
end

local function build_table(value, state, depth)
  local known = state.nodes[value]
  if known then
    known.shared = true
    return { refers = known }
  end
  if rawequal(value, K.null) then return { text = "JSON.null" } end
  local meta, problem = metatable_of(value), nil
  local method = meta and rawget(meta, "__tostring")
  if method and (meta == File or not is_host(method) and not state.plain) then
    local text
    text, problem = own_text(value, method)
    if text then
      local limit = depth == 0 and state.text or state.text // 10
      if #text > limit then
        state.cut = true
        text = format("%s… %s bytes", beginning(text, limit), counted(#text))
      end
      return { text = harmless(text) }
    end
    problem = gsub(harmless(beginning(problem, 200)), "\n.*", "")
  end
  local node = { name = meta and named(meta), entries = {}, rest = {} }
  if next(value) ~= nil and (depth >= state.depth or state.left <= 0) then
    state.cut = true
    node.rest[1] = "…"
    return node
  end
  state.nodes[value] = node
  if meta then described(value, node, meta, state, depth) else fill(node, value, state, depth) end
  if problem then node.rest[#node.rest + 1] = "<" .. problem .. ">" end
  return node
end

build = function(value, state, depth)
  local kind = type(value)
  if kind == "table" then return build_table(value, state, depth) end
  if kind == "string" then
    local text, cut = shortened(value, depth == 0 and state.text or state.text // 10)
    state.cut = state.cut or cut
    return { text = text }
  end
  if kind == "function" then
    local text, note = shown_function(value, depth == 0 and (global_name(value) or "") or nil)
    return { text = text, note = note }
  end
  if kind == "thread" then
    return { text = format("<coroutine, %s>", K.coroutine.status(value)), note = place_of(value) }
  end
  return { text = kind == "userdata" and "<userdata>" or tostring(value) }
end

-- ── layout ────────────────────────────────────────────────────────────────────────────────────────────────────────

local function head(node)
  return (node.number and format("<table %d>", node.number) or "") .. (node.name or "") .. "{"
end

-- Find out what fits on one line: `flat` of a node is that line, and `wide` its columns. Tables that are met again get
-- their numbers, in the order in which they are shown.
local function flatten(node, state)
  if node.shared then
    state.numbers = state.numbers + 1
    node.number = state.numbers
  end
  if node.refers then node.text = format("<table %d>", node.refers.number) end
  if node.text then
    if not find(node.text, "\n", 1, true) then node.flat, node.wide = node.text, width_of(node.text) end
    return
  end
  local parts, total, fits = {}, 0, true
  for i = 1, #node.entries do
    local entry = node.entries[i]
    local child = entry.node
    flatten(child, state)
    fits = fits and child.flat and not child.note
    if fits then
      parts[i] = (entry.key or "") .. child.flat
      total = total + child.wide + 2
      fits = total <= state.width
    end
  end
  if not fits then return end
  local inside = concat(move(node.rest, 1, #node.rest, #parts + 1, parts), ", ")
  if inside ~= "" and inside ~= "…" then inside = " " .. inside .. " " end
  node.flat = head(node) .. inside .. "}"
  node.wide = width_of(node.flat)
end

local function write(node, out, indent, used, width)
  if node.flat and (not node.entries or indent + used + node.wide <= width) then
    out[#out + 1] = node.flat
  elseif node.text then
    out[#out + 1] = gsub(node.text, "\n", "\n" .. rep(" ", indent))
  else
    local pad = "\n" .. rep(" ", indent + 2)
    out[#out + 1] = head(node)
    for i = 1, #node.entries do
      local entry = node.entries[i]
      local key = entry.key or ""
      out[#out + 1] = pad .. key
      write(entry.node, out, indent + 2, width_of(key) + 1, width)
      out[#out + 1] = entry.node.note and ",  -- " .. entry.node.note or ","
    end
    for i = 1, #node.rest do out[#out + 1] = pad .. node.rest[i] end
    out[#out + 1] = "\n" .. rep(" ", indent) .. "}"
  end
end

-- ── what others use ───────────────────────────────────────────────────────────────────────────────────────────────

local function setting(options, name)
  return options and options[name] or defaults[name]
end

-- A value as text, and whether something was cut. `options`: as `defaults`; `plain` to run no user code.
function K.inspect(value, options)
  local depth, width = setting(options, "depth"), setting(options, "width")
  local state = {
    depth = depth < DEEPEST and depth or DEEPEST, items = setting(options, "items"), left = setting(options, "entries"),
    text = setting(options, "text"), width = width, plain = options and options.plain,
    nodes = {}, names = {}, numbers = 0, cut = false,
  }
  local node, out = build(value, state, 0), {}
  flatten(node, state)
  write(node, out, 0, 0, width)
  if node.note then out[#out + 1] = "  -- " .. node.note end
  return concat(out), state.cut
end

-- Several results, one below the other, with a line about what was cut.
function K.inspect_all(values, n, options)
  local lines, cut = {}, false
  for i = 1, n do
    local text, shorter = K.inspect(values[i], options)
    lines[i] = text
    cut = cut or shorter
  end
  if cut then lines[n + 1] = "-- cut short: .inspect shows more" end
  return concat(lines, "\n")
end

-- Set the limits that hold where none are given: numbers by the names of `defaults`.
function K.queries.set_inspect(name, value)
  if not defaults[name] then return nil end
  defaults[name] = value
  return "true"
end
