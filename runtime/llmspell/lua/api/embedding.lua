-- Embedding: texts as vectors, and how near two of them are.

local await, fail = await, fail
local pairs, tostring, type = pairs, tostring, type
local format, math_type, sqrt = string.format, math.type, math.sqrt

---Texts as vectors: lists of numbers that are near each other where the texts mean nearly the same.
---@class EmbeddingLibrary
local Embedding = {}

local function refuse(message, hint)
  fail { type = "invalid_request", message = message, hint = hint }
end

local function check_texts(texts)
  if type(texts) ~= "table" then
    refuse(
      format("the first argument of Embedding.embed must be a text or a list of texts, not a %s", type(texts)),
      'write Embedding.embed("…") or Embedding.embed{ "…", "…" }'
    )
  end
  local count = 0
  for position, text in pairs(texts) do
    if math_type(position) ~= "integer" then
      refuse(format("the texts of Embedding.embed must be a list; it has the key '%s'", tostring(position)))
    elseif type(text) ~= "string" then
      refuse(format("text %d of Embedding.embed must be a string, not a %s", position, type(text)))
    end
    count = count + 1
  end
  for position = 1, count do
    if texts[position] == nil then refuse(format("text %d of Embedding.embed is missing", position)) end
  end
end

local function check_options(options)
  if options == nil then return nil end
  if type(options) ~= "table" then refuse("the second argument of Embedding.embed must be a table") end
  for name in pairs(options) do
    if name ~= "model" then
      refuse(format("Embedding.embed has no option '%s'", tostring(name)), "its only option is model")
    end
  end
  if options.model ~= nil and type(options.model) ~= "string" then
    refuse("model must be a string", 'write { model = "smollm2:135m" }')
  end
  return options.model
end

---Turn a text into its vector, or a list of texts into the list of theirs, in the same order. Without a model it takes
---`[models] embedding` of llmspell.toml, or else the default model. Vectors of two models can't be compared. Where only
---some texts of a list fail, `false` stands in the place of their vectors, and `errors` says why.
---@param text string|string[]
---@param options? { model: string? }
---@return number[]|(number[]|false)[] vectors one vector for a text, a list of them for a list
---@return table<integer, { type: string, message: string, hint: string?, retryable: boolean }>? errors by the place of the text; nil if there are none
function Embedding.embed(text, options)
  local alone = type(text) == "string"
  if not alone then check_texts(text) end
  local result = await("embedding.embed", alone and { text } or text, check_options(options))
  if alone then return result.vectors[1] end
  return result.vectors, result.errors
end

local function check_vector(vector, name)
  local length = type(vector) == "table" and #vector or 0
  if length == 0 then
    refuse(
      format("the argument %s of Embedding.similarity must be a vector, a list of numbers", name),
      "Embedding.embed gives one for a text, and a list of them for a list"
    )
  end
  for position = 1, length do
    if not math_type(vector[position]) then
      refuse(format("number %d of the argument %s of Embedding.similarity is a %s", position, name, type(vector[position])))
    end
  end
  return length
end

---How near two vectors are: the cosine of the angle between them, from -1 to 1, and 1 for the same direction.
---@param a number[]
---@param b number[]
---@return number similarity
function Embedding.similarity(a, b)
  local length, other = check_vector(a, "a"), check_vector(b, "b")
  if length ~= other then
    refuse(
      format("the vectors of Embedding.similarity have %d and %d numbers", length, other),
      "only vectors of one model can be compared"
    )
  end
  local product, square_a, square_b = 0.0, 0.0, 0.0
  for position = 1, length do
    local x, y = a[position], b[position]
    product, square_a, square_b = product + x * y, square_a + x * x, square_b + y * y
  end
  if square_a == 0 or square_b == 0 then return 0.0 end
  return product / sqrt(square_a * square_b)
end

return Embedding
