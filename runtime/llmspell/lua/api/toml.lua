-- TOML: settings that people write.

local await, fail = await, fail
local type, format = type, string.format

---Reads TOML (https://toml.io, version 1.0).
---@class TOML
local TOML = {}

---Make a table of a TOML text. Dates and times become texts.
---@param text string
---@return table value
function TOML.decode(text)
  if type(text) ~= "string" then
    fail { type = "invalid_request", message = format("TOML.decode takes a text, not a %s", type(text)) }
  end
  return await("toml.decode", text)
end

return TOML
