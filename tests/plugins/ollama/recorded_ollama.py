"""A whole Ollama made of recordings: whatever a program asks, it hears what a real server said to something like it.

``replay.respond = recorded`` makes the replay server one. What matters of a request is its endpoint, its model without
the tag, and whether it has tools, a format, a picture or several texts; not its words.
"""

from replay import recording

GETS = {"/api/version": "version", "/api/tags": "tags", "/api/ps": "ps-one"}
SHOWN = {
    "smollm2": "show-smollm2",
    "smol-think": "show-think",
    "smol-tools": "show-tools",
    "smol-jinja": "show-jinja-tools",
    "all-minilm": "show-embedding",
}
"""The models that are there, and what is known of each."""
STAND_INS = {"qwen3": "smol-think", "llama3.2": "smol-tools"}
"""Models that people have, and the one that answers in the place of each."""


def recorded(request):
    """The exchange for a request; None for what no program of llmspell asks."""
    if request.method == "GET":
        return recording(GETS[request.path]) if request.path in GETS else None
    body = request.json
    model = body["model"].partition(":")[0].lower()
    model = STAND_INS.get(model, model)
    if request.path == "/api/pull":
        return recording("pull-success")
    if request.path == "/api/delete":
        return recording("delete" if model in SHOWN else "delete-unknown")
    if request.path == "/api/show":
        return recording(SHOWN.get(model, "show-unknown"))
    if request.path == "/api/embed":
        return recording(_embedded(model, body["input"]))
    return recording(_chatted(model, body)) if request.path == "/api/chat" else None


def _embedded(model, texts):
    if model != "all-minilm":
        return "embed-chat-model" if model in SHOWN else "embed-unknown-model"
    return "embed-one" if isinstance(texts, str) or len(texts) == 1 else "embed-batch"


def _chatted(model, body):
    if model not in SHOWN:
        return "chat-unknown-model"
    if model == "all-minilm":
        return "chat-embedding-model"
    if not body["messages"]:
        return "chat-unload" if body.get("keep_alive") == 0 else "chat-load"
    if any(message.get("images") for message in body["messages"]):
        return "chat-image-unsupported"
    if body.get("format"):
        return "chat-format-schema"
    if model == "smol-think":
        return "chat-think-false" if body.get("think") is False else "chat-think-stream"
    if body.get("think"):
        return "chat-think-unsupported"
    if body.get("tools"):
        return "chat-tools-unsupported" if model == "smollm2" else "chat-tools-stream"
    return "chat-stream"
