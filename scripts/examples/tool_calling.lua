#!/usr/bin/env llmspell
-- Tools: a model asks for them, the script carries them out. One comes with llmspell, two are functions of this file.
-- The examples of a tool say which requests belong to it: models that can't call tools by themselves choose by them.

local stock = { apples = 12, pears = 7, plums = 140 }

local count = Tool.register {
  name = "stock-count",
  description = "Says how many of a fruit are in the shop.",
  parameters = { fruit = "apples|pears|plums: the fruit" },
  examples = {
    { "How many apples are left?", { fruit = "apples" } },
    { "Do we still have pears?", { fruit = "pears" } },
    { "Count the plums in the shop.", { fruit = "plums" } },
  },
  handler = function(args) return { fruit = args.fruit, count = stock[args.fruit] } end,
}

local agent = Agent.create {
  name = "shopkeeper",
  system_prompt = "You are a shopkeeper.",
  temperature = 0,
  max_tokens = 60,
  tools = {
    "calculator", -- one of llmspell's own: `llmspell tool list` shows all
    count,
    { -- and one that only this agent has
      name = "order-fruit",
      description = "Orders fruit from the farm.",
      parameters = { fruit = "apples|pears|plums: the fruit", amount = "integer: how many" },
      examples = {
        { "Order 20 apples.", { fruit = "apples", amount = 20 } },
        { "We need 5 more pears from the farm.", { fruit = "pears", amount = 5 } },
        { "Please get 100 plums delivered.", { fruit = "plums", amount = 100 } },
      },
      handler = function(args)
        stock[args.fruit] = stock[args.fruit] + args.amount
        return { fruit = args.fruit, ordered = args.amount, count = stock[args.fruit] }
      end,
    },
  },
  approve = function(call) -- asked before each call; `false`, or a reason, refuses it
    if call.name == "order-fruit" and call.arguments.amount > 50 then return "that is too much for our cellar" end
    return true
  end,
}

for _, question in ipairs {
  "How many pears do we have?",
  "Order 30 pears from the farm.",
  "What is 12 times 35?",
  "Order 500 plums.",
  "Say hello to a customer.",
} do
  print("> " .. question)
  local result = agent:execute(question)
  for _, called in ipairs(result.tool_calls) do
    print(string.format("  %s %s: %s", called.name, JSON.encode(called.arguments),
      called.status == "done" and JSON.encode(called.result) or called.status .. ", " .. called.error.message))
  end
  print("  " .. result.text:gsub("\n", "\n  "))
end
