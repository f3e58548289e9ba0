-- Config: the settings in force, without secrets. They can't be changed from a script.

local await, pairs, type = await, pairs, type

---The settings in force.
---@class ConfigLibrary
local Config = {}

---A value by its dotted key, or everything: `Config.get("models.default")`. Secrets read as "***".
---@param key? string
---@param default? any what to give for a key that has no value
---@return any value
function Config.get(key, default)
  local value = await("config.get", key)
  if value == nil then return default end
  return value
end

---One table of llmspell.toml.
---@param name string
---@return table? section nil if there is none
function Config.getSection(name)
  local value = await("config.get", name)
  return type(value) == "table" and value or nil
end

---The language that scripts are written in.
---@return string engine
function Config.getDefaultEngine()
  return "lua"
end

---A provider's table of llmspell.toml, without its key.
---@param name string
---@return table? provider nil if it isn't configured
function Config.getProvider(name)
  local providers = await("config.get", "providers")
  return providers and providers[name]
end

---The names of the configured providers, sorted.
---@return string[] names
function Config.listProviders()
  local names = {}
  for name in pairs(await("config.get", "providers") or {}) do names[#names + 1] = name end
  return names
end

---What scripts may do: `[sandbox]`.
---@return table security
function Config.getSecurity()
  return await("config.get", "sandbox")
end

---The settings of tools: `[tools]`.
---@return table tools
function Config.getTools()
  return await("config.get", "tools") or {}
end

---Whether scripts may read files; they may, below the folders of `[sandbox]`.
---@return boolean allowed
function Config.isFileAccessAllowed()
  return true
end

---Whether tools may reach any host: `hosts` and `private_hosts` of `[sandbox]`. Scripts themselves open no connections.
---@return boolean allowed
function Config.isNetworkAccessAllowed()
  local sandbox = await("config.get", "sandbox")
  return #sandbox.hosts + #sandbox.private_hosts > 0
end

return Config
