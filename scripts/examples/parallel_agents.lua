#!/usr/bin/env llmspell
-- Three agents answer at the same time. In this process they share one model and one batch: three answers take
-- little longer than one.

local roles = {
  { name = "sailor", prompt = "You are an old sailor. Answer in one sentence." },
  { name = "painter", prompt = "You are a painter. Answer in one sentence." },
  { name = "engineer", prompt = "You are an engineer. Answer in one sentence." },
}
local question = table.concat(arg, " ")
if question == "" then question = "What is a lighthouse good for?" end

print("question: " .. question)

local results = parallel(roles, function(role)
  local agent = Agent.create { name = role.name, system_prompt = role.prompt, temperature = 0.3, max_tokens = 60 }
  return agent:execute { text = question }
end, { max_concurrency = 3, timeout = 300, min_ok = 1 })

local tokens = 0
for i, result in ipairs(results) do
  if result.ok then
    tokens = tokens + result.value.usage.output_tokens
    print(string.format("\n%s (%d tokens, %.1f s):\n  %s", roles[i].name, result.value.usage.output_tokens,
      result.value.timings.total_ms / 1000, result.value.text))
  else
    print(string.format("\n%s failed: %s", roles[i].name, tostring(result.error)))
  end
end
print(string.format("\n%d agents wrote %d tokens.", #results, tokens))
