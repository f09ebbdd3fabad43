"""What comes next and why, how far one is, and what is remembered from one start to the next."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.write.up_next import ORDERS

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def tab(open_write_tab, session, service, store):
    """Beside the three prompts of every project: three more, chat and two stories."""
    store.add_prompts(
        [
            NewPrompt((Turn("user", text),), use_case)
            for text, use_case in (
                ("Say bye.", "chat"),
                ("Tell of a sea.", "generation"),
                ("Tell of a hen.", "generation"),
            )
        ]
    )
    return open_write_tab(session)


def choose(tab, order):
    place = ORDERS.index(order)
    tab.up_next.order.setCurrentIndex(place)
    tab.up_next.order.activated.emit(place)  # what a person's choice emits


def answer(tab, text="An answer."):
    tab.answer.focus_editor()
    QTest.keyClicks(QApplication.focusWidget(), text)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return, CTRL)


def skip(tab):
    tab.answer.focus_editor()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return, CTRL | SHIFT)


def test_as_listed_the_one_below_is_next(tab):
    assert tab._prompt.id == 1
    assert tab.up_next.reason.text() == "Open question, the next one below: 0 of 1 answered there"
    answer(tab)
    assert tab._prompt.id == 2


def test_the_use_case_with_the_fewest_demonstrations_is_next_and_said(tab, store):
    choose(tab, "fewest")
    answer(tab)  # generation has one
    assert tab._prompt.use_case == "open_qa"
    assert tab.up_next.reason.text() == "Chat, where fewest are answered: 0 of 2"
    answer(tab)
    answer(tab)
    assert [d.prompt_id for d in store.demonstrations()] == [1, 2, 3]
    assert tab._prompt.id == 5
    assert tab.up_next.reason.text() == "Chat, where fewest are answered: 1 of 2"


def test_the_papers_mix_is_next_and_said(tab):
    choose(tab, "paper")
    assert tab.up_next.reason.text() == "Open question, furthest below its 12.4 % in the paper: 0 of 1 answered"
    answer(tab)
    assert tab._prompt.id == 2
    assert tab.up_next.reason.text() == "Generation, furthest below its 45.6 % in the paper: 1 of 3 answered"
    answer(tab)
    assert tab._prompt.id == 5


def test_the_random_order_is_the_same_for_everybody(tab, store):
    choose(tab, "random")
    assert "drawn from 5 without a demonstration" in tab.up_next.reason.text()
    seen = [tab._prompt.id]
    for _ in range(5):
        answer(tab)
        seen.append(tab._prompt.id)
    assert sorted(seen) == [1, 2, 3, 4, 5, 6]
    assert tab.up_next.reason.text() == "No other prompt here is without a demonstration."


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_skipped_comes_again_when_there_is_no_other_and_its_draft_stays(order, tab, store):
    choose(tab, order)
    QTest.keyClicks(tab.answer.editor, "Perhaps")
    seen = [tab._prompt.id]
    for _ in range(5):
        skip(tab)
        seen.append(tab._prompt.id)
    assert sorted(seen) == [1, 2, 3, 4, 5, 6]
    skip(tab)
    assert tab._prompt.id in seen
    assert store.draft(1) == "Perhaps"


def test_the_next_one_is_of_the_chosen_use_case(tab, qtbot):
    choose(tab, "paper")
    qtbot.mouseClick(tab.prompts.chips.chips["chat"], LEFT)
    assert tab.up_next.reason.text().startswith("Chat,")
    tab.go_to(GoTo("write", prompt_id=3))
    assert tab.up_next.reason.text().startswith("Chat,")
    answer(tab)
    assert tab._prompt.id == 4
    assert tab.up_next.reason.text() == "No other prompt here is without a demonstration."


def test_words_that_are_searched_for_are_worked_through_as_listed(tab):
    choose(tab, "random")
    tab.prompts.search.setText("Tell")
    tab.prompts.search.returnPressed.emit()
    assert tab.up_next.chosen == "listed"
    tab.go_to(GoTo("write", prompt_id=1))
    assert "the next one below" in tab.up_next.reason.text()


def test_order_use_case_and_switch_are_remembered_and_searched_words_are_not(tab, session, open_write_tab, qtbot):
    choose(tab, "fewest")
    qtbot.mouseClick(tab.prompts.chips.chips["generation"], LEFT)
    qtbot.mouseClick(tab.prompts.to_write, LEFT)
    tab.prompts.search.setText("sea")
    tab.prompts.search.returnPressed.emit()
    again = open_write_tab(session)
    assert again.up_next.chosen == "fewest"
    assert again.prompts.chips.use_case == "generation"
    assert again.prompts.to_write.isChecked()
    assert again.prompts.search.text() == ""
    assert again.prompts.model.rowCount() == 3


@pytest.mark.parametrize("kept", ["nonsense", "[]", '{"use_case": "cooking", "unlabeled_only": 3}'])
def test_what_something_else_wrote_hides_nothing(kept, store, session, service, open_write_tab):
    store.set_meta("ui.write.filter", kept)
    store.set_meta("ui.write.order", kept)
    store.set_meta("ui.train.sft", kept)
    store.set_meta("ui.write.new_prompt", kept)
    tab = open_write_tab(session)
    assert not tab.prompts.is_filtered
    assert tab.up_next.chosen == "listed"


# --- progress


def test_progress_is_shown_for_each_use_case_and_for_today(tab, store, session):
    store.add_demonstration(5, "A sea.", "Ada")
    session.changed(Changes(frozenset({"demonstration"})))
    answer(tab, "A hat.")
    chip = tab.prompts.chips.chips["generation"]
    assert chip.text() == "Generation 2/3"
    assert chip.part == pytest.approx(2 / 3)
    assert "Of your 1 today: 1 (100%); of the paper's prompts: 45.6 %" in chip.toolTip()
    assert tab.prompts.progress.text() == "2 of 6 answered, today 1 by you"
    assert tab.prompts.progress.toolTip() == "Generation 1"
    assert tab.prompts.chips.chips["chat"].part == 0


def test_a_chips_line_is_as_long_as_the_part_that_is_done(tab, store, session, theme):
    chip = tab.prompts.chips.chips["generation"]

    def done():
        shown = chip.grab().toImage()
        colours = [shown.pixelColor(x, shown.height() - 4).name() for x in range(shown.width())]
        return colours.count(theme.colours.success), colours.count(theme.colours.border)

    assert done()[0] == 0
    for prompt_id in (1, 5):
        store.add_demonstration(prompt_id, "A sea.", "Ada")
    session.changed(Changes(frozenset({"demonstration"})))
    full, rest = done()
    assert full / (full + rest) == pytest.approx(2 / 3, abs=0.05)


@pytest.mark.parametrize("order", ORDERS)
def test_the_next_start_goes_on_with_what_was_left_unfinished(order, tab, store, session, open_write_tab):
    choose(tab, order)
    store.save_draft(6, "A hen")
    assert open_write_tab(session).answer.text == "A hen"


def test_a_next_prompt_far_down_is_opened_without_reading_all_before_it(tab, store, session, monkeypatch):
    store.add_prompts([NewPrompt((Turn("user", f"Number {n}"),), "other") for n in range(1500)])
    session.changed(Changes(frozenset({"prompt"})))
    monkeypatch.setattr(tab.up_next, "next_id", lambda: 1490)
    skip(tab)
    assert tab._prompt.id == 1490
    assert tab.prompts.model.rowCount() < 1490
    assert not tab.prompts.view.selectionModel().hasSelection()
    QTest.keyClick(tab.answer.editor, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert tab._prompt.id == 2, "the list goes on from where it was"


def test_today_is_that_of_who_labels_now(tab, session):
    answer(tab)
    session.set_labeler("Ann")
    assert tab.prompts.progress.text() == "1 of 6 answered, today 0 by you"


def test_a_deleted_prompt_is_neither_open_nor_next(tab, store, session):
    store.delete_prompts([1, 2], "Tess")
    session.changed(Changes(frozenset({"prompt"})))
    assert tab._prompt.id in {3, 4, 5, 6}
    assert tab.up_next.next_id() in {3, 4, 5, 6} - {tab._prompt.id}
