-- Agent: a model with instructions and a conversation. What a script holds is a table with a number behind it; the
-- agent itself is on the other side of the ops.

local await, bind, call, fail, with_numbers = await, bind, call, fail, with_numbers
local pairs, ipairs, type, setmetatable, tostring = pairs, ipairs, type, setmetatable, tostring
local pcall, format, gsub, encode = pcall, string.format, string.gsub, JSON.encode

---@class AgentConfig
---@field model? string|table a model's name such as "local/smollm2:135m", or `{provider=, model_id=, temperature=, max_tokens=, settings=}`
---@field name? string
---@field description? string
---@field provider? string put before the model's name
---@field system_prompt? string what the model is told before everything else; `prompt` means the same
---@field temperature? number
---@field max_tokens? integer the longest answer, in tokens
---@field top_p? number
---@field top_k? integer
---@field min_p? number
---@field seed? integer
---@field stop? string|string[]
---@field repeat_penalty? number
---@field presence_penalty? number
---@field frequency_penalty? number
---@field options? table further options, under the provider's own names
---@field timeout? number the longest turn, in seconds
---@field format? table a JSON schema that every answer must satisfy
---@field max_conversation_length? integer how many messages are remembered; all, if absent
---@field memory_enabled? boolean false: every turn stands alone
---@field resource_limits? table `max_execution_time_secs` is another name of `timeout`
---@field custom_config? table `system_prompt` and `max_conversation_length` may stand in here
---@field tools? (string|ToolDefinition|Tool)[] what the model may call: names of tools, or tables; `allowed_tools` are names
---@field tool_mode? "auto"|"native"|"score"|"schema" who makes the calls: the model, or the host by scoring or by a schema
---@field max_rounds? integer how often a turn may ask for tools; 10, if absent
---@field tool_timeout? number the longest call of a tool, in seconds
---@field approve? fun(call: ToolCallInfo): boolean|string|table asked before each call: false or a reason refuses it, a table replaces its arguments
---@field max_retries? integer how often an answer that breaks its format is asked for again; 2, if absent
---@field context? "error"|"drop_oldest"|"summarize"|table what to do with a conversation that outgrows the context; `{ policy=, model=, keep= }`
---@field skills? boolean|string[] the skills that the model may take up: all, or these
---@field logs? boolean false: nothing of this agent is written to the log of requests

---@class AgentInput
---@field text? string what to answer; `prompt` and `input` mean the same
---@field images? string[] files of pictures (PNG, JPEG, GIF, WebP) that belong to the text
---@field format? table a JSON schema for this answer
---@field timeout? number the longest turn, in seconds
---@field temperature? number like every sampling option of AgentConfig, for this answer
---@field options? table further options, under the provider's own names

---@class AgentUsage
---@field input_tokens integer
---@field output_tokens integer
---@field total_tokens integer
---@field cached_tokens integer the part of the input that needed no new computing

---@class AgentResult
---@field text string the answer; `response` and `content` repeat it
---@field success boolean true for an answer that the model finished
---@field data? any the parsed answer, where a format was asked for
---@field usage AgentUsage
---@field finish_reason "stop"|"length"|"tool_calls"|"content_filter"|"cancelled"|"error"
---@field model string what the provider says it ran
---@field provider string
---@field timings { first_token_ms: number, total_ms: number, tokens_per_second: number }
---@field metadata table `model`, `provider`, `token_count`, `execution_time_ms`, `duration_ms`
---@field reasoning? string what the model thought before it answered
---@field tool_calls ToolCallResult[] the calls of tools, in order
---@field rounds integer how often the model was asked
---@field notices string[] what the user should know, such as what of the conversation was left out
---@field error? string what went wrong, in `agent:last()` after a failed turn

---@class ToolCallInfo
---@field id string
---@field name string
---@field arguments table

---@class ToolCallResult
---@field id string
---@field name string
---@field arguments? table
---@field status "done"|"failed"|"denied"|"skipped"
---@field result? any what the tool gave
---@field error? table `type`, `message`, `hint`
---@field ms number how long it took

---@class AgentEvent
---@field type "text"|"reasoning"|"notice"|"progress"|"usage"|"tool_call"|"tool_started"|"tool_finished"|"retry"|"finish"
---@field text string the text of a text, reasoning or notice event, otherwise ""
---@field usage? AgentUsage of a usage or finish event
---@field finish_reason? string of a finish event
---@field processed? integer tokens of the prompt that are read, of a progress event
---@field total? integer tokens of the prompt, of a progress event

---@class AgentMessage
---@field role "system"|"user"|"assistant"|"tool"
---@field content string

-- ── one agent ─────────────────────────────────────────────────────────────────────────────────────────────────────

---A model with its instructions and what was said so far. Its turns run one after the other. A turn is remembered when
---the model has finished it; one that failed or was broken off leaves no trace, so that it can be made again.
---@class Agent
---@field id string
---@field name string
---@field model string
local agent = {}

local numbers = setmetatable({}, { __mode = "k" }) -- what scripts hold -> the agent's number

-- The functions of an agent live as long as anything that stands for it: its wrappers hold them, and nothing else does.
local functions_of = setmetatable({}, { __mode = "k" })    -- what scripts hold -> list of functions
local functions_by_number = setmetatable({}, { __mode = "v" }) -- the agent's number -> the same list
local of_registered = {}                                   -- the agent's number -> the same list, where it stays

local function number_of(self, method)
  local number = numbers[self]
  if not number then
    fail {
      type = "invalid_request",
      message = format("agent.%s was called without its agent", method),
      hint = format("write agent:%s(…), with a colon", method),
    }
  end
  return number
end

local AgentMeta = { __name = "Agent", __index = agent, __metatable = false }

function AgentMeta.__tostring(self)
  return format("Agent(%s)", tostring(self.name))
end

function AgentMeta.__eq(a, b)
  return numbers[a] ~= nil and numbers[a] == numbers[b]
end

local function wrap(handle, functions)
  local self = { id = format("agent_%d", handle.id), name = handle.name, model = handle.model }
  functions = functions or functions_by_number[handle.id] or {}
  numbers[self], functions_of[self], functions_by_number[handle.id] = handle.id, functions, functions
  return bind(self, AgentMeta, "agent", handle.id)
end

-- The settings of an agent as plain values, and the functions that are among them.
local function without_functions(config)
  local functions = {}
  if type(config) ~= "table" then return config, functions end
  local plain = with_numbers(config, functions)
  if type(plain.tools) == "table" then
    local tools = {}
    for key, tool in pairs(plain.tools) do
      if type(tool) == "table" then
        tool = tool.handler == nil and tool.execute and tool.name or with_numbers(tool, functions)
      end
      tools[key] = tool
    end
    plain.tools = tools
  end
  return plain, functions
end

local function create(config)
  local plain, functions = without_functions(config == nil and {} or config)
  return wrap(await("agent.create", plain), functions)
end

-- The files of pictures with what is in them, read as far as the sandbox lets the script.
local function read_images(files)
  if type(files) == "string" then files = { files } end
  if type(files) ~= "table" then
    fail { type = "invalid_request", message = "images must be a list of files, not a " .. type(files) }
  end
  local images = {}
  for position, file in pairs(files) do
    if type(position) ~= "number" or type(file) ~= "string" then
      fail {
        type = "invalid_request",
        message = format("images must be a list of files; at %s it has a %s", tostring(position), type(file)),
        hint = 'write images = { "photo.png" }',
      }
    end
    local found, data = call("file.load", file)
    if not found then fail { type = "invalid_request", message = "images: " .. data } end
    images[#images + 1] = { path = file, data = data }
  end
  return images
end

-- The input of a turn with the options of a second argument, and its images read.
local function merged(input, options)
  local images = type(input) == "table" and input.images or type(options) == "table" and options.images
  if type(options) ~= "table" and not images then return input end
  local all = {}
  if type(options) == "table" then
    for key, value in pairs(options) do all[key] = value end
  end
  if type(input) == "table" then
    for key, value in pairs(input) do all[key] = value end
  else
    all.text = input
  end
  all.images = images and read_images(images) or nil
  return all
end

---Answer a text and wait for the whole answer.
---@param input string|AgentInput
---@param options? AgentInput settings for this answer, where `input` is a text
---@return AgentResult result
function agent:execute(input, options)
  local result = await("agent.execute", number_of(self, "execute"), merged(input, options))
  return result -- and no tail call: the agent's functions live as long as it is on the stack
end

---Another name of `execute`.
---@param input string|AgentInput
---@param options? AgentInput
---@return AgentResult result
function agent:invoke(input, options)
  return self:execute(input, options)
end

---Answer a text and give only the answer's text.
---@param text string
---@param options? AgentInput settings for this answer
---@return string answer
function agent:complete(text, options)
  return await("agent.execute", number_of(self, "complete"), merged(text, options)).text
end

local Stream = { __name = "AgentStream", __metatable = false }

function Stream.__close(stream)
  if not stream.ended then
    stream.ended = true
    await("agent.stream.close", stream.id)
  end
end

local function open_stream(self, number, input)
  local id = await("agent.stream.open", number, input)
  local stream = bind({ id = id, agent = self }, Stream, "agent.stream", id)
  local batch, at = {}, 0
  local function next_event()
    if at == #batch then
      if stream.ended then return nil end
      batch, at = await("agent.stream.next", id), 0
      if #batch == 0 then
        stream.ended = true
        return nil
      end
    end
    at = at + 1
    local event = batch[at]
    if type(event) == "string" then return event, { type = "text", text = event } end
    return "", event
  end
  return next_event, nil, nil, stream
end

---Answer a text and give the answer as it comes: `for text, event in agent:stream("…") do io.write(text) end`. Leaving
---the loop stops the model. The whole result is in `agent:last()` afterwards.
---@param input string|AgentInput
---@param options? AgentInput settings for this answer, where `input` is a text
---@return fun(): string?, AgentEvent? next the next piece of the answer ("" for other events) and the event
---@return nil state
---@return nil control
---@return table closing closes the stream when the loop is left
function agent:stream(input, options)
  return open_stream(self, number_of(self, "stream"), merged(input, options))
end

---Answer a text and call a function for each piece of the answer.
---@param input string|AgentInput
---@param options? AgentInput settings for this answer; may be left out
---@param callback fun(event: AgentEvent)
---@return { success: boolean, chunks_received: integer, text: string } summary
function agent:invokeStream(input, options, callback)
  if callback == nil then options, callback = nil, options end
  local number = number_of(self, "invokeStream")
  if type(callback) ~= "function" then
    fail { type = "invalid_request", message = "agent:invokeStream needs a function to call for each piece" }
  end
  local chunks = 0
  for _, event in open_stream(self, number, merged(input, options)) do
    if event.type == "text" then
      chunks = chunks + 1
      callback(event)
    end
  end
  local last = await("agent.last", number)
  return { success = last.success, chunks_received = chunks, text = last.text }
end

---The result of the latest turn, also of one that failed or was broken off.
---@return AgentResult? result nil before the first turn
function agent:last()
  return await("agent.last", number_of(self, "last"))
end

---What was said so far, the system prompt first.
---@return AgentMessage[] messages
function agent:messages()
  return await("agent.messages", number_of(self, "messages"))
end

---Forget the conversation; the settings stay.
function agent:reset()
  await("agent.reset", number_of(self, "reset"))
end

---Make a second agent that goes on from the same conversation, by itself.
---@return Agent copy
function agent:fork()
  local number = number_of(self, "fork")
  return wrap(await("agent.fork", number), functions_of[self])
end

---Make a tool of the agent, for the `tools` of another one. A call asks a copy of the agent, which goes on from what was
---said to it so far and is forgotten afterwards; with `remember = true` it asks the agent itself.
---@param options? { name: string?, description: string?, parameters: table?, examples: table[]?, parallel: boolean?, timeout: number?, remember: boolean? }
---@return ToolDefinition definition
function agent:as_tool(options)
  number_of(self, "as_tool")
  options = options or {}
  local own = self:get_config()
  local definition = {
    name = options.name or gsub(self.name, "[^%w_-]+", "_"),
    description = options.description or own.description,
    parameters = options.parameters or { prompt = "string: What to ask" },
    examples = options.examples,
    parallel = options.parallel ~= false and not options.remember,
    timeout = options.timeout,
    category = "agent",
  }
  function definition.handler(arguments)
    local asked = options.remember and self or self:fork()
    local result = asked:execute(arguments.prompt or encode(arguments))
    return result.data == nil and result.text or result.data
  end
  return definition
end

---The settings in force, defaults included.
---@return table config
function agent:get_config()
  return await("agent.report", number_of(self, "get_config"), "config")
end

---Counts since the agent was made: `agent_id`, `requests_total`, `requests_failed`, `requests_active`,
---`tool_invocations`, `memory_bytes`, `cpu_percent`, `usage`.
---@return table metrics
function agent:get_metrics()
  return await("agent.report", number_of(self, "get_metrics"), "metrics")
end

---Whether the latest turn went well.
---@return { status: "healthy"|"unhealthy", message: string, timestamp: integer } health
function agent:get_health()
  return await("agent.report", number_of(self, "get_health"), "health")
end

---Whether the latest turn went well, in one word.
---@return boolean healthy
function agent:is_healthy()
  return await("agent.report", number_of(self, "is_healthy"), "health").status == "healthy"
end

---Averages over all turns; the rates are from 0 to 1.
---@return { total_executions: integer, avg_execution_time_ms: number, success_rate: number, error_rate: number } performance
function agent:get_performance()
  return await("agent.report", number_of(self, "get_performance"), "performance")
end

---What the agent is doing and what it remembers: `agent_id`, `name`, `state`, `messages`.
---@return table state
function agent:get_state()
  return await("agent.report", number_of(self, "get_state"), "state")
end

---What the agent is doing.
---@return "ready"|"running"|"error" state
function agent:get_agent_state()
  return await("agent.report", number_of(self, "get_agent_state"), "state").state
end

---Everything that is known of the agent: `id`, `name`, `description`, `state`, `metrics`, `config`, `capabilities`.
---@return table details
function agent:get_details()
  return await("agent.report", number_of(self, "get_details"), "details")
end

---Why the latest turn failed.
---@return string? message nil where it went well
function agent:get_last_error()
  local last = await("agent.last", number_of(self, "get_last_error"))
  return last and last.error
end

---Forget the agent and its conversation; it can't be used any more.
function agent:destroy()
  local number = number_of(self, "destroy")
  of_registered[number] = nil
  await("agent.destroy", number)
end

-- ── the builder ───────────────────────────────────────────────────────────────────────────────────────────────────

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
---@field allow_tool fun(self: AgentBuilder, name: string): AgentBuilder adds to `allowed_tools`
---@field max_execution_time fun(self: AgentBuilder, seconds: number): AgentBuilder the longest turn
---@field max_memory_mb fun(self: AgentBuilder, megabytes: number): AgentBuilder kept and shown by `get_config`; `[sandbox] memory_mb` limits a script
---@field max_tool_calls fun(self: AgentBuilder, calls: integer): AgentBuilder kept and shown by `get_config`
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
  "allowed_tools", "context_window", "base_url", "api_key",
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

-- ── the global ────────────────────────────────────────────────────────────────────────────────────────────────────

---Makes agents and finds them.
---@class AgentLibrary
local Agent = {}

---Make an agent. A field that doesn't exist, or has a wrong type, raises an error of type `invalid_request`.
---@param config? AgentConfig
---@return Agent agent
function Agent.create(config)
  return create(config)
end

---The same as `Agent.create`: everything that waits lets other tasks run.
---@param config? AgentConfig
---@return Agent agent
function Agent.createAsync(config)
  return create(config)
end

---Begin an agent's settings: `Agent.builder():name("x"):model("local/smollm2:135m"):build()`.
---@return AgentBuilder builder
function Agent.builder()
  return new_builder({})
end

---Make an agent that stays until it is destroyed, for `Agent.get`.
---@param config AgentConfig with a name
---@return string name
function Agent.register(config)
  local plain, functions = without_functions(config)
  local handle = await("agent.register", plain)
  of_registered[handle.id], functions_by_number[handle.id] = functions, functions
  return handle.name
end

---The newest agent of that name which is registered or still in use.
---@param name string
---@return Agent? agent nil if there is none
function Agent.get(name)
  local handle = await("agent.get", name)
  return handle and wrap(handle)
end

---Ask several models the same. Beside these fields the table takes those of `Agent.create` and of a turn.
---@param request { models: string[], prompt: string, timeout: number? } the time limit is that of each model, in seconds
---@return { model: string, ok: boolean, text: string?, data: any, error: Error?, usage: AgentUsage?, ms: number }[] answers in the order of `models`
function Agent.query_all(request)
  local plain, kept = without_functions(request) -- kept lives as long as this function runs
  local answers = await("agent.query_all", plain)
  for _, answer in ipairs(answers) do
    if answer.error then kept, answer.error = pcall(fail, answer.error) end
  end
  return answers
end

---The agents that are registered or still in use, the oldest first.
---@return { name: string, type: string, model: string }[] agents
function Agent.list()
  return await("agent.list")
end

---The names of the agents that are registered or still in use.
---@return string[] names
function Agent.list_instances()
  local names = {}
  for index, entry in ipairs(await("agent.list")) do names[index] = entry.name end
  return names
end

---What there is to know of a type of agents, `"llm"`, or of one agent by its name.
---@param name? string
---@return table info
function Agent.get_info(name)
  if name == nil or name == "llm" then return await("agent.type_info") end
  local details = await("agent.describe", name)
  if not details then
    fail {
      type = "invalid_request",
      message = format("no agent and no type of agents is called '%s'", tostring(name)),
      hint = 'the only type is "llm"; Agent.list_instances() has the names of the agents',
    }
  end
  return details
end

---Everything that is known of one agent.
---@param name string
---@return table? details nil if there is none of that name
function Agent.get_details(name)
  return await("agent.describe", name)
end

---The types of agents that there are.
---@return { type: string, name: string, description: string }[] types
function Agent.discover()
  local info = await("agent.type_info")
  return { { type = info.name, name = info.name, description = info.description } }
end

---What agents can do.
---@return string[] capabilities
function Agent.list_capabilities()
  return await("agent.type_info").capabilities
end

---The names of the agents that are said to have a capability.
---@param capability string
---@return string[] names
function Agent.discover_by_capability(capability)
  local names = {}
  for _, entry in ipairs(await("agent.list")) do
    local details = await("agent.describe", entry.name)
    for _, own in ipairs(details and details.capabilities or {}) do
      if own == capability then
        names[#names + 1] = entry.name
        break
      end
    end
  end
  return names
end

return Agent
