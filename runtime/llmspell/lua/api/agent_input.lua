-- The input of a turn as it leaves Lua: a part of agent.lua.

local call, fail = call, fail
local pairs, type, tostring, format = pairs, type, tostring, string.format

-- The files of pictures with what is in them, read as far as the sandbox lets the script.
local function read_images(files)
  if type(files) == "string" then files = { files } end
  if type(files) ~= "table" then
    fail { type = "invalid_request", message = "images must be a list of files, not a " .. type(files) }
  end
  local images = {}
  for position, file in pairs(files) do
    if type(position) ~= "number" or type(file) ~= "string" then
      fail {
        type = "invalid_request",
        message = format("images must be a list of files; at %s it has a %s", tostring(position), type(file)),
        hint = 'write images = { "photo.png" }',
      }
    end
    local found, data = call("file.load", file)
    if not found then fail { type = "invalid_request", message = "images: " .. data } end
    images[#images + 1] = { path = file, data = data }
  end
  return images
end

-- The input of a turn with the options of a second argument, and its images read.
local function merged(input, options)
  local images = type(input) == "table" and input.images or type(options) == "table" and options.images
  if type(options) ~= "table" and not images then return input end
  local all = {}
  if type(options) == "table" then
    for key, value in pairs(options) do all[key] = value end
  end
  if type(input) == "table" then
    for key, value in pairs(input) do all[key] = value end
  else
    all.text = input
  end
  all.images = images and read_images(images) or nil
  return all
end

return merged
