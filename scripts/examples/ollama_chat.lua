#!/usr/bin/env llmspell
-- Talk with a model that an Ollama server runs. What a model thinks before it answers is dimmed. On a terminal it is a
-- conversation; otherwise it answers one question, given as arguments or on standard input:
--     llmspell run ollama_chat.lua                                      the newest model of Ollama
--     llmspell run -m ollama/qwen3:4b ollama_chat.lua "What is a tide?"
--     echo "What is a tide?" | llmspell run ollama_chat.lua

local function give_up(message, hint)
  io.stderr:write(message, "\n", hint and hint .. "\n" or "")
  os.exit(1)
end

-- 1. Is Ollama there?

local ollama = LocalLLM.status().ollama
if not ollama.running then give_up(ollama.error) end

-- 2. Which model? The one of -m, if it is Ollama's, or else the newest that it has.

local function newest()
  for _, model in ipairs(LocalLLM.list("ollama")) do
    local name = "ollama/" .. model.id
    local can = LocalLLM.info(name).capabilities -- nil: a server that doesn't say what its models can do
    if not can or table.concat(can, " "):find("chat") then return name end
  end
  give_up("Ollama has no model to chat with", "fetch one: llmspell model pull ollama/smollm2:135m")
end

local chosen = Agent.create {}.model
local agent = Agent.create {
  name = "ollama-chat",
  model = (chosen:find("^ollama/") or chosen:find("@ollama$")) and chosen or newest(),
  system_prompt = "You are a helpful assistant. Answer in a few short sentences.",
}
local found, info = pcall(LocalLLM.info, agent.model)
if not found then give_up(info.message, info.hint) end

-- 3. Talk.

local on_terminal = io.stdout:isatty()

local function answer(question)
  local thinking = false
  for text, event in agent:stream(question) do
    if event.type == "reasoning" and on_terminal then
      thinking = true
      io.write("\27[2m", event.text, "\27[0m")
    elseif text ~= "" then
      if thinking then io.write("\n\n") end
      thinking = false
      io.write(text)
    end
  end
  local result = agent:last()
  print()
  io.stderr:write(string.format("[%s: %d tokens, first after %.0f ms, %.1f tokens/s]\n",
    result.model, result.usage.output_tokens, result.timings.first_token_ms, result.timings.tokens_per_second))
end

if #arg > 0 then
  answer(table.concat(arg, " "))
elseif not io.stdin:isatty() then
  local question = io.read("a")
  answer(question:find("%S") and question or "Name three uses of a lighthouse.")
else
  print(string.format("Ollama %s, %s. Ask something; an empty line ends the conversation.", ollama.version or "", info.id))
  while true do
    io.write("> ")
    local question = io.read("l")
    if not question or question == "" then break end
    local answered, problem = pcall(answer, question)
    if not answered then io.stderr:write("\n", problem.message, "\n", problem.hint and problem.hint .. "\n" or "") end
  end
end
