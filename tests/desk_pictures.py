"""Pictures of the labeling desk in every state a person may meet it; a program of its own for other scales.

    QT_SCALE_FACTOR=2 python tests/desk_pictures.py FOLDER [STATE ...]

writes a light and a dark picture of each state into FOLDER and prints the faults that it found as JSON.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desk_robot import Desk, Order, story
from PySide6.QtWidgets import QApplication
from window_checks import blank, faults_of
from window_material import add_run, sft_events
from window_pictures import HEIGHT, PAGE, WIDTH, settle

from rlhf_studio.schema import USE_CASES, NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project

CHINESE_PROMPT = "请用三句话讲一个关于红帽子的故事\uff0c并解释什么是正弦函数。"
CHINESE = (
    "从前有一顶红帽子\uff0c它想看看蔚蓝的大海。风把它吹过了高山和河流\uff0c最后落在一位渔夫的船上。从此它天天看日出。",
    "红帽子丢了。",
    "正弦函数是周期函数\uff0c周期为二π\uff1b它在零点的值是零\uff0c在二分之π处取最大值一。红帽子说\uff1a“我懂了\uff01”",
    "有一天\uff0c小女孩把红帽子忘在了沙滩上\uff0c一只海豹把它送了回来\uff0c于是他们成了朋友。𠮷野家也很好吃。",
)
LONG = " ".join(story(n) for n in range(28))  # about 2,000 characters
BOTH = frozenset({"demonstrate", "rank"})


@dataclass(frozen=True, slots=True)
class State:
    """What is in the project, and what a person has done so far."""

    tab: str
    fill: Callable
    act: Callable = lambda desk: None


def prompt(store, text, use_case="generation"):
    return store.add_prompts([NewPrompt((Turn("user", text),), use_case, purposes=BOTH)]).ids[0]


def answers(store, prompt_id, texts):
    store.add_answer_set(prompt_id, [NewCompletion(prompt_id, text, "tiny") for text in texts])


def nothing(_store):
    pass


def one(store):
    answers(store, prompt(store, "Tell a story about a red hat."), [story(n) for n in range(4)])


def many(store):
    texts = [f"{use_case.replace('_', ' ')} number {n}: {story(n)}" for n in range(50) for use_case in USE_CASES]
    made = [NewPrompt((Turn("user", text),), USE_CASES[n % len(USE_CASES)]) for n, text in enumerate(texts)]
    made = [NewPrompt(one.turns, one.use_case, purposes=BOTH) for one in made]
    ids = store.add_prompts(made).ids
    for n in range(0, 60, 2):
        store.add_demonstration(ids[n], story(n), "Robot")
        store.save_draft(ids[n + 1], "Begun")
    for n in range(12):
        answers(store, ids[n], [story(10 * n + place) for place in range(4)])
    for answer_set in store.answer_sets("waiting")[:6]:
        first, *others = answer_set.completion_ids
        store.rank_set(answer_set.id, [[first], others[:2], others[2:]], 12.0, "Robot")


def nine(store):
    answers(store, prompt(store, "Tell a story about a red hat."), [story(n) for n in range(9)])


def two(store):
    answers(store, prompt(store, "Tell a story about a red hat."), [story(n) for n in range(2)])


def long(store):
    prompt_id = prompt(store, f"Sum this up in one sentence: {LONG}", "summarization")
    answers(store, prompt_id, [LONG, story(1), LONG[:900], LONG.replace(" ", "")])
    store.save_draft(prompt_id, LONG)


def chinese(store):
    prompt_id = prompt(store, CHINESE_PROMPT)
    answers(store, prompt_id, CHINESE)
    store.save_draft(prompt_id, CHINESE[0])


def order_begun(desk):
    """Two answers tied at the top, one below; the last is not there yet."""
    desk.wait_for_set()
    desk.press(Order((2, 0, 1, 3), frozenset({1})).keys)


def order_of_nine(desk):
    desk.wait_for_set()
    desk.press(Order((8, 0, 1, 2, 3, 4, 5, 6, 7), frozenset({2, 3, 6})).keys)


PAGE_OF_MARKDOWN = """# A red hat

It *wanted* to see **the sea**:

1. by boat
2. on foot

| day | place |
|---|---|
| Monday | beach |

![a picture](http://192.0.2.1/hat.png)
"""


def versions(store):
    """Three versions of a demonstration that began as a model's answer, and one of another person."""
    prompt_id = prompt(store, "Tell a story about a red hat.")
    first = store.add_demonstration(prompt_id, story(1), "Ann", model="Base model (tiny)").ids[0]
    second = store.revise_demonstration(first, story(1).replace(" ", " small ", 2), "Robot").ids[0]
    store.revise_demonstration(second, f"{story(1)} They became friends.", "Ann")
    store.add_demonstration(prompt_id, story(2), "Robot")


def preview(desk):
    if not desk.write.answer.writing.is_previewed:
        desk.write.answer.toggle_preview()
    desk.write.answer.set_text(PAGE_OF_MARKDOWN)
    desk.write.answer.writing.preview.render_now()


def history(desk):
    desk.write.show_history(desk.store.demonstrations()[0].id)


def edit(desk):
    desk.write.edit_demonstration(desk.store.demonstrations()[0].id)


def judged_nine(store):
    nine(store)
    add_run(store.folder, "20260101-101000-reward", "reward", {"base": "x"}, sft_events(1, ()))


def corrected(store):
    """A ranking with ratings, a note and an earlier version."""
    one(store)
    (answer_set,) = store.answer_sets("waiting")
    ids = answer_set.completion_ids
    store.rate(ids[0], 6, ["opinion"], "Robot")
    store.rate(ids[1], 2, ["hallucination", "fails_instruction"], "Robot")
    said = {"confidence": 2, "note": "The second one loops."}
    first = store.rank_set(answer_set.id, [[ids[2]], ids[:2], [ids[3]]], 12.0, "Robot", **said).ids[0]
    store.revise_ranking(first, [[i] for i in ids], 3.0, "Robot", confidence=3)


def rating(desk):
    """The second answer, after a first one with flags."""
    desk.wait_for_set()
    tab = desk.window.tabs.tab("rank")
    tab.page.rates.click()
    tab.beside.rating.toggle_flag(2)
    tab.beside.rating.give_overall(3)


STATES = {
    "prompts-empty": State("prompts", nothing),
    "prompts-one": State("prompts", one),
    "prompts-many": State("prompts", many),
    "prompts-long": State("prompts", long),
    "prompts-chinese": State("prompts", chinese),
    "write-empty": State("write", nothing),
    "write-one": State("write", one),
    "write-many": State("write", many),
    "write-long": State("write", long),
    "write-chinese": State("write", chinese),
    "write-preview": State("write", versions, preview),
    "write-history": State("write", versions, history),
    "write-edit": State("write", versions, edit),
    "rank-empty": State("rank", nothing),
    "rank-2": State("rank", two),
    "rank-4": State("rank", one),
    "rank-4-begun": State("rank", one, order_begun),
    "rank-9": State("rank", nine),
    "rank-9-done": State("rank", nine, order_of_nine),
    "rank-long": State("rank", long),
    "rank-chinese": State("rank", chinese, order_begun),
    "rank-rating": State("rank", one, rating),
    "rank-matrix-9": State("rank", judged_nine, order_of_nine),
    "labels-empty": State("labels", nothing),
    "labels-ranking": State("labels", corrected),
    "labels-many": State("labels", many),
}


def take(name, folder, out, theme):
    """Bring the desk into a state, write its pictures, and return what is wrong with them."""
    state = STATES[name]
    with create_project(folder / name, "A desk") as store:
        state.fill(store)
    desk = Desk(folder / name, folder / f"{name}.ini", texts=(), theme=theme)
    desk.window.resize(WIDTH, HEIGHT)
    desk.show(state.tab)
    state.act(desk)
    settle(desk.window)
    page = desk.window.tabs.tab(state.tab)
    faults = faults_of(page, *PAGE)
    scale = round(100 * desk.window.devicePixelRatio())
    for colours in ("light", "dark"):
        theme.choose(colours)
        settle(desk.window)
        picture = desk.window.grab()
        picture.save(str(out / f"desk-{name}-{scale}-{colours}.png"))
        faults += blank(picture.toImage())
    desk.close()
    return [f"{name}: {fault}" for fault in dict.fromkeys(faults)]


def main(out, names):
    from rlhf_studio.ui.theme import Theme

    app = QApplication([sys.argv[0], "-style", "fusion"])
    theme, faults = Theme("light"), []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RLHF_STUDIO_DATA"] = folder
        for name in names or STATES:
            faults += take(name, Path(folder), out, theme)
    app.processEvents()
    print(json.dumps(faults))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main(Path(sys.argv[1]), sys.argv[2:])
