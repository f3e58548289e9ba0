-- The builder of agents: a part of agent.lua, which gives it the function that makes the agent.

local fail = fail
local pairs, ipairs, setmetatable, format = pairs, ipairs, setmetatable, string.format

local create -- of agent.lua

---Collects an agent's settings. Every method returns a builder of its own, so that one can be the start of several.
---@class AgentBuilder
---@field name fun(self: AgentBuilder, name: string): AgentBuilder of the agent
---@field description fun(self: AgentBuilder, text: string): AgentBuilder what the agent is for
---@field model fun(self: AgentBuilder, model: string|table): AgentBuilder as in AgentConfig
---@field provider fun(self: AgentBuilder, provider: string): AgentBuilder of a model whose name has none
---@field system_prompt fun(self: AgentBuilder, text: string): AgentBuilder what the model is told before everything else
---@field temperature fun(self: AgentBuilder, temperature: number): AgentBuilder how freely the model chooses
---@field max_tokens fun(self: AgentBuilder, tokens: integer): AgentBuilder the longest answer
---@field options fun(self: AgentBuilder, options: table): AgentBuilder further options, under the provider's own names
---@field format fun(self: AgentBuilder, schema: table): AgentBuilder a JSON schema that every answer must satisfy
---@field timeout fun(self: AgentBuilder, seconds: number): AgentBuilder the longest turn
---@field max_conversation_length fun(self: AgentBuilder, messages: integer): AgentBuilder how many messages are remembered
---@field memory_enabled fun(self: AgentBuilder, enabled: boolean): AgentBuilder false: every turn stands alone
---@field type fun(self: AgentBuilder, kind: string): AgentBuilder kept and shown by `get_config`
---@field custom_config fun(self: AgentBuilder, config: table): AgentBuilder may hold `system_prompt` and `max_conversation_length`
---@field resource_limits fun(self: AgentBuilder, limits: table): AgentBuilder `max_execution_time_secs`, `max_memory_mb`, `max_tool_calls`, `max_recursion_depth`
---@field allowed_tools fun(self: AgentBuilder, names: string[]): AgentBuilder tools are not run so far
---@field context_window fun(self: AgentBuilder, tokens: integer): AgentBuilder has no effect; the provider's configuration says how long a context is
---@field base_url fun(self: AgentBuilder, url: string): AgentBuilder refused unless an alias or remap changes the model: llmspell.toml says where requests go
---@field api_key fun(self: AgentBuilder, key: string): AgentBuilder refused by `build`: a script holds no keys
---@field capability fun(self: AgentBuilder, name: string): AgentBuilder adds to what the agent is said to be good for
---@field tool fun(self: AgentBuilder, name: string): AgentBuilder adds to `allowed_tools`
---@field fallback fun(self: AgentBuilder, models: string[]): AgentBuilder the models to ask where the model fails
---@field tools fun(self: AgentBuilder, tools: table): AgentBuilder what the model may call, as in AgentConfig
---@field approve fun(self: AgentBuilder, gate: fun(call: ToolCallInfo): any): AgentBuilder asked before each call of a tool
---@field tool_mode fun(self: AgentBuilder, mode: string): AgentBuilder who makes the calls, as in AgentConfig
---@field max_rounds fun(self: AgentBuilder, rounds: integer): AgentBuilder how often a turn may ask for tools
---@field tool_timeout fun(self: AgentBuilder, seconds: number): AgentBuilder the longest call of a tool
---@field max_retries fun(self: AgentBuilder, retries: integer): AgentBuilder how often an answer that breaks its format is asked for again
---@field context fun(self: AgentBuilder, policy: string|table): AgentBuilder what to do with a conversation that outgrows the context
---@field skills fun(self: AgentBuilder, skills: boolean|string[]): AgentBuilder the skills that the model may take up
---@field logs fun(self: AgentBuilder, logs: boolean): AgentBuilder false: nothing is written to the log of requests, or to the cache
---@field cache fun(self: AgentBuilder, cache: string|number|false): AgentBuilder how long answers are kept for the same request
---@field max_cost fun(self: AgentBuilder, dollars: number): AgentBuilder the most that the agent may spend in a run, in USD
---@field allow_tool fun(self: AgentBuilder, name: string): AgentBuilder adds to `allowed_tools`
---@field max_execution_time fun(self: AgentBuilder, seconds: number): AgentBuilder the longest turn
---@field max_memory_mb fun(self: AgentBuilder, megabytes: number): AgentBuilder kept and shown by `get_config`; `[sandbox] memory_mb` limits a script
---@field max_tool_calls fun(self: AgentBuilder, calls: integer): AgentBuilder the most calls of tools in one turn
---@field max_recursion_depth fun(self: AgentBuilder, depth: integer): AgentBuilder kept and shown by `get_config`
local builder = {}

local fields_of = setmetatable({}, { __mode = "k" }) -- builder -> the fields so far
local BuilderMeta = { __name = "AgentBuilder", __index = builder, __metatable = false }

local function new_builder(fields)
  local self = setmetatable({}, BuilderMeta)
  fields_of[self] = fields
  return self
end

local function fields_so_far(self, method)
  local fields = fields_of[self]
  if not fields then
    fail {
      type = "invalid_request",
      message = format("builder.%s was called without its builder", method),
      hint = format("write :%s(…), with a colon", method),
    }
  end
  return fields
end

local function with(self, name, value)
  local copy = {}
  for key, old in pairs(fields_so_far(self, name)) do copy[key] = old end
  copy[name] = value
  return new_builder(copy)
end

local function with_limit(self, name, value)
  local limits = {}
  for key, old in pairs(fields_so_far(self, name).resource_limits or {}) do limits[key] = old end
  limits[name] = value
  return with(self, "resource_limits", limits)
end

local function with_item(self, name, item)
  local list = {}
  for index, old in ipairs(fields_so_far(self, name)[name] or {}) do list[index] = old end
  list[#list + 1] = item
  return with(self, name, list)
end

for _, name in ipairs {
  "name", "description", "model", "provider", "system_prompt", "temperature", "max_tokens", "options", "format",
  "timeout", "max_conversation_length", "memory_enabled", "type", "custom_config", "resource_limits",
  "allowed_tools", "context_window", "base_url", "api_key", "tools", "approve", "tool_mode", "max_rounds",
  "tool_timeout", "max_retries", "context", "skills", "logs", "fallback", "cache", "max_cost",
} do
  builder[name] = function(self, value) return with(self, name, value) end
end

for name, list in pairs { capability = "capabilities", tool = "allowed_tools", allow_tool = "allowed_tools" } do
  builder[name] = function(self, item) return with_item(self, list, item) end
end

for name, limit in pairs {
  max_execution_time = "max_execution_time_secs", max_memory_mb = "max_memory_mb", max_tool_calls = "max_tool_calls",
  max_recursion_depth = "max_recursion_depth",
} do
  builder[name] = function(self, value) return with_limit(self, limit, value) end
end

---Make the agent.
---@return Agent agent
function builder:build()
  return create(fields_so_far(self, "build"))
end

return function(create_agent)
  create = create_agent
  return new_builder
end
