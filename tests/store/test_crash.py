"""A program killed while it writes loses nothing it was told is written."""

import random
import sqlite3
import subprocess
import sys
from contextlib import closing

from rlhf_studio.store.project import create_project, open_project

WRITE = """
import sys
from pathlib import Path
from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.project import open_project
store = open_project(Path(sys.argv[1]))
number = len(store.demonstrations())
while True:
    number += 1
    with store.transaction():
        store.add_demonstration(1, f"answer {number} " + "x" * 500, "eve")
        ids = store.add_completions([NewCompletion(1, f"{number}.{i}", "m") for i in range(4)]).ids
        store.add_ranking(1, [[ids[1]], [ids[0], ids[3]], [ids[2]]])
    print(number, flush=True)
"""


def test_kill_9_while_writing(tmp_path, ask):
    rng = random.Random(3)
    folder = tmp_path / "p"
    with create_project(folder, "t") as store:
        store.add_prompts([ask("q")])
    done = 0
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITE, folder], stdout=subprocess.PIPE, text=True) as writer:
            for _ in range(rng.randrange(1, 20)):
                done = int(writer.stdout.readline())
            writer.kill()
            done = max([done, *(int(line) for line in writer.stdout if line.endswith("\n"))])
        with open_project(folder) as store:
            assert not store.is_read_only
            demonstrations, rankings = store.demonstrations(), store.rankings()
            assert done <= len(rankings) == len(demonstrations) <= done + 1
            assert [d.text.split()[1] for d in demonstrations] == [str(i + 1) for i in range(len(demonstrations))]
            assert all(len(ranking.tiers) == 3 for ranking in rankings)
            assert len(store.completions(1)) == 4 * len(rankings)
        with closing(sqlite3.connect(folder / "project.sqlite")) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    assert done > 6
