"""How long a person waits for the prompt library of a project of 100,000 prompts, on the real widgets.

    python tests/bench/prompt_library.py
    python tests/bench/prompt_library.py --project FOLDER    (made there, or used again if it is there)

Half English, half Chinese prompts, a fifth with a demonstration, a twentieth ranked, a tenth tagged. A wait begins
with what the person does (for a search: with the end of the pause after the last key, 80 ms) and ends when the table
has painted the first rows. Each is the median of several; "CPU" is the processor time of this process meanwhile, which
tells a slow program from a busy machine. Exits with 1 if a bar is broken.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

from rlhf_studio.schema import PURPOSES, USE_CASES, NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.store.prompt_edits import PromptEdit
from rlhf_studio.store.prompt_list import PromptQuery
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.prompts_tab import PromptsTab
from rlhf_studio.ui.theme import Theme

FIRST_ROW_MS, PAGE_MS = 1000, 100
DELETED = 10_000
DELETE_MS = 1000  # ours: an act on ten thousand, safe on disk
ENGLISH = """
the a of to and write story about little dog cat river mountain explain why how summarize text below list five ideas for
birthday party rewrite sentence politely classify review positive negative extract names dates email answer question
passage who invented when did physics chemistry function python matrix derivative theorem
"""
CHINESE = (
    "请写一个关于小狗的故事解释为什么天空是蓝色总结下面这段文字列出五个生日聚会想法把句子改得更礼貌分类评论提取名字日期"
)
SEARCHES = ("弦", "正弦", "的", "e", "th", "the", "story", "summarize", "正弦函数", "zyzzyva", 'NEAR("')


@dataclass
class Wait:
    """One row of the table, in ms; without a bar where ``bar`` is None."""

    name: str
    wall: float
    slowest: float
    cpu: float
    bar: float | None


class Painted(QObject):
    """Hears when one of some widgets paints."""

    def __init__(self, *widgets) -> None:
        super().__init__()
        self.is_done = False
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, _watched, event) -> bool:  # noqa: N802
        self.is_done |= event.type() == QEvent.Type.Paint
        return False


def prompt(number: int, chance: random.Random) -> NewPrompt:
    """An English or a Chinese prompt; one in 700 is about the sine, one in 5,000 holds a word of its own."""
    if number % 2:
        text = "".join(chance.choices(CHINESE, k=chance.randint(15, 120)))
    else:
        text = " ".join(chance.choices(ENGLISH.split(), k=chance.randint(8, 60)))
    text += "正弦函数" * (number % 700 == 0) + " zyzzyva" * (number % 5000 == 0)
    source = ("plain", "plain", "few_shot", "user_based")[number % 4]
    return NewPrompt(
        (Turn("user", text),),
        chance.choice(USE_CASES),
        source,
        frozenset(chance.sample(PURPOSES, 2)),
        f"author {number % 40}",
    )


def make(folder: Path, count: int) -> float:
    """Build the project; return the seconds that adding the prompts took."""
    chance = random.Random(7)
    with create_project(folder, "Library") as store:
        began = time.perf_counter()
        for start in range(0, count, 5000):
            store.add_prompts([prompt(number, chance) for number in range(start, min(count, start + 5000))])
        taken = time.perf_counter() - began
        ids = store.find_ids(PromptQuery())
        store.edit_prompts(ids[::10], PromptEdit(add_tags=frozenset({"hard"})))
        store.import_demonstrations([(i, "An answer.", "eve") for i in ids[::5]])
        ranked = ids[::20]
        made = store.add_completions([NewCompletion(i, f"answer {n}", "m") for i in ranked for n in range(4)]).ids
        with store.transaction():
            for place, i in enumerate(ranked):
                store.add_ranking(i, [[c] for c in made[4 * place : 4 * place + 4]])
    return taken


def wait(name: str, acts: list[Callable[[], object]], until: tuple[QWidget, ...], bar: float | None, back=None) -> Wait:
    """Do each act once and wait until what it shows is painted; what undoes it is not timed."""
    walls, cpus = [], []
    for act in acts:
        painted = Painted(*until) if until else None
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        while painted is not None and not painted.is_done:
            QApplication.processEvents()
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
        QApplication.processEvents()
        if back is not None:
            back()
            QApplication.processEvents()
    return Wait(name, statistics.median(walls), max(walls), statistics.median(cpus), bar)


def first_row(folder: Path, data: Path) -> tuple[Wait, PromptsTab, Session]:
    """Open the project and the tab until rows are painted."""
    theme, preferences = Theme("light"), Preferences(data / "window.ini")
    wall, cpu = time.perf_counter(), time.process_time()
    session = Session(open_project(folder), theme, preferences)
    tab = PromptsTab(session)
    tab.resize(1280, 700)
    painted = Painted(tab.table.viewport())
    tab.show()
    while not (painted.is_done and tab.model.rowCount()):
        QApplication.processEvents()
    wall, cpu = 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)
    assert tab.model.index(0, 0).data()
    return Wait("open the project, first row", wall, wall, cpu, FIRST_ROW_MS), tab, session


def measure(tab: PromptsTab, session: Session, repeat: int) -> list[Wait]:
    """Every wait but the first."""
    view, filters, store = (tab.table.viewport(), tab.page.nothing), tab.filters, session.store

    def filtered(box: str, value: object) -> list[Callable[[], object]]:
        def act() -> None:
            filters.boxes[box].choose(value)
            filters.apply()

        return [act] * repeat

    def searched(text: str) -> list[Callable[[], object]]:
        def act() -> None:
            filters.search.setText(text)
            filters.apply()

        return [act] * repeat

    rows = [
        wait(f"filter: {box} {value}", filtered(box, value), view, PAGE_MS, filters.give_up)
        for box, value in (
            ("use_case", "chat"),
            ("source", "few_shot"),
            ("split", "test"),
            ("is_demonstrated", False),
            ("is_ranked", True),
            ("purpose", "rank"),
            ("tag", "hard"),
            ("author", "author 3"),
        )
    ]
    rows += [wait(f"search: {text}", searched(text), view, PAGE_MS, filters.give_up) for text in SEARCHES]
    bar = tab.table.verticalScrollBar()
    places = random.Random(1).sample(range(bar.maximum()), 4 * repeat)
    rows.append(wait("a further page, anywhere", [lambda p=p: bar.setValue(p) for p in places], view, PAGE_MS))
    rows += bulk(tab, session)
    rows += [
        wait("Write: a page of its list", [lambda: store.find_prompts(limit=200)] * repeat, (), PAGE_MS),
        wait("Write: its counts", [store.count_prompts] * repeat, (), PAGE_MS),
        wait("Write: its counts, searching 正弦", [lambda: store.count_prompts("正弦")] * repeat, (), PAGE_MS),
    ]
    return rows


def bulk(tab: PromptsTab, session: Session) -> list[Wait]:
    """All are chosen; 10,000 that are tagged are deleted, which is undone and done again."""
    view, store = (tab.table.viewport(), tab.page.nothing), session.store
    rows = [wait("choose all (Ctrl+A)", [tab.table.selectAll], view, PAGE_MS)]
    tab.filters.boxes["tag"].choose("hard")
    tab.filters.apply()
    tab.table.selectAll()
    count = min(DELETED, len(tab.model.ids))

    def step(move: Callable[[], object]) -> None:
        entry = move()
        assert entry is not None
        session.changed(entry.changes)

    rows.append(wait(f"delete {count}", [tab.delete], view, DELETE_MS))
    assert not tab.model.ids
    rows.append(wait(f"undo the deletion of {count}", [lambda: step(store.undo)], view, DELETE_MS))
    assert len(tab.model.ids) == count
    tab.filters.give_up()
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    app = QApplication([sys.argv[0], "-style", "fusion"])
    with tempfile.TemporaryDirectory() as data:
        os.environ["RLHF_STUDIO_DATA"] = data
        folder = args.project or Path(data) / "project"
        if not folder.exists():
            print(f"{args.count:,} prompts added in {make(folder, args.count):.1f} s", flush=True)
        first, tab, session = first_row(folder, Path(data))
        rows = [first, *measure(tab, session, args.repeat)]
        tab.close()
        session.close()
        app.processEvents()
    print(f"{'':34} {'median':>8} {'slowest':>8} {'CPU':>8} {'bar':>8}   (ms)")
    for row in rows:
        sign = "" if row.bar is None else "ok" if row.wall < row.bar else "BROKEN"
        bar = "" if row.bar is None else f"{row.bar:.0f}"
        print(f"{row.name:34} {row.wall:8.1f} {row.slowest:8.1f} {row.cpu:8.1f} {bar:>8} {sign}")
    return any(row.bar is not None and row.wall >= row.bar for row in rows)


if __name__ == "__main__":
    sys.exit(main())
