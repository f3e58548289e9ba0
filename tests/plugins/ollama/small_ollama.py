"""An Ollama small enough to read: what a client can tell of the real one, for requests that nobody recorded.

It stands behind the replay server (``replay.respond = SmallOllama()``), so the wire is the same. Where it copies what a
real server does, the recording is named.
"""

import hashlib
import json

from replay import answer

STORY = "Once upon a time a keeper lived on a rock and lit his lamp for every ship that came along at night. "
LENGTHS = {"smollm2:latest": 2048, "other:latest": 2048, "third:latest": 2048, "all-minilm:latest": 256}
"""The models that are there, and the context of each."""
EMBEDS = {"all-minilm:latest"}
USUAL = 4096


class SmallOllama:
    """Called with a request, it gives the answer.

    ``loaded`` maps the models in memory to the context that they have, ``loads`` lists each loading with it, and
    ``crashing`` holds texts that kill the process that embeds them. ``hold`` keeps chats from beginning: it says of a
    request whether it is to wait, and ``held`` has those that do.
    """

    def __init__(self):
        self.loaded = {}
        self.loads = []
        self.crashing = set()
        self.hold = lambda request: False
        self.held = []

    def __call__(self, request):
        known = {
            ("GET", "/api/version"): lambda: {"version": "0.33.0"},
            ("GET", "/api/tags"): lambda: {"models": [_entry(name) for name in LENGTHS]},
            ("GET", "/api/ps"): lambda: {
                "models": [{**_entry(name), "context_length": length} for name, length in self.loaded.items()]
            },
        }
        made = known.get((request.method, request.path))
        if made is not None:
            return answer(request.method, request.path, made())
        if request.method != "POST" or request.path not in ("/api/show", "/api/chat", "/api/embed"):
            return None
        body = request.json
        model = body["model"] if ":" in body["model"] else f"{body['model']}:latest"
        if model not in LENGTHS:
            return self._refused(request, 404, f"model '{body['model']}' not found")
        if request.path == "/api/show":
            return answer("POST", "/api/show", _shown(model))
        window = self._load(model, body.get("options", {}).get("num_ctx"))
        if request.path == "/api/embed":
            return self._embed(request, body, window)
        if model in EMBEDS:
            return self._refused(request, 400, f'"{body["model"]}" does not support chat')  # chat-embedding-model
        return self._chat(request, body, model, window)

    def _load(self, model, wanted):
        window = min(wanted or USUAL, LENGTHS[model])
        if self.loaded.get(model) != window:
            self.loaded[model] = window
            self.loads.append((model, window))
        return window

    def _refused(self, request, status, text):
        return answer("POST", request.path, {"error": text}, status=status)

    # ── vectors ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _embed(self, request, body, window):
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if any(len(text.split()) > window for text in texts):  # embed-too-long
            return self._refused(request, 400, "the input length exceeds the context length")
        if any(text in self.crashing for text in texts):  # embed-crash
            said = 'do embedding request: Post "http://127.0.0.1:41093/v1/embeddings": EOF'
            return self._refused(request, 400, said)
        tokens = sum(len(text.split()) for text in texts)
        vectors = {"embeddings": [vector(text) for text in texts], "prompt_eval_count": tokens}
        return answer("POST", "/api/embed", {"model": body["model"], **vectors})

    # ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _chat(self, request, body, model, window):
        if not body["messages"]:
            if body.get("keep_alive") == 0:
                self.loaded.pop(model, None)
            reason = "unload" if body.get("keep_alive") == 0 else "load"
            line = self._line(body, "", done=True, done_reason=reason)
            return answer("POST", "/api/chat", line)
        prompt = sum(len(message["content"].split()) for message in body["messages"])
        if prompt > window:  # chat-overflow-error
            inner = {"type": "exceed_context_size_error", "n_prompt_tokens": prompt, "n_ctx": window}
            inner |= {"code": 400, "message": f"request ({prompt} tokens) exceeds the available context size"}
            return self._refused(request, 400, json.dumps({"error": inner}))
        lines = []
        words = STORY.split(" ") * 2
        if body.get("tools"):
            name = body["tools"][0]["function"]["name"]
            call = {"id": "call_a1b2c3d4", "function": {"index": 0, "name": name, "arguments": {"city": "Paris"}}}
            lines, words = [self._line(body, "", tool_calls=[call])], []
        elif "format" in body:
            words = ['{"name": "Ada",', '"age": 36,', '"tall": true}']
        options = body.get("options", {})
        said, reason = _cut(words, options)
        lines += [self._line(body, word) for word in said]
        counts = {"prompt_eval_count": prompt or 1, "eval_count": max(len(said), 1), "load_duration": 250_000_000}
        lines.append(self._line(body, "", done=True, done_reason=reason, **counts))
        exchange = answer("POST", "/api/chat", *lines)
        if self.hold(request):
            exchange.hold = 0
            self.held.append(exchange)
        return exchange

    def _line(self, body, content, tool_calls=None, done=False, **more):
        message = {"role": "assistant", "content": content, **({"tool_calls": tool_calls} if tool_calls else {})}
        return {"model": body["model"], "created_at": "2026-11-21T12:00:00Z", "message": message, "done": done, **more}


def vector(text):
    """The vector of a text, the same each time."""
    return [byte / 255 + 0.01 for byte in hashlib.sha256(text.encode(errors="replace")).digest()[:8]]


def _cut(words, options):
    """The words up to a stop text or the last one allowed, and the reason for the end."""
    limit = options.get("num_predict", len(words))
    said = [word if number == 0 else f" {word}" for number, word in enumerate(words[:limit])]
    text = "".join(said)
    found = [text.find(mark) for mark in options.get("stop", ()) if mark in text]
    if found:
        return [part for part in text[: min(found)].split(" ") if part], "stop"
    return said, "length" if limit < len(words) else "stop"


def _entry(name):
    return {"name": name, "model": name, "size": 1000, "digest": hashlib.sha256(name.encode()).hexdigest()}


def _shown(model):
    info = {"general.architecture": "llama", "llama.context_length": LENGTHS[model]}
    able = ["embedding"] if model in EMBEDS else ["completion", "tools"]
    return {"model_info": info, "details": {"format": "gguf"}, "capabilities": able}
