#!/usr/bin/env llmspell
-- A GGUF model in this process: what is known of it, an answer as it is written, and how fast it runs here.
--     llmspell run gguf_inference.lua
--     llmspell run -m llama3.2:1b gguf_inference.lua "Why is the sea salty?"
--     llmspell run -m ./models/some.gguf gguf_inference.lua
-- `llmspell bench` measures the same and more.

local function new_agent()
  return Agent.create { temperature = 0, max_tokens = 64 } -- of the default model, or that of -m
end

-- 1. The model.

local agent = new_agent()
local found, info = pcall(LocalLLM.info, agent.model)
if not found then
  io.stderr:write(info.message, "\n", info.hint and info.hint .. "\n" or "")
  os.exit(1)
end
print(string.format("%s: %s parameters, %s, %.0f MB, context %s", info.id, info.parameter_count or "?",
  info.quantization or "?", (info.size_bytes or 0) / 1e6, info.context_length or "?"))

-- 2. An answer. The first one also loads the model, which then stays in memory.

local question = #arg > 0 and table.concat(arg, " ") or "What is a lighthouse good for?"
print("\n> " .. question)
for text in agent:stream(question) do io.write(text) end
local first_answer = agent:last()

-- 3. How fast it is.

-- Several agents share the model and compute in one batch. Returns tokens per second of all together.
local function at_once(count)
  local numbers = {}
  for n = 1, count do numbers[n] = n end
  local results = parallel(numbers, function(n)
    return new_agent():execute(string.format("Story %d of %d: the lighthouse.", n, count))
  end, { min_ok = count })
  local tokens, longest_ms = 0, 0
  for _, result in ipairs(results) do
    tokens = tokens + result.value.usage.output_tokens
    longest_ms = math.max(longest_ms, result.value.timings.total_ms)
  end
  return tokens / longest_ms * 1000
end

local alone = new_agent():execute("Write a story about a river.")
local second_turn = agent:execute("Say it in other words.") -- the model still knows the conversation up to here
local usage = second_turn.usage

local function row(name, pattern, ...) print(string.format("%-28s " .. pattern, name, ...)) end

print("\n")
row("first token, with loading", "%8.0f ms", first_answer.timings.first_token_ms)
row("first token", "%8.0f ms", alone.timings.first_token_ms)
row("one answer", "%8.1f tokens/s", alone.timings.tokens_per_second)
row("second turn, first token", "%8.0f ms", second_turn.timings.first_token_ms)
row("  of its prompt cached", "%8d of %d tokens", usage.cached_tokens, usage.input_tokens)
row("1 agent", "%8.1f tokens/s", at_once(1))
row("4 agents at once", "%8.1f tokens/s", at_once(4))
