-- The seats of a council: agents made from the settings, what each has spent, and who is left out and why.

local seats = {}

local function seat_of(entry, settings)
  local given = type(entry) == "table" and entry or { model = entry }
  return {
    name = given.name, model = given.model, calls = 0, ms = 0, input_tokens = 0, output_tokens = 0,
    agent = Agent.create {
      model = given.model, system_prompt = given.persona, temperature = given.temperature,
      timeout = settings.timeout, max_tokens = settings.max_tokens,
      memory_enabled = false, -- each request says all that it is about
    },
  }
end

-- A name for each: its own, or its model's last part; the second of one name is "name 2".
local function name_all(list)
  local taken = {}
  for _, seat in ipairs(list) do
    local base = seat.name or seat.model:match("[^/]+$")
    taken[base] = (taken[base] or 0) + 1
    seat.name = taken[base] == 1 and base or base .. " " .. taken[base]
  end
  return list
end

local function all(entries, settings)
  local list = {}
  for index, entry in ipairs(entries) do list[index] = seat_of(entry, settings) end
  return name_all(list)
end

-- The member that a judge is: by its name, else by its model, each member once.
local function member_of(judge, members, taken)
  for _, member in ipairs(members) do
    if not taken[member] and (member.name == judge.name or member.model == judge.model) then
      taken[member] = true
      return member
    end
  end
  return judge
end

-- The council that council.toml describes: `members`, `judges`, `chairman`.
function seats.from(settings)
  local own = settings[settings.backend]
  assert(type(own) == "table", "the council has no table [" .. tostring(settings.backend) .. "]")
  assert(type(own.members) == "table" and #own.members > 0, "[" .. settings.backend .. "] has no members")
  local council = { members = all(own.members, settings), judges = {} }
  if own.judges then
    local taken = {}
    for index, judge in ipairs(all(own.judges, settings)) do
      council.judges[index] = member_of(judge, council.members, taken)
    end
  else
    council.judges = council.members
  end
  council.chairman = seat_of(own.chairman or own.members[1], settings)
  council.chairman.name = "chairman"
  return council
end

-- Ask one seat, and keep count.
function seats.ask(seat, input)
  local ok, result = pcall(seat.agent.execute, seat.agent, input)
  local last = ok and result or seat.agent:last()
  seat.calls = seat.calls + 1
  if last then
    seat.ms = seat.ms + last.timings.total_ms
    seat.input_tokens = seat.input_tokens + last.usage.input_tokens
    seat.output_tokens = seat.output_tokens + last.usage.output_tokens
  end
  if not ok then error(result, 0) end
  return result
end

return seats
