#!/usr/bin/env llmspell
-- The same prompt for the same model on both local backends: in this process (gguf) and by an Ollama server. A backend
-- that isn't there, or doesn't have the model, is a row that says so.
--     llmspell run backend_comparison.lua
--     llmspell run -m llama3.2:3b backend_comparison.lua "Why is the sea salty?"

local backends = { "ollama", "gguf" }
local prompt = #arg > 0 and table.concat(arg, " ") or "Write a story about a lighthouse."
local model = Agent.create {}.model:gsub("^%w+/", ""):gsub("@%w+$", "") -- of -m, or the default; without a backend

local function measured(backend)
  local name = model .. "@" .. backend
  local info = LocalLLM.info(name)
  local agent = Agent.create { model = name, temperature = 0, max_tokens = 64 }
  agent:execute("Hello!", { max_tokens = 1 }) -- loads the model
  local loaded = agent:last().timings.first_token_ms
  agent:reset()
  local result = agent:execute(prompt)
  return {
    quantization = info.quantization or "?",
    loaded = loaded,
    first = result.timings.first_token_ms,
    pace = result.timings.tokens_per_second,
    tokens = result.usage.output_tokens,
  }
end

-- One after the other: at the same time, each would slow the other one down.
print(string.format("%s, %q\n", model, prompt))
print(string.format("%-8s %-12s %18s %12s %14s %8s", "backend", "quantization", "first, with load", "first token",
  "pace", "tokens"))
local status = LocalLLM.status()
local answers = 0
for _, backend in ipairs(backends) do
  local ok, row = false, { message = status[backend].error }
  if status[backend].running then ok, row = pcall(measured, backend) end
  if ok then
    answers = answers + 1
    print(string.format("%-8s %-12s %15.0f ms %9.0f ms %5.1f tokens/s %8d", backend, row.quantization, row.loaded,
      row.first, row.pace, row.tokens))
  else
    print(string.format("%-8s %s", backend, row.message .. (row.hint and "; " .. row.hint or "")))
  end
end
if answers == 0 then os.exit(1) end
