-- What a session came to: a table for people, JSON for programs.

local report = {}

local function by_name(council)
  local seat_of = {}
  for _, seat in ipairs(council.judges) do seat_of[seat.name] = seat end
  for _, seat in ipairs(council.members) do seat_of[seat.name] = seat end
  return seat_of
end

local function row(place, seat, ranks)
  return string.format("%-6s %-20s %-30s %6s %6s %6d %8.1f s %9s", place, seat.name, seat.model,
    ranks and string.format("%.2f", ranks.score) or "", ranks and ranks.votes or "", seat.calls, seat.ms / 1000,
    seat.input_tokens .. "/" .. seat.output_tokens)
end

-- The ranking, what each seat took in time and tokens (read/written), and the whole.
function report.print(council, ranks, debates)
  local seat_of, listed = by_name(council), {}
  print(string.format("\n%-6s %-20s %-30s %6s %6s %6s %10s %9s", "place", "seat", "model", "score", "votes", "calls",
    "time", "tokens"))
  for place, ranked in ipairs(ranks) do
    listed[ranked.author] = true
    print(row(place, seat_of[ranked.author], ranked))
  end
  for _, list in ipairs { council.members, council.judges, { council.chairman } } do
    for _, seat in ipairs(list) do
      if not listed[seat.name] then
        listed[seat.name] = true
        print(row("-", seat))
      end
    end
  end
  print(string.format("rounds of debate: %d; left out: %d", debates, #council.left_out))
end

-- Name, model and what was spent, of every seat.
function report.seats(council)
  local found, listed = {}, {}
  for _, list in ipairs { council.members, council.judges, { council.chairman } } do
    for _, seat in ipairs(list) do
      if not listed[seat.name] then
        listed[seat.name] = true
        found[#found + 1] = {
          name = seat.name, model = seat.model, calls = seat.calls, ms = seat.ms,
          input_tokens = seat.input_tokens, output_tokens = seat.output_tokens,
        }
      end
    end
  end
  return found
end

function report.write(path, session)
  local file = assert(io.open(path, "w"))
  file:write(JSON.encode(session), "\n")
  file:close()
  print("\nwritten to " .. path)
end

return report
