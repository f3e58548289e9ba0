"""A process that saves in a loop is killed at any moment: what was said to be saved is there, and the file is sound."""

import os
import random
import signal
import sqlite3
import subprocess
import sys

from llmspell.agents.history.conversations import Conversations
from llmspell.agents.history.database import Database
from llmspell.agents.history.reading import Filter, Log

SAVES = """
import sys
from llmspell.agents.history.conversations import Conversations
from llmspell.agents.history.database import Database
from llmspell.providers.contract import Message

conversations = Conversations(Database(sys.argv[1]))
number = int(sys.argv[2])
while True:
    number += 1
    text = f"message {number} " * (1 + number * 7 % 900)
    conversations.save(f"talk {number % 5}", "fake/model", {"n": number}, (Message("user", text),))
    print(number, flush=True)
"""

LOGS = """
import asyncio, sys
from llmspell.agents.history.database import Database
from llmspell.agents.history.run_log import RunLog
from llmspell.providers.contract import Message
from llmspell.providers.observing import Asked, Origin

log = RunLog("x.lua", keep_days=90, keep_mb=500, database=Database(sys.argv[1]))

async def work():
    number = 0
    while True:
        number += 1
        entry = log.began(Asked("chat", "fake/model", Origin(), (Message("user", f"message {number}"),)))
        if number % 3:
            entry.ended()
        await log.aclose()
        print(number, flush=True)

asyncio.run(work())
"""


def killed(program, *arguments, after):
    """Run a program that prints numbers, kill it when it has printed so many lines; the last one that came out."""
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True) as child:
        last = 0
        for _ in range(after):
            last = int(child.stdout.readline())
        spin = random.randrange(200_000)
        while spin:  # somewhere in the midst of the next one
            spin -= 1
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().split()
        return int(rest[-1]) if rest else last


def sound(path):
    connection = sqlite3.connect(path)
    checked = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return checked == [("ok",)]


def test_what_was_saved_survives(path, warnings):
    conversations = Conversations(Database(str(path), warn=warnings.append))
    number = 0
    for _ in range(12):
        number = killed(SAVES, str(path), str(number), after=random.randint(1, 12))
        settings, (message,) = conversations.load(f"talk {number % 5}")
        # the next one, which may be there too, has another name
        assert settings["n"] == number
        assert message.content == f"message {number} " * (1 + number * 7 % 900)
        assert sound(path)
        number = max(conversations.load(saved.name)[0]["n"] for saved in conversations.all())
    assert warnings == []


def test_the_log_survives_too(path, warnings):
    database = Database(str(path), warn=warnings.append)
    done = 0
    for _ in range(5):
        done += killed(LOGS, str(path), after=random.randint(1, 20))
        found = Log(database).latest(Filter(), 10_000)
        assert len(found) >= done
        done = len(found)
        assert sound(path)
    assert all((one.error_type == "unfinished") == (int(one.prompt.split()[1]) % 3 == 0) for one in found[20:])
    assert warnings == []
