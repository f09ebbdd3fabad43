"""How long it takes to measure labelers on many rankings, and how long the thread of a window waits meanwhile.

    python tests/bench/labelers.py [RANKINGS] [K]

Fills a project with sets that three people ranked, one in twenty a second time, measures them on a thread as the window
does, and prints the times.
"""

import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from rlhf_studio.jobs.labelers import measure_labelers
from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project

PEOPLE = ("Ada", "Bo", "Cy")
TICK_S = 0.016


def fill(folder, rankings, k):
    """Sets of k answers, each ranked by all three."""
    generator = random.Random(0)
    with create_project(folder, "Many") as store:
        store._db.execute("PRAGMA synchronous = OFF")
        with store.transaction():
            sets = max(1, rankings // len(PEOPLE))
            prompts = store.add_prompts([NewPrompt((Turn("user", f"Question {i}?"),)) for i in range(sets)]).ids
            for prompt_id in prompts:
                answers = [
                    NewCompletion(prompt_id, f"answer {i} " * generator.randint(1, 20), f"model {i % 3}")
                    for i in range(k)
                ]
                set_id = store.add_answer_set(prompt_id, answers).ids[0]
                ids = store.answer_set(set_id).completion_ids
                for place, name in enumerate(PEOPLE):
                    order = [[i] for i in generator.sample(ids, k)]
                    if place == 0:
                        store.rank_set(set_id, order, 5.0, name)
                    else:
                        store.rank_again(set_id, order, ids, 5.0, name, is_repeat=False)
                if generator.random() < 0.05:
                    store.rank_again(set_id, order, ids[::-1], 5.0, PEOPLE[-1], is_repeat=True)


def measure(work):
    """Seconds that it took on a thread, and how late a tick of 16 ms was on this one, in ms."""
    thread = threading.Thread(target=work)
    start = time.perf_counter()
    thread.start()
    late = []
    while thread.is_alive():
        wanted = time.perf_counter() + TICK_S
        time.sleep(TICK_S)
        late.append(1000 * (time.perf_counter() - wanted))
    return time.perf_counter() - start, sorted(late)


def count_up():
    """What any work in Python does to the other threads of this computer, as busy as it is now."""
    end, number = time.perf_counter() + 6, 0
    while time.perf_counter() < end:
        number += 1


def main(rankings, k):
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        fill(project, rankings, k)
        works = {
            "first, with the libraries": lambda: measure_labelers(project),
            "again": lambda: measure_labelers(project),
            "a thread that only counts": count_up,
            "nothing at all": lambda: time.sleep(3),
        }
        print(f"{rankings} rankings of {k}")
        for name, work in works.items():
            seconds, late = measure(work)
            at_99 = late[int(0.99 * (len(late) - 1))]
            print(f"  {name}: {seconds:.1f} s; ticks late p99 {at_99:.0f} ms, at most {late[-1]:.0f} ms")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [10_000, 4][len(numbers) :]))
