#!/usr/bin/env llmspell
-- Skills: prompts that are filled in and run, and instructions that an agent takes up when a question calls for them.
-- Those of this program lie beside it, in `.agents/skills`; five prompts come with llmspell.

print("The skills that there are:")
for _, skill in ipairs(Skill.list()) do
  print(string.format("  %-15s %-12s %s", skill.name, skill.kind, skill.description))
end

-- A prompt: what the model would be told, and what it says to it.
local text = "The lighthouse was built in 1859. It is 33 metres high, and its light is seen 40 kilometres away. "
  .. "Since 1984 nobody lives there; a computer on the mainland switches the lamp."
local variables = { input = text, length = "one sentence" }
print("\nThe prompt of 'summarize':\n\n" .. Skill.render("summarize", variables).prompt)
local result = Skill.run("summarize", variables, { temperature = 0, max_tokens = 60 })
print("\nThe answer:\n\n" .. result.text)

-- Instructions: the agent knows names and descriptions, and reads the rest when it needs it. `skills = true` would
-- offer all that there are.
local agent = Agent.create { skills = { "tea", "knots" }, temperature = 0, max_tokens = 60 }
for _, question in ipairs { "How do I brew green tea?", "What is the capital of France?" } do
  agent:reset() -- the one question has nothing to do with the other
  local answer = agent:execute(question)
  local taken = {}
  for _, made in ipairs(answer.tool_calls) do taken[#taken + 1] = made.arguments.name end
  print(string.format("\n> %s\n[skill: %s]\n%s", question, table.concat(taken, ", "), answer.text))
end
