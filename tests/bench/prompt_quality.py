"""How long it takes to look through 100,000 prompts for duplicates, caps and torn splits, and to delete what is found.

    python tests/bench/prompt_quality.py [PROMPTS]

prints seconds of the clock and of the processor, each the best of three.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

from rlhf_studio.jobs.prompt_look import PromptLook
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store.project import create_project
from rlhf_studio.store.quality import surplus_of
from rlhf_studio.store.splits import PREFIX_LENGTH

WORDS = ["bear", "river", "story", "write", "letter", "blue", "happy", "question", "morning", "green", "正弦", "函数"]
AUTHORS = 500
DUPLICATES = 0.02  # of the prompts
REPEATS = 3


def make(folder, count):
    """A project whose prompts are of 40 words; some begin as an older one."""
    chance = random.Random(0)
    prompts = []
    for number in range(count):
        older = chance.randrange(number) if number and chance.random() < DUPLICATES else number
        text = " ".join(random.Random(older).choices(WORDS, k=40))
        author = f"author {chance.randrange(AUTHORS)}"
        prompts.append(NewPrompt((Turn("user", f"{text} {number}"),), author=author))
    store = create_project(folder, "Many prompts")
    store.add_prompts(prompts)
    return store


def clocked(name, act):
    """Say how long an act takes; return what it gave last."""
    best = (float("inf"), float("inf"))
    given = None
    for _ in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        given = act()
        best = min(best, (time.perf_counter() - wall, time.process_time() - processor))
    print(f"{name:<46} {best[0]:7.3f} s, processor {best[1]:7.3f} s")
    return given


def look(store):
    """As the window does: on a thread of its own."""
    found = PromptLook(store.folder, 0)
    assert found.join(600), "it never ended"
    assert not found.problem, found.problem
    return found.found


def delete_and_undo(store, ids):
    store.delete_prompts(ids)
    store.undo()


def main(count):
    with tempfile.TemporaryDirectory() as folder, make(Path(folder) / "project", count) as store:
        for length in (PREFIX_LENGTH, 64, 512):
            store.set_prefix_length(length)
            found = clocked(f"look, {length} characters alike", lambda: look(store))
            print(f"  groups {len(found.duplicates)}, authors above the cap {len(found.authors)}")
        store.set_prefix_length(PREFIX_LENGTH)
        ids = surplus_of(look(store).duplicates)
        clocked(f"delete {len(ids)} duplicates and undo it", lambda: delete_and_undo(store, ids))
        clocked("are the splits whole", store.check_splits)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
