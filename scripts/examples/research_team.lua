#!/usr/bin/env llmspell
-- Agents as tools: a lead asks a librarian and a statistician, which are agents themselves, and answers from what they
-- say. Which of them a question is for is the model's decision.
--     llmspell run research_team.lua "How many islands does Norway have?"

local librarian = Agent.create {
  name = "librarian",
  system_prompt = "You are a librarian. You answer in one sentence.",
  temperature = 0,
  max_tokens = 40,
}

local statistician = Agent.create {
  name = "statistician",
  system_prompt = "You are a statistician. You answer with a number and its unit, in one sentence.",
  temperature = 0,
  max_tokens = 40,
}

local lead = Agent.create {
  name = "lead",
  temperature = 0,
  max_tokens = 60,
  tools = {
    librarian:as_tool {
      description = "Asks the librarian about books and their authors.",
      examples = {
        { "Who wrote Robinson Crusoe?", { prompt = "Who wrote Robinson Crusoe?" } },
        { "Which book should I read about whales?", { prompt = "Which book about whales is worth reading?" } },
        { "Is there a novel set in a lighthouse?", { prompt = "Which novel is set in a lighthouse?" } },
      },
    },
    statistician:as_tool {
      description = "Asks the statistician for numbers about countries and people.",
      examples = {
        { "How many people live in Japan?", { prompt = "How many people live in Japan?" } },
        { "What is the area of Chile?", { prompt = "What is the area of Chile?" } },
        { "How long is the coast of Canada?", { prompt = "How long is the coast of Canada?" } },
      },
    },
  },
}

local questions = #arg > 0 and { table.concat(arg, " ") } or {
  "Who wrote Moby-Dick?",
  "How many people live in Norway?",
}
for _, question in ipairs(questions) do
  print("> " .. question)
  local result = lead:execute(question)
  for _, called in ipairs(result.tool_calls) do
    print(string.format("  %s was asked %q and said: %s", called.name, called.arguments.prompt or "",
      tostring(called.result or called.error.message)))
  end
  print("  " .. result.text)
end
