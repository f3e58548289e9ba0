"""Run as a program: xllamacpp's HTTP listener on a model, until the input ends. Prints its address.

python listener.py MODEL.gguf [--key KEY] [--embeddings] [--cache]
"""

import os
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.n_ctx, params.n_parallel, params.kv_unified = 1024, 4, True
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.n_batch = params.n_ubatch = 128
params.fit_params = params.warmup = params.ui = False
params.verbosity = -1
if "--cache" not in sys.argv:
    params.cache_prompt, params.cache_ram_mib = False, 0  # what was asked before must not change an answer
if "--key" in sys.argv:
    params.api_keys = [sys.argv[sys.argv.index("--key") + 1]]
if "--embeddings" in sys.argv:
    params.n_ctx = params.n_batch = params.n_ubatch = 64
    params.embedding = True
    params.embd_normalize = 2
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_CLS
server = xllamacpp.Server(params)
server.handle_metrics()  # one that is dropped before it answered anything may hang
print(server.listening_address, flush=True)
sys.stdin.read()
os._exit(0)
