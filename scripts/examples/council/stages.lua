-- The stages of a council. Each takes what the one before it gave, and names who failed in `left_out`.

local ranking = require "ranking"
local seats = require "seats"

local stages = {}

local QUOTED = 12000 -- characters that all answers in one prompt may have together: small models have small contexts

local function say(council, seat, stage, problem)
  local reason = type(problem) == "table" and problem.message or tostring(problem)
  council.left_out[#council.left_out + 1] = { name = seat.name, stage = stage, reason = reason }
  io.stderr:write(string.format("%s is left out of the %s: %s\n", seat.name, stage, reason))
end

local function quoted(answers)
  local most, parts = math.max(200, QUOTED // #answers), {}
  for index, answer in ipairs(answers) do
    local text = answer.text
    if #text > most then text = text:sub(1, utf8.offset(text, 0, most) - 1) .. " […]" end
    parts[index] = string.format("Response %s:\n%s", answer.label, text)
  end
  return table.concat(parts, "\n\n")
end

-- The answers of others, in an order of this seat's own and under labels instead of names.
local function anonymous(answers, seat, seed)
  local others = {}
  for _, answer in ipairs(answers) do
    if answer.author ~= seat.name then others[#others + 1] = answer end
  end
  local shown = {}
  for index, answer in ipairs(ranking.shuffled(others, seed)) do
    shown[index] = { label = ranking.label(index), author = answer.author, text = answer.text }
  end
  return shown
end

-- Stage 1: every member answers by itself.
function stages.answers(council, question)
  local given = parallel(council.members, function(seat) return seats.ask(seat, question) end)
  local answers = {}
  for index, outcome in ipairs(given) do
    local seat = council.members[index]
    if outcome.ok then
      answers[#answers + 1] = { author = seat.name, text = outcome.value.text }
    else
      say(council, seat, "answers", outcome.error)
    end
  end
  return answers
end

local function ballot(question, seat, answers, seed)
  local shown = anonymous(answers, seat, seed)
  local labels, author_of, read = {}, {}, {}
  for index, answer in ipairs(shown) do
    labels[index], author_of[answer.label], read[index] = answer.label, answer.author, answer.author
  end
  local task = string.format("Question: %s\n\n%s\n\nRank these responses by how right and how helpful they are.",
    question, quoted(shown))
  local order
  local ok, result = pcall(seats.ask, seat, {
    text = task, temperature = 0, max_tokens = 64 + 8 * #labels, format = {
      type = "object", additionalProperties = false, required = JSON.array { "ranking" },
      properties = {
        ranking = {
          type = "array", minItems = #labels, maxItems = #labels, description = "the best first",
          items = { type = "string", enum = JSON.array(labels) },
        },
      },
    },
  })
  if ok then
    order = ranking.from_data(result.data, labels)
  elseif result.type == "invalid_answer" or result.type == "unsupported_option" then
    result = seats.ask(seat, task .. '\nEnd with the line "FINAL RANKING:" and a numbered list, the best first, each '
      .. 'line like "1. Response A".')
    order = ranking.from_text(result.text, labels)
  else
    error(result, 0)
  end
  if not order then error("no ranking in its answer", 0) end
  local ranked = {}
  for place, label in ipairs(order) do ranked[place] = author_of[label] end
  return { judge = seat.name, read = read, ranking = ranked, labels = author_of }
end

-- Stage 2: every judge ranks the answers of the others.
function stages.ballots(council, question, answers, seed)
  local able = {}
  for _, judge in ipairs(council.judges) do
    for _, answer in ipairs(answers) do
      if answer.author ~= judge.name then
        able[#able + 1] = judge
        break
      end
    end
  end
  local given = parallel(able, function(judge, index) return ballot(question, judge, answers, seed + index) end)
  local ballots = JSON.array {}
  for index, outcome in ipairs(given) do
    if outcome.ok then
      ballots[#ballots + 1] = outcome.value
    else
      say(council, able[index], "judging", outcome.error)
    end
  end
  return ballots
end

-- Stage 2.5, one round: everybody reads the others and may answer anew.
function stages.debate(council, question, answers, seed)
  local own = {}
  for _, answer in ipairs(answers) do own[answer.author] = answer.text end
  local members = {}
  for _, seat in ipairs(council.members) do
    if own[seat.name] then members[#members + 1] = seat end
  end
  local given = parallel(members, function(seat, index)
    return seats.ask(seat, string.format(
      "Question: %s\n\nYour answer was:\n%s\n\nOthers answered:\n\n%s\n\nAnswer the question again. Keep what is right, "
      .. "take over what is better.", question, own[seat.name], quoted(anonymous(answers, seat, seed + index))))
  end)
  local revised = {}
  for index, outcome in ipairs(given) do
    local seat = members[index]
    if not outcome.ok then say(council, seat, "debate", outcome.error) end
    revised[index] = { author = seat.name, text = outcome.ok and outcome.value.text or own[seat.name] }
  end
  return revised
end

-- Stage 3: the chairman writes the answer of the council; the best single one stands in where the chairman fails.
function stages.synthesis(council, question, answers, table_of_ranks)
  local by_author, ordered = {}, {}
  for _, answer in ipairs(answers) do by_author[answer.author] = answer.text end
  for index, row in ipairs(table_of_ranks) do
    ordered[index] = { label = ranking.label(index), text = by_author[row.author] }
  end
  local ok, result = pcall(seats.ask, council.chairman, string.format(
    "Question: %s\n\nA council answered, the best answer first:\n\n%s\n\nWrite the council's answer: one text that keeps "
    .. "what is right in these responses.", question, quoted(ordered)))
  if ok then return result.text, council.chairman.name end
  say(council, council.chairman, "synthesis", result)
  return ordered[1].text, table_of_ranks[1].author
end

return stages
