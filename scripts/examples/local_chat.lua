#!/usr/bin/env llmspell
-- Talk with a model on this machine. On a terminal it is a conversation; otherwise it answers one question, given as
-- arguments or on standard input:
--     llmspell run local_chat.lua
--     llmspell run local_chat.lua "Name three uses of a lighthouse."
--     echo "What is a tide?" | llmspell run local_chat.lua

local agent = Agent.create {
  name = "local-chat",
  system_prompt = "You are a helpful assistant. Answer in a few short sentences.",
  temperature = 0.2,
  max_tokens = 160,
}

local function answer(question)
  for text in agent:stream { text = question } do io.write(text) end
  local result = agent:last()
  print()
  io.stderr:write(string.format("[%s: %d tokens, first after %.0f ms, %.1f tokens/s]\n",
    result.model, result.usage.output_tokens, result.timings.first_token_ms, result.timings.tokens_per_second or 0))
end

if #arg > 0 then
  answer(table.concat(arg, " "))
elseif not io.stdin:isatty() then
  local question = io.read("a")
  answer(question:find("%S") and question or "Name three uses of a lighthouse.")
else
  print("Ask something; an empty line ends the conversation.")
  while true do
    io.write("> ")
    local question = io.read("l")
    if not question or question == "" then break end
    answer(question)
  end
end
