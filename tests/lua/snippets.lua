--## coroutine: values in and out
local co = coroutine.create(function(a, b)
  local c = coroutine.yield(a + b)
  local d, e = coroutine.yield(c * 2)
  return d, e, "end"
end)
print(coroutine.resume(co, 1, 2))
print(coroutine.resume(co, 10))
print(coroutine.resume(co, "x", nil))
print(coroutine.resume(co))
print(coroutine.status(co))
--## coroutine: status from inside and outside
local outer
outer = coroutine.create(function()
  print(coroutine.status(outer))
  local inner = coroutine.create(function() print(coroutine.status(outer)) end)
  print(coroutine.status(inner))
  coroutine.resume(inner)
  print(coroutine.status(inner))
end)
print(coroutine.status(outer), coroutine.resume(outer), coroutine.status(outer))
--## coroutine: errors come back
local co = coroutine.create(function() error("bad") end)
print(coroutine.resume(co))
print(coroutine.status(co))
local co = coroutine.create(function() error({ code = 3 }) end)
local ok, e = coroutine.resume(co)
print(ok, type(e), e.code)
print(coroutine.resume(coroutine.create(function() error() end)))
print(coroutine.resume(coroutine.create(function() error(nil) end)))
print(coroutine.resume(coroutine.create(function() error(false) end)))
--## coroutine: wrap
local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i, i * i) end end)
print(gen()) print(gen()) print(gen()) print(gen())
print(pcall(gen))
local failing = coroutine.wrap(function() error("oops", 0) end)
print(pcall(failing))
print(pcall(failing))
local failing = coroutine.wrap(function() error({ 1 }) end)
print(select("#", pcall(failing)), type(select(2, pcall(failing))))
--## coroutine: wrap in for-in with break
local log = {}
for v in coroutine.wrap(function()
  for i = 1, 5 do log[#log + 1] = i coroutine.yield(i) end
end) do
  if v == 3 then break end
end
print(table.concat(log, ","))
--## coroutine: producer and filter
local function producer() return coroutine.create(function() for i = 1, 4 do coroutine.yield(i) end end) end
local function filter(p)
  return coroutine.create(function()
    while true do
      local ok, x = coroutine.resume(p)
      if not x then return nil end
      coroutine.yield(x * 10)
    end
  end)
end
local f = filter(producer())
while true do
  local ok, x = coroutine.resume(f)
  if not x then break end
  print(x)
end
--## coroutine: running, isyieldable
local co, main = coroutine.running()
print(type(co), main)
coroutine.wrap(function()
  local co, main = coroutine.running()
  print(type(co), main, coroutine.isyieldable())
end)()
--## coroutine: yield across pcall and metamethods
local co = coroutine.wrap(function()
  print(pcall(function()
    coroutine.yield(1)
    error("after", 0)
  end))
  local t = setmetatable({}, { __index = function(_, k) return coroutine.yield(k) end,
    __add = function(a, b) return coroutine.yield("add") end,
    __lt = function(a, b) return coroutine.yield("lt") end,
    __concat = function(a, b) return coroutine.yield("concat") end,
    __call = function(_, x) return coroutine.yield("call" .. x) end })
  print(t.field, t + 1, t < t, t .. "x", t(5))
  for k in pairs(setmetatable({}, { __pairs = function() coroutine.yield("pairs") return next, {}, nil end })) do end
  return "done"
end)
print(co()) print(co()) print(co("f")) print(co(42)) print(co(false)) print(co("c")) print(co("called"))
print(co())
--## coroutine: close
local closed = {}
local function closing(name)
  return setmetatable({}, { __close = function(_, e) closed[#closed + 1] = name .. ":" .. tostring(e) end })
end
local co = coroutine.create(function()
  local a <close> = closing("a")
  local b <close> = closing("b")
  coroutine.yield()
end)
coroutine.resume(co)
print(coroutine.close(co), coroutine.status(co))
print(table.concat(closed, " "))
print(coroutine.close(co))
print(coroutine.close(coroutine.create(print)))
local co = coroutine.create(function()
  local a <close> = setmetatable({}, { __close = function() error("in close", 0) end })
  coroutine.yield()
end)
coroutine.resume(co)
print(coroutine.close(co))
print(coroutine.status(co))
local co = coroutine.create(function() error("dead", 0) end)
coroutine.resume(co)
print(coroutine.close(co))
--## coroutine: misuse
print(pcall(coroutine.resume, 1))
print(pcall(coroutine.wrap))
print(pcall(coroutine.create, 3))
print(pcall(coroutine.status, nil))
local co
co = coroutine.create(function() return coroutine.resume(co) end)
print(coroutine.resume(co))
co = coroutine.wrap(function() return pcall(co) end)
print(co())
local co = coroutine.create(function() return pcall(coroutine.close, coroutine.running()) end)
print(coroutine.resume(co))
--## coroutine: wrap passes errors of nested wraps
local inner = coroutine.wrap(function() error("deep", 0) end)
local outer = coroutine.wrap(function() inner() end)
print(pcall(outer))
local t = setmetatable({}, { __tostring = function() return "obj" end })
print(pcall(coroutine.wrap(function() error(t) end)))
--## coroutine: wrap closes on error
local order = {}
local co = coroutine.wrap(function()
  local x <close> = setmetatable({}, { __close = function() order[#order + 1] = "closed" end })
  error("x", 0)
end)
print(pcall(co))
print(order[1])
local co = coroutine.wrap(function()
  local x <close> = setmetatable({}, { __close = function() error("second", 0) end })
  error("first", 0)
end)
print(pcall(co))
--## pcall: results and errors
print(pcall(function(...) return ... end, 1, nil, 3))
print(pcall(error))
print(pcall(error, nil))
print(pcall(error, false))
print(pcall(error, 12))
print(pcall(error, "text", 0))
print(pcall(error, "text"))
print(pcall(function() error("text") end))
print(pcall(function() error("text", 2) end))
print(select("#", pcall(function() end)))
print(pcall(nil))
print(pcall(42))
--## pcall: error levels
local function thrower(level) error("msg", level) end
local function caller(level) thrower(level) end
print(pcall(caller, 0)) print(pcall(caller, 1)) print(pcall(caller, 2)) print(pcall(caller, 3))
--## pcall: runtime errors
print(pcall(function() local x; x.y = 1 end))
print(pcall(function() local x = {}; return x.y.z end))
print(pcall(function() return 1 + {} end))
print(pcall(function() return "a" + 1 end))
print(pcall(function() return #5 end))
print(pcall(function() return {} .. "x" end))
print(pcall(function() return 1 < "2" end))
print(pcall(function() return {} < {} end))
print(pcall(function() undefinedfn() end))
print(pcall(function() local t = {} t.x.y() end))
print(pcall(function() return 1 // 0 end))
print(pcall(function() return 1 % 0 end))
print(pcall(function() return 2^53 | 0.5 end))
print(pcall(function() return "x" | 1 end))
print(pcall(function() for i = 1, 10, 0 do end end))
print(pcall(function() for i = "a", 2 do end end))
print(pcall(function() local t = setmetatable({}, {__newindex = function() error("ro", 2) end}) t.x = 1 end))
--## pcall: not enough stack
local function deep() return 1 + deep() end
local ok, e = pcall(deep)
print(ok, (e:gsub(".*(stack overflow).*", "%1")))
local function inf() return inf() end
--## xpcall: handler and arguments
print(xpcall(function(a, b) return a + b end, print, 1, 2))
print(xpcall(function() error("e", 0) end, function(e) return "handled " .. e end))
print(xpcall(function() error("e", 0) end, function(e) return 1, 2, 3 end))
print(xpcall(error, function(e) return e end, "direct"))
print(xpcall(function() error() end, function(e) return type(e) end))
print(xpcall(function() error("a", 0) end, function(e) return "b" end))
--## xpcall: error in the handler
local ok, e = xpcall(function() error("a", 0) end, function(e) error("b", 0) end)
print(ok, type(e))
--## assert
print(pcall(assert, false))
print(pcall(assert, nil, "message"))
print(select("#", pcall(assert, false, { 1 })))
print(select(2, pcall(assert, 1, 2, 3)))
print(pcall(assert))
--## string.format: numbers
print(string.format("%d %5d %-5d| %05d %+d", 3, 42, 42, 42, 7))
print(string.format("%x %X %#x %o %c", 255, 255, 255, 8, 65))
print(string.format("%f %.2f %10.3f %e %g %G", 1.5, 1.005, 3.14159, 12345.678, 1e20, 1e-10))
print(string.format("%a", 1.0))
print(string.format("%d", 3.0))
print(string.format("%i", 3))
print(string.format("%5.1f|%-8.2f|", 2.25, 2.25))
print(string.format("%u", 3) == nil)
--## string.format: strings and %q
print(string.format("%s %s %s %s", 1, 1.5, true, nil))
print(string.format("%10s|%-10s|%.3s|", "right", "left", "truncate"))
print(string.format("%q", 'a "quoted"\n\0 \r text\\'))
print(string.format("%q %q %q", 1, 1.5, math.mininteger))
print(string.format("%%"))
print(string.format("%s", setmetatable({}, { __tostring = function() return "meta" end })))
print(string.format("%-8s|%8s|", setmetatable({}, { __tostring = function() return "m" end }), "x"))
print(string.format("%s %d %%s %s", "a", 1, setmetatable({}, { __tostring = function() return "%d" end })))
--## string.format: mistakes
print(pcall(string.format, "%d", "x"))
print(pcall(string.format, "%d", 1.5))
print(pcall(string.format, "%d"))
print(pcall(string.format, "%y", 1))
print(pcall(string.format, "%", 1))
print(pcall(string.format, {}))
print(pcall(string.format))
print(pcall(function() local s = string.format("%d", {}) end))
print(pcall(string.format, "%q", {}))
print(pcall(string.format, "%s"))
print(string.format("%d", "10"))
--## string: methods
local s = "Hello, World"
print(s:upper(), s:lower(), s:len(), s:reverse(), s:sub(1, 5), s:sub(-5), s:sub(3, -3), s:sub(10, 2))
print(s:find("World"), s:find("o", 6), s:find("."), s:find(".", 1, true), s:find("xyz"), s:find("(l)(l)"))
print(s:match("%w+"), s:match("(%w+), (%w+)"), s:match("()ll()"))
print(s:byte(), s:byte(1, 3), s:byte(-1), string.char(72, 105))
print(("ab"):rep(3), ("ab"):rep(3, "-"), ("ab"):rep(0), ("ab"):rep(-1), (""):rep(5), (""):rep(3, "."))
print(("x"):rep(3.0))
print(#s, s .. 1 .. 2.0)
--## string: gsub
print(("hello world"):gsub("o", "0"))
print(("hello world"):gsub("o", "0", 1))
print(("hello"):gsub("", "-"))
print(("hello world"):gsub("(%w+)", "<%1>"))
print(("hello world"):gsub("%w+", "%0 %0", 1))
print(("$name is $age"):gsub("%$(%w+)", { name = "Ann", age = 3 }))
print(("abc"):gsub("%w", function(c) if c == "b" then return false end return c:upper() end))
print(pcall(string.gsub, "x", "x", "%2"))
print(pcall(string.gsub, "x", "(", "y"))
print(pcall(string.gsub, "x", "x", true))
print(("abc"):gsub("b", "%%"))
--## string: gmatch and captures
for k, v in ("a=1, b=2, c=3"):gmatch("(%w+)=(%w+)") do io_out = (io_out or "") .. k .. v .. ";" end
print(io_out)
for w in ("one two"):gmatch("%a+") do print(w) end
for p in ("abc"):gmatch("()") do print(p) end
print(("  trim  "):match("^%s*(.-)%s*$") .. "|")
print(("[[nested]]"):match("%b[]"), ("THE (quick) fox"):find("%((%a+)%)"), ("f(a(b)c)d"):match("%b()"))
print(("THE (quick) fox"):gsub("%f[%a]%a+", string.lower))
--## string: arithmetic and comparison
print("10" + 5, "3" * "4", 10 .. 20, "0x10" + 0, "1e1" + 0, "7" // 2, "7" % 4, -"2")
print("a" < "b", "a" < "B", "" < "a", "Z" < "a", "10" < "9")
print(1 == 1.0, "1" == 1, 0.1 + 0.2 == 0.3, -0.0 == 0.0)
--## string: pack and unpack
local p = string.pack("<i4 z s2 d", 42, "zero", "len", 1.5)
print(#p, string.unpack("<i4 z s2 d", p))
print(string.packsize("<i4 i8 d"))
print(pcall(string.unpack, "<i8", "short"))
--## utf8
print(utf8.char(72, 228, 8364, 128512), utf8.len("hä€😀"), utf8.codepoint("hä€", 1, -1))
for p, c in utf8.codes("aä€") do print(p, c) end
print(utf8.offset("aä€", 3), utf8.len("\xff"), #utf8.charpattern)
--## tostring and tonumber
print(tostring(1), tostring(1.0), tostring(-0.0), tostring(1e15), tostring(1e16), tostring(1e100), tostring(2^63))
print(tostring(nil), tostring(true), tostring("x"), 1/0, -1/0, math.pi, 100000000000000, 0.1)
print(tonumber("10"), tonumber("0x1F"), tonumber("1e2"), tonumber("  5  "), tonumber("5x"), tonumber(""), tonumber("z", 36))
print(tonumber("11", 2), tonumber("8", 8), tonumber("ff", 16), tonumber("1.5"), tonumber(nil), pcall(tonumber))
print(math.tointeger("8"), math.tointeger(3.0), math.tointeger(3.5), tonumber("9223372036854775808"))
print(tostring(setmetatable({}, { __tostring = function() return "t" end })))
print(pcall(tostring, setmetatable({}, { __tostring = function() return 1 end })))
print(pcall(tostring))
print((tostring(setmetatable({}, { __name = "My" })):gsub("0x%x+", "")))
--## integers and floats
print(7 // 2, -7 // 2, 7 // -2, 7.0 // 2, -7 % 3, 7 % -3, -7 % -3, 5.5 % 2, -5.5 % 2)
print(1 / 2, 4 / 2, 2 ^ 3, 2 ^ 0.5, 1e308 * 10, math.maxinteger + 1 == math.mininteger)
print(math.maxinteger // -1, math.mininteger // -1, math.type(1), math.type(1.0), math.type("1"))
print(3 & 5, 3 | 5, 3 ~ 5, ~0, 1 << 62, 1 << 63, 1 << 64, -1 >> 1, 2.0 & 3)
print(10 // 0.0, -10 // 0.0, 10 % math.huge, 5 // 0.3)
print(0x7fffffffffffffff, 0xffffffffffffffff, 1e2, 0x.8p1, 3 == 3.0000000000000001)
--## math
print(math.floor(3.7), math.ceil(3.2), math.floor(-3.7), math.abs(-3), math.max(1, 5, 3), math.min(2, 0.5), math.fmod(7, 3))
print(math.fmod(-7, 3), math.modf(3.7), math.modf(-3.7), math.sqrt(16), math.ult(1, -1), math.exp(0), math.log(8, 2), math.log(100, 10))
print(pcall(math.floor, "x"), pcall(math.max), pcall(math.fmod, 1, 0))
math.randomseed(42)
print(math.random(100), math.random(5, 10), math.random() < 1, math.random(0) ~= nil)
print(pcall(math.random, 2, 1), pcall(math.random, 1, 2, 3))
math.randomseed(7, 9) print(math.random(1000000), math.random(1000000))
--## table: insert and remove
local t = { 1, 2, 3 }
table.insert(t, 4) table.insert(t, 1, 0) print(table.concat(t, ","))
print(table.remove(t), table.remove(t, 1), table.concat(t, ","), table.remove({}), table.remove({}, 0))
print(pcall(table.insert, t, 10, 1), pcall(table.insert, t), pcall(table.remove, t, 10), pcall(table.insert, t, 1, 2, 3))
print(pcall(table.insert, nil, 1))
--## table: concat, unpack, pack, move
print(table.concat({}), table.concat({ 1, "a", 2.5 }, "-"), table.concat({ 1, 2, 3 }, ",", 2, 3), pcall(table.concat, { {}, 1 }))
print(table.unpack({ 1, 2, 3 })) print(table.unpack({ 1, 2, 3 }, 2)) print(table.unpack({ 1, nil, 3 }, 1, 3))
local p = table.pack(1, nil, 3) print(p.n, p[1], p[2], p[3])
print(table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ","), table.concat(table.move({ 1, 2 }, 1, 2, 2, { 9 }), ","))
print(pcall(table.unpack, {}, 1, 1e8))
--## table: sort
local t = { 5, 2, 8, 1, 9.5, 3 } table.sort(t) print(table.concat(t, " "))
table.sort(t, function(a, b) return a > b end) print(table.concat(t, " "))
local w = { "pear", "apple", "Fig", "banana" } table.sort(w) print(table.concat(w, " "))
table.sort(w, function(a, b) return #a < #b or #a == #b and a < b end) print(table.concat(w, " "))
print(pcall(table.sort, { 1, "x" }))
print(pcall(table.sort, { 1, 2 }, 5))
print(pcall(table.sort))
print(pcall(table.sort, { {}, {} }))
local objects = {}
for i = 1, 5 do objects[i] = setmetatable({ v = (i * 7) % 5 }, { __lt = function(a, b) return a.v < b.v end }) end
table.sort(objects) for i = 1, 5 do print(objects[i].v) end
print(pcall(table.sort, { 3, 1, 2 }, function() error("cmp", 0) end))
table.sort({}) table.sort({ 1 })
--## table: proxies with metamethods
local store = { 3, 1, 2 }
local p = setmetatable({}, { __len = function() return #store end, __index = store,
  __newindex = function(_, k, v) store[k] = v end })
table.sort(p) print(table.concat(p, ","))
table.insert(p, 4) print(table.concat(store, ","), #p, table.unpack(p))
--## pairs: arrays
for k, v in pairs({ 10, 20, 30 }) do print(k, v) end
for i, v in ipairs({ 1, 2, nil, 4 }) do print(i, v) end
for k, v in pairs({}) do print(k, v) end
print(pcall(pairs)) print(pcall(ipairs))
print(pcall(function() for k in pairs(nil) do end end))
print(pcall(function() for k in 5 do end end))
--## pairs: changing while walking
local t = { a = 1 } for k in pairs(t) do t[k] = nil end print(next(t))
local t = { 1, 2, 3, 4 } for k, v in pairs(t) do t[k] = v * 2 end print(table.concat(t, ","))
local n = 0 local t = {} for i = 1, 100 do t[i] = i end for k in pairs(t) do t[k] = nil n = n + 1 end print(n, next(t))
--## next
print(next({}), next({ 5 }), next({ 5 }, 1), type(next), pcall(next, {}, "nokey"), pcall(next))
local t = { 1, 2, 3 } local k, v = nil, nil repeat k, v = next(t, k) print(k, v) until k == nil
--## __pairs and __index chains
local t = setmetatable({}, { __pairs = function(t) local i = 0 return function() i = i + 1 if i < 4 then return i, i * i end end, t, nil end })
for k, v in pairs(t) do print(k, v) end
local A = {} A.__index = A function A.new(x) return setmetatable({ x = x }, A) end function A:get() return self.x end
local B = setmetatable({}, { __index = A }) B.__index = B function B:twice() return self:get() * 2 end
local b = setmetatable({ x = 21 }, B) print(b:get(), b:twice(), rawget(b, "get"), b.nothing)
--## metamethods: arithmetic
local V = {} V.__index = V
local function v(x, y) return setmetatable({ x = x, y = y }, V) end
V.__add = function(a, b) return v(a.x + b.x, a.y + b.y) end
V.__sub = function(a, b) return v(a.x - b.x, a.y - b.y) end
V.__mul = function(a, b) return type(b) == "number" and v(a.x * b, a.y * b) or a.x * b.x + a.y * b.y end
V.__unm = function(a) return v(-a.x, -a.y) end
V.__eq = function(a, b) return a.x == b.x and a.y == b.y end
V.__lt = function(a, b) return a.x < b.x end V.__le = function(a, b) return a.x <= b.x end
V.__len = function(a) return 2 end V.__tostring = function(a) return "(" .. a.x .. "," .. a.y .. ")" end
V.__concat = function(a, b) return tostring(a) .. tostring(b) end V.__call = function(self, k) return self[k] end
V.__idiv = function() return "idiv" end V.__mod = function() return "mod" end V.__band = function() return "band" end
V.__shl = function() return "shl" end V.__bnot = function() return "bnot" end V.__pow = function() return "pow" end
local a, b = v(1, 2), v(3, 4)
print(tostring(a + b), tostring(a - b), a * b, tostring(a * 3), tostring(-a), a == v(1, 2), a ~= b, a < b, a <= b, a > b)
print(#a, a .. b, a .. "s", a("x"), a // 1, a % 1, a & 1, a << 1, ~a, a ^ 2, rawequal(a, v(1, 2)), rawlen(a))
--## metamethods: newindex and rawset
local log = {} local t = setmetatable({}, { __newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end })
t.a = 1 t.a = 2 t.b = 3 print(table.concat(log, ","), t.a, t.b)
print(pcall(setmetatable, 1, {}), pcall(setmetatable, {}, 1))
local p = setmetatable({}, { __metatable = "locked" }) print(getmetatable(p), pcall(setmetatable, p, {}))
print(getmetatable({}), getmetatable(setmetatable({}, {})) ~= nil)
print(pcall(setmetatable, {}))
--## close variables
local function closer(name) return setmetatable({}, { __close = function(_, e) print("close " .. name, e) end }) end
do local a <close> = closer("a") local b <close> = closer("b") print("body") end
print(pcall(function() local a <close> = closer("a") error("x", 0) end))
local function f() local a <close> = closer("f") return "result" end print(f())
for i = 1, 2 do local a <close> = closer("loop" .. i) if i == 1 then goto continue end print("in", i) ::continue:: end
for k in next, { 1 }, nil, closer("iterator") do print(k) end
for k in function(_, i) return (i or 0) + 1 end, nil, nil, closer("broken") do if k == 2 then break end end
print(pcall(function() local x <close> = 42 end))
local n <close> = nil local f <close> = false
print(pcall(function()
  local a <close> = setmetatable({}, { __close = function(_, e) error("from a: " .. e, 0) end })
  error("body", 0)
end))
local c <const> = 5 print(c)
--## goto and loops
for i = 1, 3 do for j = 1, 3 do if j == 2 then goto next_i end print(i, j) end ::next_i:: end
local i = 1 ::top:: if i <= 3 then i = i + 1 goto top end print(i)
for i = 10, 1, -3 do print(i) end for i = 1, 0 do print("never") end for i = 1.0, 2 do print(i) end
local n = 0 repeat local done = n > 2 n = n + 1 until done print(n)
for i = math.maxinteger - 1, math.maxinteger do n = n + 1 end print(n)
for i = 1, 3 do i = i * 2 print(i) end
--## varargs and select
local function f(...) return select("#", ...), ... end
print(f()) print(f(nil)) print(f(1, nil, nil)) print((f(1, 2)))
print(select(2, "a", "b", "c")) print(select(-1, "a", "b", "c")) print(pcall(select, 0))
local t = { f(1), f(2) } print(#t)
local function g(...) local a, b = ... return a, b end print(g(1)) print(g(1, 2, 3))
print((function(...) return ... end)(1, 2), 3)
--## load: text, names, environments
print(load("return 1 + 1")()) print(load("syntax error here"))
print(load("x =", "=name")) print(load("x =", "@file.lua")) print(load("x = = 2", "code"))
local env = { y = 5 } print(load("return y", "n", "t", env)()) print(load("y = 6", "n", "t", env)(), env.y)
local parts, i = { "return ", "1", " + 2" }, 0 print(load(function() i = i + 1 return parts[i] end)())
print(load("return ...", "v")(1, 2)) print(pcall(load))
print(load("return _ENV == nil", "n", "t", nil) ~= nil)
print(pcall(load("error('at', 1)", "=chunk"))) print(pcall(load("local x = nil; x()", "@some.lua")))
print(load("return 1", "n", "b"))
--## environments
local function with(env) local _ENV = env return function() x = 1 return x end end
local e = {} print(with(e)(), e.x, x)
do local _ENV = { print = print } print(type) end
_G.newglobal = 5 print(newglobal, _G._G == _G, rawget(_G, "newglobal"))
setmetatable(_G, { __index = function(_, k) return "missing " .. k end }) print(nothere) setmetatable(_G, nil)
--## closures
local fns = {} for i = 1, 3 do fns[i] = function() i = i + 1 return i end end
print(fns[1](), fns[1](), fns[2](), fns[3]())
local function counter() local n = 0 return { inc = function() n = n + 1 return n end, get = function() return n end } end
local c = counter() c.inc() c.inc() print(c.get())
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end print(fib(15))
local function tail(n) if n == 0 then return "done" end return tail(n - 1) end print(tail(100000))
--## rawequal, rawlen, rawget
print(rawequal("a", "a"), rawequal({}, {}), rawlen({ 1, 2 }), rawlen("abc"), pcall(rawlen, 5), pcall(rawget, 1), rawset({}, "k", 1).k)
print(pcall(rawset, {}, nil, 1), pcall(function() local t = {} t[nil] = 1 end), pcall(function() local t = {} t[0/0] = 1 end))
--## type and the like
print(type(nil), type(1), type("x"), type({}), type(print), type(coroutine.create(print)), pcall(type))
print(_VERSION, type(_G), type(os), type(io), type(string), type(require))
print(#"\u{48}\x41\65\z
   end", "a\
b", [[
long]], [==[a]]b]==])
print(0xA, 1e-2, .5, 3., 0x1p4, "\104\105")
--## string coercions in concat and comparison
print(1 .. "", 1.0 .. "", -0.0 .. "", 2^53 .. "", 1e15 .. "")
print(pcall(function() return 1 < "1" end)) print(pcall(function() return nil .. "x" end))
print(pcall(function() local t = {} return t.a.b end)) print(pcall(function() local a = {} return a.x + 1 end))
--## multiple assignment and swaps
local a, b, c = 1, 2 print(a, b, c) a, b = b, a print(a, b)
local t = {} local i = 1 i, t[i] = i + 1, 20 print(i, t[1], t[2])
local function two() return 1, 2 end local x, y, z = two(), 10 print(x, y, z) local x, y, z = 10, two() print(x, y, z)
--## long strings, comments, numbers
--[[ a
comment ]] print("after") --[==[ x ]==] print("again")
print(1e308 * 10 == math.huge, -1e308 * 10, 5 // 1, 5.0 // 1, 1e15 + 0.5)
print(string.format("%.14g", 0.1), 0.1 + 0.2, 1/3, 123456789012345678)
--## errors that are objects
local E = setmetatable({}, { __call = function(cls, m) return setmetatable({ m = m }, cls) end })
E.__index = E E.__tostring = function(e) return "E:" .. e.m end
local ok, e = pcall(error, E("boom")) print(ok, getmetatable(e) == E, tostring(e), e.m)
print(pcall(function() error(E("x"), 2) end)) print(select(2, pcall(error, setmetatable({}, { __tostring = function() return "custom" end }))))
--## nested pcall and rethrow
print(pcall(pcall, error, "x")) print(pcall(function() local ok, e = pcall(error, "in", 0) error(e .. "+out", 0) end))
print(pcall(function() return pcall(function() return pcall(error, "deep", 0) end) end))
--## integer for loop edge cases
for i = 3, 1 do print(i) end for i = 1, 3.5 do print(i) end for i = 3, 1, -1 do print(i) end for i = 1, 2, 0.5 do print(i) end
print(pcall(function() for i = 1, {} do end end)) print(math.maxinteger + 0.0 == 2^63, math.mininteger)
--## os.time and os.date
print(os.time({ year = 2024, month = 2, day = 29, hour = 12 }), os.time({ year = 2000, month = 1, day = 1, hour = 0 }))
local t = { year = 2024, month = 14, day = 35, hour = 25, min = 61, sec = -5 }
print(os.time(t), t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday, t.yday, t.isdst)
print(os.date("%Y-%m-%d %H:%M:%S", 86400 * 365), os.date("!%c", 0), os.date("!%x %X %p %A %B %j", 1e9 // 1))
local d = os.date("*t", 1700000000) print(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst)
local d = os.date("!*t", 0) print(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst)
print(os.difftime(10, 5), pcall(os.time, { year = 2024 }), pcall(os.time, { year = 2024, month = 1, day = 1.5 }))
print(pcall(os.time, { year = "x", month = 1, day = 1 }), os.time({ year = "2024", month = "01", day = "02" }))
print(pcall(os.date, "%Ez", 0), pcall(os.date, "%Q", 0), pcall(os.date, "*t", 1e100), pcall(os.date, "%d", 1.5))
print(os.date("!%d%%", 0), os.date("", 0), os.date("!%H:%M", 3.0), pcall(os.date, "%", 0))
print(pcall(os.time, 5), pcall(os.date, {}), pcall(os.date, "%d", "x"), os.getenv("SURELY_NOT_SET"))
print(pcall(os.time, { year = 1e100 // 1, month = 1, day = 1 }), pcall(os.time, { year = 2^40 // 1 | 0, month = 1, day = 1 }))
--## misuse of basic functions
print(pcall(ipairs)) print(pcall(rawequal, 1)) print(pcall(select, "x")) print(pcall(tonumber, "1", 99))
print(pcall(tonumber, {}, 10)) print(pcall(string.rep)) print(pcall(string.rep, "x")) print(pcall(string.char, 256))
print(pcall(string.sub)) print(pcall(("x").bad)) print(pcall(table.concat, 5)) print(pcall(setmetatable))
print(pcall(string.rep, "x", -1)) print(pcall(string.rep, "x", 1 << 62)) print(pcall(getmetatable)) print(pcall(next, 5))
print(pcall(function() string.rep("x", {}) end)) print(pcall(function() ("x"):rep(1, 2, 3) end)) print(pcall(math.random, 0.5))
print(pcall(function() math.random({}) end)) print(pcall(function() setmetatable({}, 5) end))
print(pcall(xpcall)) print(pcall(xpcall, print)) print(pcall(collectgarbage, "nonsense")) print(pcall(load, 5))
--## io: write, read by lines, append
local f = assert(io.open("data.txt", "w"))
print(io.type(f), f:write("one\n", 2, "\n", 3.5, "\nlast") == f, f:close(), io.type(f), io.type(42))
for line in io.lines("data.txt") do print(line) end
for line in io.lines("data.txt", "L") do print(#line) end
local f = assert(io.open("data.txt", "a")) f:write("+appended") f:close()
local f = io.open("data.txt") print(f:read("a")) print(f:read("a"), f:read("l"), f:read(0)) f:close()
print(pcall(f.read, f)) print(tostring(f)) print(pcall(f.close, f))
print(io.open("missing.txt")) print((pcall(io.lines, "missing.txt"))) print(pcall(io.open, "data.txt", "q"))
--## io: formats
local f = io.open("numbers.txt", "w") f:write("12 0x1F -3.5e2 abc\n  7,8\nrest of\n\nend") f:close()
local f = io.open("numbers.txt")
print(f:read("n", "n", "n")) print(f:read("n")) print(f:read("l")) print(f:read("n")) print(f:read(1)) print(f:read("n", "l"))
print(f:read("L")) print(f:read(0)) print(f:read("l", "l", "l")) print(f:read(0)) f:close()
local f = io.open("numbers.txt") print(f:read("*n", "*l")) print(f:read(3, 2)) print(pcall(function() local x = f:read("x") end)) f:close()
for a, b in io.lines("numbers.txt", 1, 2) do print(a, b) break end
--## io: odd numerals
for _, text in ipairs { "+5", "--5", "0x", "1e", "1e+", "1e5x", ".5", "5.", ".", "-", "0x1p4", "1..2", "nan", "inf", "0x.8", "12abc", "1 2" } do
  local f = io.open("n.txt", "w") f:write(text, " tail") f:close()
  local f = io.open("n.txt") print(text, f:read("n"), f:read("a")) f:close()
end
--## io: seek and update
local f = io.open("seek.bin", "w+") f:write("0123456789") print(f:seek("set", 3), f:read(2), f:seek(), f:seek("cur", 2), f:read(1))
print(f:seek("end"), f:seek("end", -2), f:read("a"), f:seek("set"), f:read(1)) print(pcall(function() local x = f:seek("bad") end)) print(f:seek("set", -5))
f:seek("set", 2) f:write("XX") f:seek("set", 0) print(f:read("a")) f:close()
local f = io.open("seek.bin", "r+") f:write("ab") f:seek("set") print(f:read("a")) f:close()
print(pcall(function() local f = io.open("seek.bin") local x = f:seek("set", "x") end))
print(pcall(function() local f = io.open("seek.bin") local x = f:seek("set", 1.5) end))
--## io: bytes that are no text
local f = io.open("raw.bin", "wb") f:write("\0\255\254\r\n\x80", string.char(200)) f:close()
local s = io.open("raw.bin", "rb"):read("a") print(#s, s:byte(1, -1)) print(s == "\0\255\254\r\n\x80\200")
--## io: default files
io.output("out.txt") io.write("to file\n") print(io.output() ~= io.stdout) io.close() io.output(io.stdout)
io.input("out.txt") print(io.read()) print(io.read()) io.close(io.input()) io.input(io.stdin)
for line in io.lines("out.txt") do print(line) break end
--## io: read and write the wrong way
local f = io.open("w.txt", "w") print((f:read())) f:write("x") f:close()
local f = io.open("w.txt") print((f:write("y"))) print(pcall(function() local x = f:write({}) end)) f:close()
print(pcall(io.write, {})) print(pcall(io.close, 5)) print(pcall(io.read, "z")) 
do local f <close> = io.open("w.txt") print(io.type(f)) end
print(os.remove("w.txt"), os.remove("w.txt"))
local f = io.open("a.txt", "w") f:close() print(os.rename("a.txt", "b.txt"), io.open("a.txt"), io.open("b.txt") ~= nil)
--## string.format: width and objects
local t = setmetatable({}, { __tostring = function() return "T" end })
print(string.format("[%5s] [%-5s] [%.1s] [%s %s]", t, t, t, t, 1)) print(string.format("%s %d", t, 5)) print(#string.format("%p", t) > 2)
--## select, rawequal and friends with metatables
local eq = setmetatable({}, { __eq = function() return true end }) print(eq == setmetatable({}, getmetatable(eq)), rawequal(eq, {}))
print(#setmetatable({}, { __len = function() return "seven" end })) print(pcall(function() return #setmetatable({}, { __len = error }) end))
print(rawget(setmetatable({}, { __index = { a = 1 } }), "a"), rawlen(setmetatable({ 1 }, { __len = function() return 9 end })))
local t = setmetatable({}, { __index = function(t, k) return k * 2 end }) print(t[21], rawget(t, 21))
--## deep recursion through pcall and coroutines
local function nest(n) if n == 0 then return "bottom" end return select(2, pcall(nest, n - 1)) end print(nest(100))
local function conest(n) if n == 0 then return "bottom" end return coroutine.wrap(conest)(n - 1) end print(conest(100))
--## error positions of standing-in functions
print(pcall(function() local x = string.rep("x", {}) end)) print(pcall(function() local x = table.sort({ 1, 2 }, 5) end))
print(pcall(function() local x = setmetatable(1, {}) end)) print(pcall(function() local x = coroutine.resume(1) end))
print(pcall(function() local x = math.random(2, 1) end))
print(pcall(function() local x = os.time({}) end)) print(pcall(function() local x = os.date("%Q") end))
print(pcall(function() local x = io.open({}) end)) print(pcall(function() io.write({}) return 1 end))
print(pcall(function() local x = coroutine.wrap(5) end)) print(pcall(function() local x = tostring() end))
print(pcall(function() local x = require({}) end)) print(pcall(function() local f = io.open("pos.txt", "w") f:seek("nowhere") end))
print(pcall(function() local x = load() end)) print(pcall(function() local x = xpcall(print) end))
print(pcall(function() local x = os.getenv({}) end)) print(pcall(function() local x = os.remove() end))
print(pcall(function() local x = coroutine.status(1) end)) print(pcall(function() local x = pairs() end))
print(pcall(function() for k in pairs(nil) do end end))
