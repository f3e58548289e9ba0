-- Rankings: labels that hide who wrote what, ballots read from data or from text, and what they say together.

local ranking = {}

-- A, B … Z, AA, AB …
function ranking.label(number)
  local text = ""
  while number > 0 do
    text = string.char(65 + (number - 1) % 26) .. text
    number = (number - 1) // 26
  end
  return text
end

-- A copy of a list in an order that depends on the seed alone.
function ranking.shuffled(list, seed)
  local mixed = table.move(list, 1, #list, 1, {})
  math.randomseed(seed)
  for i = #mixed, 2, -1 do
    local j = math.random(i)
    mixed[i], mixed[j] = mixed[j], mixed[i]
  end
  return mixed
end

-- The known labels of a list, each once, in its order; nil if there is none.
local function known(labels, given)
  local allowed, found = {}, {}
  for _, label in ipairs(labels) do allowed[label] = true end
  for _, label in ipairs(given) do
    if allowed[label] then
      allowed[label] = false
      found[#found + 1] = label
    end
  end
  return #found > 0 and found or nil
end

-- The ranking in an answer that is data.
function ranking.from_data(data, labels)
  return type(data) == "table" and type(data.ranking) == "table" and known(labels, data.ranking) or nil
end

-- The ranking in an answer that is text: what follows "FINAL RANKING", or else the labels in the order they come.
function ranking.from_text(text, labels)
  local from = text:upper():find("FINAL RANKING", 1, true)
  local tail = from and text:sub(from + #"FINAL RANKING") or text
  local found = {}
  for label in tail:gmatch("[Rr]esponse%s+(%u+)") do found[#found + 1] = label end
  if #found == 0 and from then
    for label in tail:gmatch("%f[%w](%u+)%f[%W]") do found[#found + 1] = label end
  end
  return known(labels, found)
end

-- What the ballots say together: for each author `score` (1: every judge put it first, 0: last; the mean of all judges
-- who read it), `place` (mean) and `votes`; the best first. A judge who left some out puts them last together.
function ranking.aggregate(authors, ballots)
  local rows, row_of = {}, {}
  for index, author in ipairs(authors) do
    rows[index] = { author = author, seat = index, score = 0, place = 0, votes = 0 }
    row_of[author] = rows[index]
  end
  for _, ballot in ipairs(ballots) do
    local count, place_of = #ballot.read, {}
    for place, author in ipairs(ballot.ranking) do place_of[author] = place end
    local last = (#ballot.ranking + 1 + count) / 2
    for _, author in ipairs(ballot.read) do
      local row, place = row_of[author], place_of[author] or last
      row.votes, row.place = row.votes + 1, row.place + place
      row.score = row.score + (count > 1 and (count - place) / (count - 1) or 0.5)
    end
  end
  for _, row in ipairs(rows) do
    if row.votes > 0 then row.score, row.place = row.score / row.votes, row.place / row.votes end
  end
  table.sort(rows, function(a, b)
    if a.score ~= b.score then return a.score > b.score end
    return a.seat < b.seat
  end)
  return rows
end

-- Whether two aggregates have the same authors in the same order.
function ranking.settled(before, after)
  for index, row in ipairs(after) do
    if not before[index] or before[index].author ~= row.author then return false end
  end
  return true
end

return ranking
