-- Skill: instructions that agents take up, and prompts that are filled in and run. Everything here can be called with a
-- dot or a colon.

local await, fail = await, fail
local create = Agent.create
local pairs, type, rawequal, setmetatable, format = pairs, type, rawequal, setmetatable, string.format

---@class SkillInfo
---@field name string
---@field kind "instructions"|"prompt"
---@field description string
---@field path string its file
---@field source "script"|"project"|"user"|"llmspell" whose it is

---@class SkillDetails
---@field name string
---@field kind "instructions"|"prompt"
---@field description string
---@field path string its file
---@field source "script"|"project"|"user"|"llmspell" whose it is
---@field variables { name: string, required: boolean }[] what its templates take
---@field model? string the model that it prefers
---@field tools string[] the tools that its agent gets
---@field format "text"|"markdown"|table the form of its answers, or the JSON schema that they satisfy
---@field system_prompt? string a template, or the text of instructions
---@field prompt? string a template
---@field resources string[] the files of instructions
---@field license? string
---@field compatibility? string
---@field metadata table
---@field allowed_tools string[] what the author of instructions thinks they need; nothing is granted by it

---Finds skills, fills them in and runs them.
---@class Skill
local Skill = {}

---The skills that there are, by name.
---@return SkillInfo[] skills
function Skill.list()
  return await("skill.list")
end

---All that is known of one skill.
---@param name string
---@return SkillDetails? skill nil if there is none of that name
function Skill.get(name)
  return await("skill.get", name)
end

---The texts of a skill with its variables filled in, without asking a model.
---@param name string
---@param variables? string|table a text alone is the variable `input`
---@return { system_prompt: string?, prompt: string } texts
function Skill.render(name, variables)
  return await("skill.render", name, variables)
end

---Let an agent do what a skill says. A prompt is filled in and asked; instructions become the agent's system prompt, and
---it is asked the text.
---@param name string
---@param variables? string|table a text alone is the variable `input`
---@param options? AgentConfig settings of the agent, in place of the skill's
---@return AgentResult result
function Skill.run(name, variables, options)
  if options ~= nil and type(options) ~= "table" then
    fail {
      type = "invalid_request",
      message = format("the third argument of Skill.run must be a table, not a %s", type(options)),
      hint = 'Skill.run("summarize", text, { model = "local/smollm2:135m" })',
    }
  end
  local prepared = await("skill.prepare", name, variables, options and options.model)
  local settings = prepared.settings
  for key, value in pairs(options or {}) do settings[key] = value end
  local agent = create(settings)
  local _ <close> = setmetatable({}, { __close = function() agent:destroy() end })
  return agent:execute(prepared.text)
end

-- With a colon the library itself comes first.
for name, fn in pairs(Skill) do
  Skill[name] = function(first, ...)
    if rawequal(first, Skill) then return fn(...) end
    return fn(first, ...)
  end
end

return Skill
