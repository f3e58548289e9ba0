"""The example of skills, on the real model, from another folder than its own."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "scripts" / "examples" / "skills.lua"


def test_it_fills_in_a_prompt_and_takes_up_what_a_question_calls_for(llmspell_home, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", "run", str(EXAMPLE)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    listed = re.findall(r"^  (\S+) +(prompt|instructions) +\S", done.stdout, re.M)
    assert ("tea", "instructions") in listed
    assert ("summarize", "prompt") in listed
    assert "Sum up the text below in one sentence.\n\nText:\nThe lighthouse was built in 1859." in done.stdout
    assert re.search(r"^The answer:\n\n\S", done.stdout, re.M)
    assert re.search(r"^> How do I brew green tea\?\n\[skill: tea\]\n\S", done.stdout, re.M)
    assert re.search(r"^> What is the capital of France\?\n\[skill: \]\n\S", done.stdout, re.M)
