-- Provider: which providers there are and what they can do.

local await = await
local setmetatable, tostring = setmetatable, tostring

---@class ProviderCapabilities
---@field supports_streaming boolean
---@field supports_multimodal boolean whether one of its models is known to see pictures
---@field max_context_tokens? integer the longest context among its models
---@field available_models string[] its models, where they can be listed without a key

---@class ProviderInfo
---@field name string the name under which it is configured
---@field type string the provider that it is an instance of
---@field kind "local"|"cloud"
---@field enabled boolean whether it can be used now
---@field error? string what is wrong and what to do
---@field version? string
---@field aliases string[]
---@field capabilities ProviderCapabilities

---The providers of models.
---@class ProviderLibrary
local Provider = {}

-- Scripts also put an entry straight into a text.
local Entry = { __name = "Provider" }

function Entry.__tostring(entry)
  return tostring(entry.name)
end

function Entry.__concat(a, b)
  return tostring(a) .. tostring(b)
end

---All providers, sorted by name. Each is asked how it is, for at most two seconds.
---@return ProviderInfo[] providers
function Provider.list()
  local list = await("provider.list")
  for index = 1, #list do setmetatable(list[index], Entry) end
  return list
end

---One provider by its name or an alias; a model's name stands for its provider.
---@param name string
---@return ProviderInfo? provider nil if there is none
function Provider.get(name)
  local entry = await("provider.get", name)
  return entry and setmetatable(entry, Entry)
end

---What a provider can do.
---@param name string
---@return ProviderCapabilities? capabilities nil if there is no such provider
function Provider.getCapabilities(name)
  local entry = await("provider.get", name)
  return entry and entry.capabilities
end

---Whether a provider can be used now.
---@param name string
---@return boolean available
function Provider.isAvailable(name)
  return await("provider.available", name)
end

return Provider
