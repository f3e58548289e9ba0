---@meta
-- Lua's own functions as scripts have them here. Nothing here runs: it is what help, completion and signatures say of
-- them, and it names where they differ from stock Lua 5.4 (https://www.lua.org/manual/5.4/).

local env = _G

-- ── what is no function ───────────────────────────────────────────────────────────────────────────────────────────

---Globals that are plain values.
---@class Globals
---@field _G table all globals
---@field _VERSION string the version of Lua: `Lua 5.4`
---@field arg string[] the arguments of the script; `arg[0]` is the script
---@field ARGS table<string|integer, string> the arguments by place, and by name where they are written `--name value` or `--name=value`
---@field _ any the last result; `_1` is the same, `_2` the one before, up to `_9`
---@field chat Agent? the agent that chat mode talks with

-- ── basic functions ───────────────────────────────────────────────────────────────────────────────────────────────

---Raise an error unless the first argument is true; give all arguments back.
---@param value any
---@param message? any the error, `assertion failed!` if absent
---@param ... any
---@return any ...
function env.assert(value, message, ...) end

---Manage the memory of the script: `"collect"` frees what is unused, `"count"` tells the kilobytes in use. Other options do nothing.
---@param option? string
---@return number|boolean|string result
function env.collectgarbage(option) end

---Run a file, below the folders that the script may read, and give what it returns.
---@param path string
---@return any ...
function env.dofile(path) end

---Raise an error. A text gets the position of the code in front, unless `level` is 0.
---@param message any
---@param level? integer whose position: 1, where this stands, if absent; 2 is the caller's
function env.error(message, level) end

---The metatable of a value, or what its field `__metatable` says. Agents, tasks and texts say `false`.
---@param value any
---@return any metatable
function env.getmetatable(value) end

---Go through a list: `for index, value in ipairs(list) do`. It ends before the first nil.
---@param list table
---@return function iterator
---@return table list
---@return integer start
function env.ipairs(list) end

---Compile a text, or the pieces that a function gives, as a function. Bytecode is refused.
---@param chunk string|fun(): string?
---@param name? string what error messages call it
---@param mode? string only `"t"` is of use
---@param environment? table its globals; those of the script if absent
---@return function? chunk nil if it doesn't compile
---@return string? problem
function env.load(chunk, name, mode, environment) end

---Another name of `load`, from Lua 5.1.
---@param chunk string|fun(): string?
---@param name? string
---@return function? chunk
---@return string? problem
function env.loadstring(chunk, name) end

---Compile a file, below the folders that the script may read, without running it.
---@param path string
---@param mode? string
---@param environment? table its globals
---@return function? chunk nil if it can't be read or doesn't compile
---@return string? problem
function env.loadfile(path, mode, environment) end

---The field after a key, in the order of `pairs`; the first one for nil. `next(t) == nil` says that a table is empty.
---@param t table
---@param key? any
---@return any key nil at the end
---@return any value
function env.next(t, key) end

---Go through all fields of a table: `for key, value in pairs(t) do`. The order is always the same: numbers, then texts, each sorted, then the rest.
---@param t table
---@return function iterator
---@return table t
---@return nil start
function env.pairs(t) end

---Call a function and catch its errors. A cancellation is not caught.
---@param fn function
---@param ... any its arguments
---@return boolean ok
---@return any ... its results, or the error
function env.pcall(fn, ...) end

---Write values to the standard output, with tabs between them and a new line after them.
---@param ... any
function env.print(...) end

---Whether two values are the same, without `__eq`.
---@param a any
---@param b any
---@return boolean equal
function env.rawequal(a, b) end

---A field of a table, without `__index`.
---@param t table
---@param key any
---@return any value
function env.rawget(t, key) end

---The length of a table or text, without `__len`.
---@param value table|string
---@return integer length
function env.rawlen(value) end

---Set a field of a table, without `__newindex`.
---@param t table
---@param key any
---@param value any
---@return table t
function env.rawset(t, key, value) end

---Load a module once and give what it returned: `a.b` is `a/b.lua` or `a/b/init.lua` beside the script or in the working directory. It may wait while it loads.
---@param name string
---@return any module
---@return string? path
function env.require(name) end

---The arguments from a place on, or with `"#"` how many there are. A negative place counts from the end.
---@param index integer|"#"
---@param ... any
---@return any ...
function env.select(index, ...) end

---Give a table its metatable. `__gc` is refused and `__mode` is ignored, since when they act depends on chance.
---@param t table
---@param metatable table? nil takes it away
---@return table t
function env.setmetatable(t, metatable) end

---A text or number as a number.
---@param value any
---@param base? integer the base of the text's digits, from 2 to 36
---@return number? number nil if it is none
function env.tonumber(value, base) end

---A value as a text. Tables and functions show a serial number in place of an address, so that runs are alike.
---@param value any
---@return string text
function env.tostring(value) end

---What kind a value is of.
---@param value any
---@return "nil"|"number"|"string"|"boolean"|"table"|"function"|"thread"|"userdata" kind
function env.type(value) end

---Another name of `table.unpack`, from Lua 5.1.
---@param list table
---@param first? integer
---@param last? integer
---@return any ...
function env.unpack(list, first, last) end

---Write a warning to the standard error.
---@param message string
---@param ... string further parts of it
function env.warn(message, ...) end

---Call a function and hand its errors to another one. A cancellation is not caught.
---@param fn function
---@param handler fun(error: any): any its results are given in place of the error; it runs where the error is raised
---@param ... any arguments of `fn`
---@return boolean ok
---@return any ... results
function env.xpcall(fn, handler, ...) end

-- ── string ────────────────────────────────────────────────────────────────────────────────────────────────────────

---Texts, which are bytes, most often in UTF-8. All functions are methods too: `("x"):rep(3)`. A negative place counts from the end.
---@class string
local string = {}

---The codes of bytes.
---@param s string
---@param first? integer 1 if absent
---@param last? integer `first` if absent
---@return integer ... codes
function string.byte(s, first, last) end

---A text of bytes with these codes.
---@param ... integer
---@return string text
function string.char(...) end

---Look for a pattern: its place, and what it captured.
---@param s string
---@param pattern string
---@param from? integer where to begin; 1 if absent
---@param plain? boolean true: the pattern is a plain text
---@return integer? first nil if it isn't found
---@return integer? last
---@return string|integer ... captures
function string.find(s, pattern, from, plain) end

---Fill in a template: `%d` an integer, `%5.2f` a float, `%g` a short one, `%x` hexadecimal, `%c` a byte, `%s` any value, `%q` a text as Lua reads it, `%%` a percent sign.
---@param template string
---@param ... any
---@return string text
function string.format(template, ...) end

---Go through what a pattern matches: `for word in s:gmatch("%a+") do`.
---@param s string
---@param pattern string
---@param from? integer
---@return function iterator gives the captures, or the whole match
function string.gmatch(s, pattern, from) end

---Replace what a pattern matches. No function that waits may be given.
---@param s string
---@param pattern string
---@param replacement string|table|function a text with `%1` for captures, a table to look up in, or a function
---@param most? integer how many to replace; all if absent
---@return string text
---@return integer count
function string.gsub(s, pattern, replacement, most) end

---The number of bytes; `utf8.len` counts characters.
---@param s string
---@return integer length
function string.len(s) end

---With the letters A to Z made small.
---@param s string
---@return string text
function string.lower(s) end

---What a pattern captures at its first match, or the whole match.
---@param s string
---@param pattern string `%a` letter, `%d` digit, `%s` space, `%w` letter or digit, `.` any; `*` `+` `-` `?` repeat; `^` `$` ends; `( )` captures
---@param from? integer
---@return string|integer? ... captures nil if there is no match
function string.match(s, pattern, from) end

---Values as bytes in a layout such as `"<i4 s2"`.
---@param layout string
---@param ... any
---@return string bytes
function string.pack(layout, ...) end

---How many bytes `string.pack` makes; the layout may have no parts of varying size.
---@param layout string
---@return integer size
function string.packsize(layout) end

---A text several times.
---@param s string
---@param count integer
---@param separator? string put between them
---@return string text
function string.rep(s, count, separator) end

---The bytes in reverse order.
---@param s string
---@return string text
function string.reverse(s) end

---A part of a text, from one byte to another.
---@param s string
---@param first integer
---@param last? integer -1, the end, if absent
---@return string text
function string.sub(s, first, last) end

---The values that `string.pack` made bytes of.
---@param layout string
---@param bytes string
---@param from? integer
---@return any ... values and the place after them
function string.unpack(layout, bytes, from) end

---With the letters a to z made capital.
---@param s string
---@return string text
function string.upper(s) end

-- ── table ─────────────────────────────────────────────────────────────────────────────────────────────────────────

---Lists and other tables.
---@class table
local table = {}

---Join the texts and numbers of a list.
---@param list table
---@param separator? string
---@param first? integer
---@param last? integer
---@return string text
function table.concat(list, separator, first, last) end

---Put a value into a list: at its end, or with three arguments at a place, from where the others move up.
---@param list table
---@param position any the value itself, where there are two arguments
---@param value? any
function table.insert(list, position, value) end

---Copy a part of a list to another place, or into another table.
---@param from table
---@param first integer
---@param last integer
---@param to integer where the first one goes
---@param target? table
---@return table target
function table.move(from, first, last, to, target) end

---A list of the arguments; its field `n` is how many they are.
---@param ... any
---@return table list
function table.pack(...) end

---Take a value out of a list: the last, or the one at a place, to which the others move down.
---@param list table
---@param position? integer
---@return any value
function table.remove(list, position) end

---Sort a list in place. Items that are equal keep their order, and the comparison may wait.
---@param list table
---@param before? fun(a: any, b: any): boolean whether `a` comes before `b`; `a < b` if absent
function table.sort(list, before) end

---The values of a list as results.
---@param list table
---@param first? integer
---@param last? integer `#list` if absent
---@return any ...
function table.unpack(list, first, last) end

-- ── math ──────────────────────────────────────────────────────────────────────────────────────────────────────────

---Numbers.
---@class math
---@field huge number more than any other number: infinity
---@field maxinteger integer the largest integer
---@field mininteger integer the smallest integer
---@field pi number the circumference of a circle of diameter 1
local math = {}

---The number without its sign.
---@param x number
---@return number result
function math.abs(x) end

---The angle of a cosine, in radians.
---@param x number
---@return number angle
function math.acos(x) end

---The angle of a sine, in radians.
---@param x number
---@return number angle
function math.asin(x) end

---The angle of a tangent `y / x`, in radians; the signs of both say in which quadrant.
---@param y number
---@param x? number 1 if absent
---@return number angle
function math.atan(y, x) end

---The smallest integer that is not below a number.
---@param x number
---@return integer result
function math.ceil(x) end

---The cosine of an angle in radians.
---@param angle number
---@return number result
function math.cos(angle) end

---Radians as degrees.
---@param angle number
---@return number degrees
function math.deg(angle) end

---`e` to a power.
---@param x number
---@return number result
function math.exp(x) end

---The largest integer that is not above a number.
---@param x number
---@return integer result
function math.floor(x) end

---What a division leaves, with the sign of the first number.
---@param x number
---@param y number
---@return number rest
function math.fmod(x, y) end

---The logarithm of a number.
---@param x number
---@param base? number `e` if absent
---@return number result
function math.log(x, base) end

---The largest of the arguments.
---@param x number
---@param ... number
---@return number result
function math.max(x, ...) end

---The smallest of the arguments.
---@param x number
---@param ... number
---@return number result
function math.min(x, ...) end

---A number's whole part and the rest.
---@param x number
---@return number whole
---@return number rest
function math.modf(x) end

---A number to a power, from Lua 5.1; `x ^ y` does the same.
---@param x number
---@param y number
---@return number result
function math.pow(x, y) end

---Degrees as radians.
---@param degrees number
---@return number angle
function math.rad(degrees) end

---A random number: from 0 to below 1, or an integer from 1 to `m`, or from `m` to `n`. The seed is kept with the run, so a replay draws the same.
---@param m? integer
---@param n? integer
---@return number result
function math.random(m, n) end

---Begin another sequence of random numbers; the same seed gives the same sequence.
---@param seed? number
---@param more? integer
function math.randomseed(seed, more) end

---The sine of an angle in radians.
---@param angle number
---@return number result
function math.sin(angle) end

---The square root.
---@param x number
---@return number result
function math.sqrt(x) end

---The tangent of an angle in radians.
---@param angle number
---@return number result
function math.tan(angle) end

---A number without a fraction as an integer.
---@param x any
---@return integer? result nil if it has a fraction or is no number
function math.tointeger(x) end

---Whether a number is an integer.
---@param x any
---@return "integer"|"float"|nil kind nil for what is no number
function math.type(x) end

---Whether one integer is below another, both without signs.
---@param a integer
---@param b integer
---@return boolean below
function math.ult(a, b) end

-- ── utf8 ──────────────────────────────────────────────────────────────────────────────────────────────────────────

---Characters of texts in UTF-8.
---@class utf8
---@field charpattern string the pattern of one character
local utf8 = {}

---A text of characters with these code points.
---@param ... integer
---@return string text
function utf8.char(...) end

---The code points of the characters that begin between two bytes.
---@param s string
---@param first? integer
---@param last? integer
---@param lax? boolean
---@return integer ... code points
function utf8.codepoint(s, first, last, lax) end

---Go through characters: `for position, code in utf8.codes(s) do`.
---@param s string
---@param lax? boolean
---@return function iterator
---@return string s
---@return integer start
function utf8.codes(s, lax) end

---The number of characters.
---@param s string
---@param first? integer
---@param last? integer
---@param lax? boolean
---@return integer? count nil if it is no UTF-8
---@return integer? position of the first byte that is wrong
function utf8.len(s, first, last, lax) end

---The byte at which the `n`th character begins.
---@param s string
---@param n integer
---@param from? integer
---@return integer? position
function utf8.offset(s, n, from) end

-- ── coroutine ─────────────────────────────────────────────────────────────────────────────────────────────────────

---Functions that stop in the middle and go on later. What waits, such as an agent, may wait in them.
---@class coroutine
local coroutine = {}

---End a coroutine that doesn't run, and close its `<close>` variables.
---@param co thread
---@return boolean ok
---@return any? error
function coroutine.close(co) end

---Make a coroutine of a function.
---@param fn function
---@return thread co
function coroutine.create(fn) end

---Whether a coroutine can yield.
---@param co? thread the running one if absent
---@return boolean yieldable
function coroutine.isyieldable(co) end

---Begin or go on with a coroutine.
---@param co thread
---@param ... any arguments of its function, or results of its `yield`
---@return boolean ok
---@return any ... what it yielded or returned, or the error
function coroutine.resume(co, ...) end

---The running coroutine.
---@return thread co
---@return boolean main true where it is a task's own
function coroutine.running() end

---What a coroutine is doing.
---@param co thread
---@return "running"|"suspended"|"normal"|"dead" status
function coroutine.status(co) end

---A function that resumes a coroutine of `fn` at each call, and raises its errors.
---@param fn function
---@return function resume
function coroutine.wrap(fn) end

---Stop here, and give values to who resumed the coroutine.
---@param ... any
---@return any ... what the next `resume` gives
function coroutine.yield(...) end

-- ── io ────────────────────────────────────────────────────────────────────────────────────────────────────────────

---Files, below the folders that `[sandbox]` of llmspell.toml grants.
---@class io
---@field stdin FILE the standard input
---@field stdout FILE the standard output
---@field stderr FILE the standard error
local io = {}

---Close a file, or the default output.
---@param file? FILE
---@return boolean? ok
---@return string? problem
function io.close(file) end

---Write out what the default output holds back.
---@return FILE file
function io.flush() end

---The file that `io.read` reads, or a new one for it.
---@param file? string|FILE
---@return FILE file
function io.input(file) end

---Go through a file's lines: `for line in io.lines("notes.txt") do`. The file is closed at its end.
---@param path? string the default input if absent
---@param ... string|integer formats as of `io.read`
---@return function iterator
function io.lines(path, ...) end

---Open a file. A path outside of what is granted gives nil and a message that says which setting to change.
---@param path string
---@param mode? string `"r"` read, `"w"` write anew, `"a"` append, each with `+` for both; `b` changes nothing
---@return FILE? file nil if it can't be opened
---@return string? problem
---@return integer? code
function io.open(path, mode) end

---The file that `io.write` writes, or a new one for it.
---@param file? string|FILE
---@return FILE file
function io.output(file) end

---Scripts start no processes: always nil and a message.
---@return nil file
---@return string problem
function io.popen() end

---Read from the default input.
---@param ... string|integer `"l"` a line, `"L"` with its end, `"a"` all, `"n"` a number, or a count of bytes
---@return string|number? ... nil at the end
function io.read(...) end

---A new empty file, below the script's temporary folder.
---@return FILE? file
---@return string? problem
function io.tmpfile() end

---Whether a value is an open file.
---@param value any
---@return "file"|"closed file"|nil kind
function io.type(value) end

---Write texts and numbers to the default output.
---@param ... string|number
---@return FILE? file
---@return string? problem
function io.write(...) end

---An open file.
---@class FILE
local file = {}

---Close the file.
---@return boolean? ok
---@return string? problem
function file:close() end

---Write out what is held back.
---@return FILE file
function file:flush() end

---Whether it is a terminal. Stock Lua has no such method.
---@return boolean terminal
function file:isatty() end

---Go through the lines that are left.
---@param ... string|integer formats as of `read`
---@return function iterator
function file:lines(...) end

---Read from the file.
---@param ... string|integer `"l"` a line, `"L"` with its end, `"a"` all, `"n"` a number, or a count of bytes
---@return string|number? ... nil at the end
function file:read(...) end

---Move to a place, and tell it in bytes from the beginning.
---@param whence? "set"|"cur"|"end" from where; `"cur"` if absent
---@param offset? integer
---@return integer? position
---@return string? problem
function file:seek(whence, offset) end

---Does nothing here.
---@param mode string
---@param size? integer
---@return boolean ok
function file:setvbuf(mode, size) end

---Write texts and numbers.
---@param ... string|number
---@return FILE? file
---@return string? problem
function file:write(...) end

-- ── os ────────────────────────────────────────────────────────────────────────────────────────────────────────────

---The machine, as far as scripts may see it.
---@class os
local os = {}

---The seconds of computing that the process has used.
---@return number seconds
function os.clock() end

---A time as text, or with `"*t"` as a table. A `!` in front means UTC.
---@param format? string as of strftime; `"%c"` if absent
---@param time? integer now if absent
---@return string|table date
function os.date(format, time) end

---The seconds between two times.
---@param later integer
---@param earlier? integer
---@return number seconds
function os.difftime(later, earlier) end

---Scripts start no processes: `false` without a command, else nil and a message.
---@param command? string
---@return boolean? available
---@return string? problem
---@return integer? code
function os.execute(command) end

---End the script and all its tasks; in a console, the session.
---@param code? integer|boolean the exit code; 0 if absent
function os.exit(code) end

---A variable of the environment that `[sandbox] env` grants; never a key.
---@param name string
---@return string? value
function os.getenv(name) end

---Delete a file, below the folders that the script may write.
---@param path string
---@return boolean? ok
---@return string? problem
---@return integer? code
function os.remove(path) end

---Rename a file, below the folders that the script may write.
---@param from string
---@param to string
---@return boolean? ok
---@return string? problem
---@return integer? code
function os.rename(from, to) end

---There is only the locale `"C"`.
---@param locale? string
---@return string? locale
function os.setlocale(locale) end

---The seconds since 1970, now or of a table with `year`, `month`, `day` and perhaps `hour`, `min`, `sec`.
---@param date? table
---@return integer time
function os.time(date) end

---A path for a new file, below the script's temporary folder.
---@return string path
function os.tmpname() end

-- ── package ───────────────────────────────────────────────────────────────────────────────────────────────────────

---What `require` knows. Modules in other languages can't be loaded.
---@class package
---@field config string the marks that paths are made of
---@field loaded table<string, any> the modules that are loaded
---@field path string where `require` looks: templates between semicolons, `?` stands for the name
---@field preload table<string, function> functions that load modules
local package = {}
