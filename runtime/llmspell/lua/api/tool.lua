-- Tool: functions that models may call, and that scripts may call themselves. Everything here can be called with a dot
-- or a colon: the scripts that are about do both.

local await, call, fail, with_numbers = await, call, fail, with_numbers
local pairs, type, setmetatable, tostring = pairs, type, setmetatable, tostring
local select, rawequal, pcall, format = select, rawequal, pcall, string.format

---@class ToolDefinition
---@field name string letters, digits, - and _
---@field description string what it does, in a sentence: models choose by it
---@field parameters? table a JSON schema, or the short form `{ city = "string: City name", days = "integer?: How many" }`
---@field examples? table[] `{ {"Is it cold in Rome?", {city = "Rome"}}, … }`: models without tool calls choose by them
---@field handler fun(arguments: table): any gives what the model is told: a text, or plain values; it may wait
---@field category? string
---@field tags? string[]
---@field parallel? boolean true: its calls may run beside the others of a turn
---@field timeout? number the longest call, in seconds

---@class ToolInfo
---@field name string
---@field description string
---@field category string
---@field version string
---@field tags string[]

---@class ToolResult
---@field success boolean
---@field result? any what the tool gave
---@field text string the result as a model reads it; `output` says the same
---@field operation? string the operation that was asked for, of a tool that has several
---@field error? Error what went wrong: `message`, `type`, `hint`; it also behaves as a string
---@field metadata { tool: string, execution_time_ms: number }

---A tool: `name`, `description`, `category`, `version`, `parameters` (its JSON schema) and `schema` (its parameters as a
---list). It goes into an agent's `tools` as it is.
---@class Tool
---@field name string
---@field description string
---@field category string
---@field version string
---@field parameters table
---@field schema { name: string, description: string, parameters: { name: string, type: string, description: string, required: boolean, default: any }[] }
local tool = {}

local ToolMeta = { __name = "Tool", __index = tool, __metatable = false }

function ToolMeta.__tostring(self)
  return format("Tool(%s)", tostring(self.name))
end

-- What raises becomes a value.
local function error_of(fields)
  return select(2, pcall(fail, fields))
end

local function execute(name, arguments)
  local result = await("tool.execute", name, arguments == nil and {} or arguments)
  if result.error then result.error = error_of(result.error) end
  return result
end

local function wrap(fields)
  local self = setmetatable(fields, ToolMeta)
  local name = fields.name
  -- A field of its own, since scripts write both tool:execute{…} and tool.execute{…}.
  self.execute = function(first, second)
    if first == self then first = second end
    return execute(name, first)
  end
  return self
end

---Call the tool. What goes wrong in the tool is in the result's `error`.
---@param arguments? table
---@return ToolResult result
function tool:execute(arguments)
  return execute(self.name, arguments)
end

---The tool's parameters as a list, the required ones first.
---@return table schema
function tool:getSchema()
  return self.schema
end

-- ── the global ────────────────────────────────────────────────────────────────────────────────────────────────────

---Makes tools, finds them, and calls them.
---@class ToolLibrary
local Tool = {}

local handlers = {} -- those of registered tools, which stay as long as the script

---Make a tool that agents may use by its name, and scripts by `Tool.execute`. A name that is taken is an error.
---@param definition ToolDefinition
---@return Tool tool
function Tool.register(definition)
  if type(definition) ~= "table" then
    fail { type = "invalid_request", message = format("Tool.register takes one table, not a %s", type(definition)) }
  end
  return wrap(await("tool.register", with_numbers(definition, handlers)))
end

---The tools that there are, by name.
---@return ToolInfo[] tools
function Tool.list()
  return await("tool.list", {})
end

---A tool by its name; `text_manipulator` finds `text-manipulator`.
---@param name string
---@return Tool? tool nil if there is none of that name
function Tool.get(name)
  local fields = await("tool.get", name)
  return fields and wrap(fields)
end

---Whether there is a tool of that name.
---@param name string
---@return boolean exists
function Tool.exists(name)
  return call("tool.exists", name)
end

---Call a tool. An unknown name raises; what goes wrong in the tool is in the result's `error`.
---@param name string
---@param arguments? table
---@return ToolResult result
function Tool.execute(name, arguments)
  return execute(name, arguments)
end

---Another name of `execute`.
---@param name string
---@param arguments? table
---@return ToolResult result
function Tool.invoke(name, arguments)
  return execute(name, arguments)
end

---The categories of the tools that there are.
---@return string[] categories
function Tool.categories()
  return await("tool.categories")
end

---The tools of a category, with a tag, or both.
---@param filter? { category: string?, tag: string? }
---@return ToolInfo[] tools
function Tool.discover(filter)
  return await("tool.list", filter or {})
end

-- `Tool.calculator.execute{…}`, `Tool["uuid-generator"]`.
local Library = { __name = "ToolLibrary", __metatable = false }

function Library.__index(_, name)
  if type(name) ~= "string" or not call("tool.exists", name) then return nil end
  return Tool.get(name)
end

-- With a colon the library itself comes first.
for name, fn in pairs(Tool) do
  Tool[name] = function(first, ...)
    if rawequal(first, Tool) then return fn(...) end
    return fn(first, ...)
  end
end

return setmetatable(Tool, Library)
