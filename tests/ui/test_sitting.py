"""A person's sitting at the desk, played by a robot in the real window; then the project is opened again."""

import pytest
from desk_robot import Desk, Order, make_desk, story
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

ORDERS = (  # by keys: strict, ties of two kinds, the filled-in last one tied, everything tied
    Order((2, 0, 3, 1)),
    Order((1, 3, 0, 2), frozenset({2})),
    Order((0, 1, 2, 3), frozenset({1, 3})),
    Order((3, 1, 0, 2), frozenset({3})),
    Order((0, 1, 2, 3), frozenset({1, 2, 3})),
)
CLICKED = (Order((3, 2, 1, 0)), Order((1, 0, 2, 3)))


@pytest.fixture
def desks(qtbot, theme, tmp_path):
    """Opens the project of the test as often as it is asked to; one window at a time."""
    project = make_desk(tmp_path / "project", prompts=5, sets=12)
    opened = []

    def open_desk():
        if opened:
            opened.pop().close()
        opened.append(Desk(project, tmp_path / "window.ini", theme=theme))
        with qtbot.waitExposed(opened[0].window):
            opened[0].window.activateWindow()
        return opened[0]

    yield open_desk
    opened.pop().close()


def told(store):
    """Everything a person made, in an order of its own."""
    demonstrations = sorted((made.prompt_id, made.text, made.author) for made in store.demonstrations())
    rankings = sorted(
        (made.prompt_id, made.shown_order, tuple(tuple(sorted(tier)) for tier in made.tiers), made.labeler)
        for made in store.rankings()
    )
    drafts = sorted(store.drafts().items())
    undoable, redoable = store.undoable(), store.redoable()
    return demonstrations, rankings, drafts, undoable, redoable


def rank_by_keys(desk, order):
    answers = desk.wait_for_set()
    desk.press(order.keys)
    desk.submit()
    return answers, order


def rank_by_clicks(desk, order):
    answers = desk.wait_for_set()
    for place in order.places[:-1]:
        desk.click_card(place)
    QTest.mouseClick(desk.rank.page.submit, Qt.MouseButton.LeftButton)
    return answers, order


def test_everything_is_as_it_was_left_when_the_project_is_opened_again(desks):
    desk = desks()
    desk.begin_typing()
    written = []
    for number in range(3):
        written.append((desk.write._prompt.id, story(number)))
        desk.type(story(number))
        desk.save()
    desk.type("A draft that is not fin")  # and the person goes ranking
    draft = (desk.write._prompt.id, "A draft that is not fin")

    ranked = [rank_by_keys(desk, order) for order in ORDERS] + [rank_by_clicks(desk, order) for order in CLICKED]
    assert len({answers.id for answers, _ in ranked}) == 7
    for _ in range(2):
        desk.undo()
    assert desk.rank._set.id == ranked[-2][0].id  # what was undone last is shown again, with its order
    left = desk.rank.order.entry.complete()

    demonstrations, rankings, drafts, undoable, redoable = before = told(desk.store)
    assert demonstrations == sorted((prompt_id, text, "Robot") for prompt_id, text in written)
    kept = ranked[:-2]
    assert rankings == sorted(
        (a.prompt_id, a.completion_ids, tuple(tuple(tier) for tier in o.tiers(a.completion_ids)), "Robot")
        for a, o in kept
    )
    assert drafts == [draft]
    assert (undoable.set_id, redoable.set_id) == (kept[-1][0].id, ranked[-2][0].id)

    again = desks()
    assert told(again.store) == before
    assert again.wait_for_set().id == ranked[-2][0].id  # what waits first
    assert again.rank.order.entry.complete() == left
    again.begin_typing()
    assert (again.write._prompt.id, again.editor.toPlainText()) == draft

    again.redo()  # goes on where the first window stopped
    assert told(again.store)[1] != rankings
    assert len(again.store.rankings()) == 6
    for _ in range(6 + 3):
        again.undo()
    assert told(again.store)[:2] == ([], [])


@pytest.mark.parametrize("k", [4, 9])
def test_a_strict_order_of_k_answers_takes_k_keys(qtbot, theme, tmp_path, k):
    """``tests/bench/labeling_effort.py`` counts every way and measures how soon the next answers are there."""
    desk = Desk(make_desk(tmp_path / "project", 1, 2, k), tmp_path / "window.ini", texts=(), theme=theme)
    answers = desk.wait_for_set()
    order = Order(tuple(reversed(range(k))))
    keys = [*order.keys, "\r"]
    assert len(keys) == k
    for key in keys:
        QTest.keyClick(desk.rank, Qt.Key.Key_Return) if key == "\r" else desk.press(key)
    (made,) = desk.store.rankings()
    assert [list(tier) for tier in made.tiers] == order.tiers(answers.completion_ids)
    assert desk.rank._set.id != answers.id  # the next one is there at once
    QApplication.processEvents()
    desk.close()
