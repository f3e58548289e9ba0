-- The chat of a console: an agent in the variable `chat`, which is a script's like any other. What a line of the chat
-- does, a script could do too; only the events of the answer are told as they come.

local K = ...
local type, setmetatable, pcall, rawget, load = type, setmetatable, pcall, rawget, load
local format, match, sub = string.format, string.match, string.sub
local metatable_of, call, raise, env = K.metatable_of, K.call, K.raise, K.env
local encode, parse = env.JSON.stringify, env.JSON.parse
local LONGEST = 120 -- bytes of a call's arguments and of its result that are shown

local function is_agent(value)
  local meta = type(value) == "table" and metatable_of(value)
  return meta and rawget(meta, "__name") == "Agent" and type(rawget(value, "id")) == "string"
end

-- The variable as it is, without running code of a user.
local function variable(name)
  local _, locals = K.scope_locals()
  local value = locals[name]
  if value == nil then value = rawget(env, name) end
  return value
end

local function tell(kind, text)
  call("console.event", kind, text or "")
end

-- ── whom the user talks to ────────────────────────────────────────────────────────────────────────────────────────

-- The agent in `chat`; where there is none it is made from `fields`.
local function the_chat(fields)
  local agent = K.scope.chat
  if agent == nil then
    fields = fields or {}
    fields.name = fields.name or "chat"
    agent = env.Agent.create(fields)
    K.scope.chat = agent
    return agent, true
  end
  if not is_agent(agent) then
    raise {
      type = "invalid_request",
      message = format("the variable 'chat' holds a %s, and no agent to talk to", type(agent)),
      hint = "chat = nil lets the chat make its own, and chat = Agent.create{…} takes yours",
      where = false,
    }
  end
  return agent
end

-- A setting that is false where that means nothing takes the setting away, and there is nothing to take away at first.
local function given(fields)
  local taken = {}
  for name, value in K.pairs(fields) do
    if value ~= false then taken[name] = value end
  end
  return taken
end

-- Have the chat, and change it to these fields of an agent, as JSON; the conversation goes on.
function K.jobs.chat_change(text)
  local fields = parse(text)
  local agent, made = the_chat(given(fields))
  if not made and K.next(fields) ~= nil then K.scope.chat = agent:fork(fields) end
end

-- Go on with a saved conversation.
function K.jobs.chat_load(name)
  K.scope.chat = env.Agent.load(name)
end

-- Keep the conversation so far under a name, which has to be free.
function K.jobs.chat_fork(name)
  local agent = the_chat()
  if not match(name, "^[%a_][%w_]*$") or not load("local " .. name) then
    raise { type = "invalid_request", message = format("'%s' can't be the name of a variable", name), where = false }
  end
  if K.scope[name] ~= nil then
    raise {
      type = "invalid_request",
      message = format("the variable '%s' has a value already", name),
      hint = "take another name",
      where = false,
    }
  end
  K.scope[name] = agent:fork()
end

-- The agent's number; nothing where there is none.
function K.queries.chat_agent()
  local agent = variable("chat")
  return is_agent(agent) and match(rawget(agent, "id"), "%d+$") or nil
end

-- Whether a variable has a value, as JSON.
function K.queries.chat_taken(name)
  return encode(variable(name) ~= nil)
end

-- ── an answer ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- A value as JSON, or a text as it is: at most LONGEST bytes and no half character.
local function short(value)
  local ok, text = true, value
  if type(value) ~= "string" then ok, text = pcall(encode, value) end
  if not ok then text = K.tostring(value) end
  if #text <= LONGEST then return text end
  local stop = LONGEST
  while match(text, "^[\128-\191]", stop + 1) do stop = stop - 1 end
  return sub(text, 1, stop) .. "…"
end

local lacks = {
  length = "the answer was cut where max_tokens, or the context, ends",
  content_filter = "the provider's filter stopped the answer; it isn't remembered",
}

-- What is told of each kind of event but the text.
local function teller()
  local started -- the id of the call that was told last

  local function tell_call(event)
    local given = event.arguments
    tell("note", format("⚙ %s(%s)", event.name, given and K.next(given) ~= nil and short(given) or ""))
    started = event.id
  end

  return {
    reasoning = function(event) tell("reasoning", event.text) end,
    tool_call = function() tell("pause") end,
    tool_started = tell_call,
    tool_finished = function(event)
      local failed, name = event.status ~= "done", ""
      if event.status == "denied" or event.status == "skipped" then
        tell_call(event)
      elseif started ~= event.id then
        name = event.name .. " "
      end
      tell("note", format("  %s→ %s", name, failed and event.error and event.error.message or short(event.result)))
    end,
    notice = function(event) tell("notice", event.text) end,
    retry = function(event) tell("note", "asked again: " .. event.text) end,
    finish = function(event)
      if lacks[event.finish_reason] then tell("note", lacks[event.finish_reason]) end
    end,
  }
end

-- Answer a text. Afterwards `_` is the result, also of an answer that was broken off or failed.
function K.jobs.chat(text)
  local agent = the_chat()
  local _ <close> = setmetatable({}, { __close = function()
    tell("end")
    local ok, last = pcall(agent.last, agent)
    if ok and last then K.remember_results { n = 1, last } end
  end })
  local told = teller()
  for piece, event in agent:stream { text = text } do
    if event.type == "text" then
      tell("text", piece)
    elseif told[event.type] then
      told[event.type](event)
    end
  end
end
