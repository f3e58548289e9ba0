#!/usr/bin/env llmspell
-- A council of models: each answers, all judge each other without knowing who wrote what, they debate, and a chairman
-- writes the answer. Who sits in it stands in council.toml; changing its line `backend` moves it to the cloud and back.
--     llmspell run council/council.lua
--     llmspell run council/council.lua -- --council my.toml "Is a hot dog a sandwich?"

local ranking = require "ranking"
local report = require "report"
local seats = require "seats"
local stages = require "stages"

local words, file = {}, (arg[0]:match("^(.*)/[^/]*$") or ".") .. "/council.toml"
local index = 1
while arg[index] do
  if arg[index] == "--council" then
    index = index + 1
    file = assert(arg[index], "--council needs a file")
  else
    words[#words + 1] = arg[index]
  end
  index = index + 1
end

local settings = TOML.decode(assert(io.open(file)):read("a"))
local question = #words > 0 and table.concat(words, " ") or settings.question
local seed = settings.seed or 1
local council = seats.from(settings)
council.left_out = {}

print("question: " .. question)
local answers = stages.answers(council, question)
if #answers == 0 then error("no member of the council has answered", 0) end

local rounds = {}
local ranks
repeat
  if #rounds > 0 then answers = stages.debate(council, question, answers, seed + 1000 * #rounds) end
  local ballots = stages.ballots(council, question, answers, seed + 1000 * #rounds)
  local authors = {}
  for place, answer in ipairs(answers) do authors[place] = answer.author end
  local before = ranks
  ranks = ranking.aggregate(authors, ballots)
  rounds[#rounds + 1] = { answers = answers, ballots = ballots, ranks = ranks }
until #answers < 2 or #rounds > (settings.rounds or 0) or before and ranking.settled(before, ranks)

local text, author = stages.synthesis(council, question, answers, ranks)
report.print(council, ranks, #rounds - 1)
print("\n" .. text)
if settings.output and settings.output ~= "" then
  report.write(settings.output, {
    question = question, backend = settings.backend, rounds = rounds, left_out = JSON.array(council.left_out),
    answer = { text = text, author = author }, seats = report.seats(council),
  })
end
