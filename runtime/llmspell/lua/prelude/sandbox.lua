-- What a script sees: a whitelist of Lua's own functions, some of them replaced, and not one object of Python.

local K = ...
local load, type, error, select, rawset, setmetatable = load, type, error, select, rawset, setmetatable
local tostring, collectgarbage = tostring, collectgarbage
local sub, gsub, gmatch, find, rep = string.sub, string.gsub, string.gmatch, string.find, string.rep
local metatable_of = debug.getmetatable
local call, next, pcall, rawget = K.call, next, pcall, rawget
local at_caller, string_of = K.at_caller, K.tostring

local env = {}
K.env = env

local function copy(source, names)
  local target = {}
  for name in gmatch(names, "%S+") do target[name] = source[name] end
  return target
end

local plain = "assert error getmetatable ipairs rawequal rawget rawlen rawset select tonumber type"
for name in gmatch(plain, "%S+") do env[name] = _G[name] end
env._G = env
env._VERSION = _VERSION
env.pairs, env.next, env.tostring = K.pairs, K.next, K.tostring
env.pcall, env.xpcall = K.pcall, K.xpcall
env.coroutine = K.coroutine
env.math = copy(math, "abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger modf pi "
  .. "rad sin sqrt tan tointeger type ult")
env.math.random, env.math.randomseed = K.random, K.randomseed
env.math.pow = function(x, y) return x ^ y end
env.table = copy(table, "concat insert move pack remove unpack")
env.table.sort = K.sort
env.string = copy(string, "byte char find gmatch gsub len lower match pack packsize reverse sub unpack upper")
env.string.format = K.format
-- ("").rep(1e18) would count to 1e18 in C, where nothing can stop it.
env.string.rep = function(...)
  local s, n, separator = ...
  if s == "" and type(n) == "number" and (separator == nil or separator == "") then return "" end
  return at_caller("rep", pcall(rep, ...))
end
env.utf8 = copy(utf8, "char charpattern codepoint codes len offset")
-- Programs that language models write are often Lua 5.1.
env.unpack = table.unpack

-- Where Lua looks up the names of its functions for "bad argument #1 to 'gsub'": each has one name in here. The order
-- of a search among several would be left to chance.
for name in gmatch("_G coroutine math string table utf8", "%S+") do
  local named = {}
  for key in next, name == "_G" and env or env[name] do
    local original = _G[name][key]
    if type(original) == "function" then named[key] = original end
  end
  package.loaded[name] = named
end

K.string_methods = env.string
local strings = metatable_of("")
strings.__index = env.string
strings.__metatable = false

function env.setmetatable(...)
  local t, meta = ...
  if type(t) == "table" and type(meta) == "table" then
    if rawget(meta, "__gc") ~= nil then error("a script's metatable can't have __gc; use a <close> variable", 2) end
    if rawget(meta, "__mode") ~= nil then rawset(meta, "__mode", nil) end -- when weak entries go depends on chance
    K.number(t)
  end
  return at_caller("setmetatable", pcall(setmetatable, ...))
end

function env.collectgarbage(option, ...)
  option = option or "collect"
  if option == "count" then return call("lua.memory_used") / 1024 end
  if option == "collect" or option == "step" then
    collectgarbage(option)
    return option == "step" or 0
  end
  if option == "isrunning" then return true end
  if option == "incremental" or option == "generational" then return "incremental" end
  if option == "stop" or option == "restart" or option == "setpause" or option == "setstepmul" then return 0 end
  error("bad argument #1 to 'collectgarbage' (invalid option '" .. string_of(option) .. "')", 2)
end

-- ── loading code: text only, and always into the sandbox ──────────────────────────────────────────────────────────

local function load_text(chunk, name, mode, ...)
  if mode ~= nil and not (type(mode) == "string" and find(mode, "t", 1, true)) then
    return nil, "attempt to load a text chunk (mode is '" .. string_of(mode) .. "')"
  end
  local target = env
  if select("#", ...) > 0 then target = ... end
  if type(chunk) == "string" and name == nil then name = chunk end
  return K.loaded(load(chunk, name, "t", target))
end

function env.load(...)
  local chunk = ...
  local kind = select("#", ...) == 0 and "no value" or type(chunk)
  if kind == "number" then return load_text(string_of(chunk), select(2, ...)) end
  if kind ~= "string" and kind ~= "function" then
    error("bad argument #1 to 'load' (function expected, got " .. kind .. ")", 2)
  end
  return load_text(...)
end
env.loadstring = env.load

-- A first line that starts with # is for the shell; its end stays, so that line numbers hold.
local function without_shebang(source)
  if sub(source, 1, 3) == "\239\187\191" then source = sub(source, 4) end
  if sub(source, 1, 1) ~= "#" then return source end
  return (gsub(source, "^[^\n]*", "", 1))
end

local function compile(source, name, ...)
  return load_text(without_shebang(source), name, "t", ...)
end

K.compile = compile

-- Load a script for Python: its task's number, or nil and why not.
function K.load_main(source, name, ...)
  local chunk, problem = compile(source, name)
  if not chunk then return nil, problem end
  return K.start(chunk, ...)
end

-- A file's chunk, or nil and why not.
local function compile_file(path, ...)
  local found, text, shown = call("file.load", path)
  if not found then return nil, text end
  return compile(text, "@" .. shown, ...)
end

function env.loadfile(path, mode, ...)
  if path == nil then return nil, "cannot load from standard input" end
  if type(path) ~= "string" then
    error("bad argument #1 to 'loadfile' (string expected, got " .. type(path) .. ")", 2)
  end
  if type(mode) == "string" and not find(mode, "t", 1, true) then
    return nil, "attempt to load a text chunk (mode is '" .. mode .. "')"
  end
  return compile_file(path, ...)
end

function env.dofile(path)
  local chunk, problem = env.loadfile(path)
  if not chunk then error(problem, 0) end
  return chunk()
end

-- ── require: modules may wait while they load ─────────────────────────────────────────────────────────────────────

local loaded, preload = {}, {}
local loading = {} -- module name -> { task that loads it, tasks that wait for that … }
local package_table = { loaded = loaded, preload = preload, path = "", config = "/\n;\n?\n!\n-\n" }
env.package = package_table

local function search(name)
  if preload[name] then return preload[name], ":preload:" end
  local tried = { "\n\tno field package.preload['" .. name .. "']" }
  local file = gsub(name, "%.", "/")
  if type(package_table.path) ~= "string" then error("'package.path' must be a string", 3) end
  for template in gmatch(package_table.path, "[^;]+") do
    local path = gsub(template, "%?", (gsub(file, "%%", "%%%%")))
    local found, text, shown = call("file.load", path)
    if found then
      local chunk, problem = compile(text, "@" .. shown)
      if not chunk then
        error("error loading module '" .. name .. "' from file '" .. shown .. "':\n\t" .. problem, 0)
      end
      return chunk, shown
    end
    tried[#tried + 1] = "\n\t" .. text
  end
  return nil, table.concat(tried)
end

function env.require(name)
  if type(name) ~= "string" then
    error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
  end
  while loading[name] do
    local entry = loading[name]
    if entry.task == K.current then error("loop or previous error loading module '" .. name .. "'", 2) end
    entry[#entry + 1] = K.current
    K.park(entry)
  end
  if loaded[name] ~= nil then return loaded[name] end
  local chunk, where = search(name)
  if not chunk then error("module '" .. name .. "' not found:" .. where, 2) end
  local entry = { task = K.current }
  loading[name] = entry
  local result
  do
    local _ <close> = setmetatable({}, { __close = function()
      loading[name] = nil
      for i = 1, #entry do K.unpark(entry[i], entry) end
    end })
    result = chunk(name, where)
  end
  if result ~= nil then
    loaded[name] = result
  elseif loaded[name] == nil then
    loaded[name] = true
  end
  return loaded[name], where
end

-- ── modules of plugins ────────────────────────────────────────────────────────────────────────────────────────────

-- Modules see the globals as they were before the script could change them, and what other modules export.
local pristine

local function snapshot()
  local copied = {}
  for name, value in next, env do
    if type(value) == "table" and name ~= "_G" and name ~= "package" then
      local inside = {}
      for key, member in next, value do inside[key] = member end
      value = inside
    end
    copied[name] = value
  end
  return copied
end

local function export(name, value)
  if env[name] ~= nil then error("the global '" .. name .. "' is taken", 2) end
  env[name], pristine[name] = value, value
end

-- Load the chunk of a LuaModule and make its result a global. Returns what went wrong, if anything did.
function K.load_module(name, source)
  pristine = pristine or snapshot()
  local own = setmetatable({
    await = K.await, call = K.call, fail = K.raise, bind = K.bind, export = export, setmetatable = setmetatable,
    number_function = K.number_function, with_numbers = K.with_numbers, asked = K.asked,
  }, { __index = pristine })
  local chunk, problem = load(source, "=[llmspell " .. name .. "]", "t", own)
  if not chunk then return problem end
  local ok, result = pcall(function()
    local value = chunk()
    if value ~= nil then export(name, value) end
  end)
  if not ok then return K.tostring(result) end
  return nil
end

for _, name in ipairs { "coroutine", "math", "package", "string", "table", "utf8" } do loaded[name] = env[name] end
loaded._G = env
