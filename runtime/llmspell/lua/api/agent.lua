-- Agent: a model with instructions and a conversation. What a script holds is a table with a number behind it; the
-- agent itself is on the other side of the ops.

local merged, await, bind, fail = input, await, bind, fail -- input and builder are other files
local with_numbers, asked = with_numbers, asked
local pairs, ipairs, type, setmetatable, tostring = pairs, ipairs, type, setmetatable, tostring
local pcall, format, gsub, encode = pcall, string.format, string.gsub, JSON.encode

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

local new_builder = builder(create)

---Answer a text and wait for the whole answer.
---@param input string|AgentInput
---@param options? AgentInput settings for this answer, where `input` is a text
---@return AgentResult result
function agent:execute(input, options)
  local result = await("agent.execute", number_of(self, "execute"), merged(input, options), asked())
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
  return self:execute(text, options).text
end

local Stream = { __name = "AgentStream", __metatable = false }

function Stream.__close(stream)
  if not stream.ended then
    stream.ended = true
    await("agent.stream.close", stream.id)
  end
end

local function open_stream(self, number, input)
  local id = await("agent.stream.open", number, input, asked())
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

---Take back the last turn: what was asked, and all that was answered to it.
---@return boolean undone false where there is no turn
function agent:undo()
  return await("agent.undo", number_of(self, "undo"))
end

---Make a second agent that goes on from the same conversation, by itself: `chat = chat:fork{ model = "…" }` goes on with
---another model. Tools and approval stay, if they are not among the changes.
---@param changes? AgentConfig settings in place of its own; `false` takes one away
---@return Agent copy
function agent:fork(changes)
  local number = number_of(self, "fork")
  if changes == nil then return wrap(await("agent.fork", number), functions_of[self]) end
  local plain, functions = without_functions(changes)
  for _, fn in ipairs(functions_of[self]) do functions[#functions + 1] = fn end
  return wrap(await("agent.fork", number, plain), functions)
end

---Keep the conversation and the settings under a name, in place of what had it; `Agent.load` goes on from there, in this
---program or another one.
---@param name string
function agent:save(name)
  await("agent.save", number_of(self, "save"), name)
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
---`tool_invocations`, `memory_bytes`, `cpu_percent`, `usage`, `cost`.
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

---Make an agent of what `agent:save` kept. Tools of the script and gates are not kept: they stand in `changes`.
---@param name string
---@param changes? AgentConfig settings in place of the saved ones
---@return Agent agent
function Agent.load(name, changes)
  local plain, functions = without_functions(changes == nil and {} or changes)
  return wrap(await("agent.load", name, plain), functions)
end

---What was saved, the latest first.
---@return { name: string, model: string, turns: integer, saved_at: integer }[] saved
function Agent.saved()
  return await("agent.saved")
end

---Forget what was saved under a name.
---@param name string
---@return boolean forgotten false if there was nothing of that name
function Agent.forget(name)
  return await("agent.forget", name)
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
