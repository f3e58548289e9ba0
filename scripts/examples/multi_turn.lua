#!/usr/bin/env llmspell
-- A conversation of several turns: it grows, is kept under a name, goes on later, splits in two, and is cut down
-- before it outgrows the model's context.

local agent = Agent.create {
  name = "guide",
  system_prompt = "You are a guide in a small harbour town. You answer in one sentence.",
  temperature = 0,
  max_tokens = 40,
  context = "drop_oldest", -- "error" refuses what doesn't fit, "summarize" lets a model shorten the oldest turns
}

local function ask(who, text)
  local result = who:execute(text)
  print(string.format("> %s\n  %s", text, result.text))
  for _, notice in ipairs(result.notices) do print("  [" .. notice .. "]") end
end

ask(agent, "Hello! What can I see here?")
ask(agent, "Is the lighthouse open?")

agent:save("harbour-tour")
local later = Agent.load("harbour-tour")
print(string.format("saved, and loaded with %d messages", #later:messages()))

local other = later:fork()
ask(later, "What time does it close?")
ask(other, "And where can I eat?")
print(string.format("the two go on by themselves: %d and %d messages, the first one still has %d", #later:messages(),
  #other:messages(), #agent:messages()))

agent:reset()
print("after a reset: " .. #agent:messages() .. " message, the system prompt")
Agent.forget("harbour-tour")
