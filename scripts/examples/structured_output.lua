#!/usr/bin/env llmspell
-- An answer that is data: the model can write nothing but what the JSON schema allows, and `result.data` is the
-- parsed, checked value.

local agent = Agent.create {
  name = "librarian",
  system_prompt = "You extract facts as JSON.",
  temperature = 0,
  max_tokens = 200,
  format = {
    type = "object",
    properties = {
      title = { type = "string", maxLength = 60 },
      author = { type = "string", maxLength = 40 },
      year = { type = "integer", minimum = 1400, maximum = 2100 },
      genre = { type = "string", enum = JSON.array { "novel", "poetry", "science", "history" } },
    },
    required = JSON.array { "title", "author", "year", "genre" },
    additionalProperties = false,
  },
}

local text = "Moby-Dick is a novel by Herman Melville that was published in 1851."
local result = agent:execute { text = text }

print("text:   " .. text)
print("answer: " .. result.text)
print(string.format("data:   %s by %s, %d, a work of the kind '%s'",
  result.data.title, result.data.author, result.data.year, result.data.genre))
