-- LocalLLM: the local providers and their models.

local await, bind, fail = await, bind, fail
local pairs, type, setmetatable, tostring = pairs, type, setmetatable, tostring
local format = string.format

---@class BackendStatus
---@field running boolean whether models of it can be used now; `ready` says the same
---@field ready boolean
---@field models integer how many models are there
---@field version? string
---@field error? string what is wrong and what to do
---@field loaded string[] the models in the memory of a server; empty too where nobody says

---@class LocalModel
---@field id string
---@field backend string
---@field size_bytes? integer
---@field quantization? string
---@field parameter_count? string
---@field context_length? integer in tokens
---@field architecture? string
---@field format? string
---@field modified_at? integer seconds since 1970
---@field path? string
---@field loaded? boolean
---@field source? string where the files are, or come from
---@field capabilities? string[]
---@field recommended? string why a newcomer should take this one

---@class LoadedModel
---@field id string
---@field backend string
---@field memory_bytes? integer
---@field context_length? integer in tokens
---@field engine? string what runs it
---@field pid? integer the process that holds it
---@field program? string the command line of that process, where it is another one
---@field expires_at? integer when it leaves the memory, in seconds since 1970

---@class PullStatus
---@field model_id string the name that was asked for; with `complete` the id under which the model is here
---@field status "starting"|"downloading"|"verifying"|"complete"
---@field percent_complete number
---@field bytes_downloaded integer
---@field bytes_total? integer

---The models on this machine.
---@class LocalLLM
local LocalLLM = {}

local Backends = { __name = "LocalStatus" }

-- Scripts look at backends that may not be installed at all.
function Backends.__index(_, name)
  if type(name) ~= "string" then return nil end
  return { running = false, ready = false, models = 0, loaded = {}, error = format("no local provider is called '%s'", name) }
end

---How each local provider is, by each of its names.
---@return table<string, BackendStatus> status
function LocalLLM.status()
  return setmetatable(await("local_llm.status"), Backends)
end

---The models that can be used now. A backend that isn't there or fails has none, and a line on stderr says why.
---@param backend? string one provider; all local ones, if absent or "all"
---@return LocalModel[] models
function LocalLLM.list(backend)
  return await("local_llm.list", backend)
end

-- `known` has the type of each option, `all` their names in words.
local function check_options(options, method, known, all)
  if options == nil then return {} end
  if type(options) ~= "table" then
    fail { type = "invalid_request", message = format("the second argument of LocalLLM.%s must be a table", method) }
  end
  for name, value in pairs(options) do
    if not known[name] then
      fail {
        type = "invalid_request",
        message = format("LocalLLM.%s has no option '%s'", method, tostring(name)),
        hint = all,
      }
    elseif type(value) ~= known[name] then
      fail { type = "invalid_request", message = format("%s must be a %s", name, known[name]) }
    end
  end
  return options
end

---The models that `LocalLLM.pull` can fetch by name.
---@param backend? string one provider; all local ones, if absent or "all"
---@param options? { recommended: boolean? } `recommended` leaves out what isn't for newcomers
---@return LocalModel[] models
function LocalLLM.available(backend, options)
  options = check_options(options, "available", { recommended = "boolean" }, "its only option is recommended")
  return await("local_llm.available", backend, options.recommended)
end

---All that is known of one model.
---@param spec string
---@return LocalModel model
function LocalLLM.info(spec)
  return await("local_llm.info", spec)
end

---The path of a model's file.
---@param spec string
---@return string path
function LocalLLM.path(spec)
  return await("local_llm.path", spec)
end

---The models that are in memory now, also those that other processes of llmspell hold, where they can be seen.
---@param backend? string one provider; all local ones, if absent or "all"
---@return LoadedModel[] models
function LocalLLM.ps(backend)
  return await("local_llm.ps", backend)
end

---Bring a model into memory, so that its first answer needn't wait for that.
---@param spec string
---@return boolean loaded
function LocalLLM.load(spec)
  return await("local_llm.load", spec)
end

---Give a model's memory back; its next answer loads it again. Raises an error while it answers.
---@param spec string
---@return boolean unloaded false if it was not in memory
function LocalLLM.unload(spec)
  return await("local_llm.unload", spec)
end

---Delete a model's files.
---@param spec string
---@return boolean removed
function LocalLLM.remove(spec)
  return await("local_llm.remove", spec)
end

local Pull = { __name = "Pull", __metatable = false }

function Pull.__close(pull)
  if not pull.ended then
    pull.ended = true
    await("local_llm.pull.close", pull.id)
  end
end

local of_pull = { on_progress = "function", quantization = "string" }

---Fetch a model and wait until it is there.
---@param spec string
---@param options? { on_progress: fun(status: PullStatus)?, quantization: string? }
---@return PullStatus status the last one
function LocalLLM.pull(spec, options)
  options = check_options(options, "pull", of_pull, "its options are on_progress and quantization")
  local id = await("local_llm.pull.open", spec, options.quantization)
  local pull <close> = bind({ id = id }, Pull, "local_llm.pull", id)
  local last
  while true do
    local batch = await("local_llm.pull.next", id)
    if #batch == 0 then break end
    for index = 1, #batch do
      last = batch[index]
      if options.on_progress then options.on_progress(last) end
    end
  end
  pull.ended = true
  return last
end

return LocalLLM
