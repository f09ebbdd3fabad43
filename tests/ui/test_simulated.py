"""Another target for the simulated rankings, or none of them at all, from the menu and from the Rank tab."""

import pytest
from PySide6.QtCore import Qt

from rlhf_studio.jobs.targets import current_target
from rlhf_studio.schema import NewCompletion
from rlhf_studio.ui.rank.simulated import TargetDialog
from rlhf_studio.ui.tabs.tab import GoTo


@pytest.fixture
def simulated(store):
    """Twenty sets of four answers to one prompt, ranked by the script that likes happy ends, and one by a person."""
    with store.transaction():
        for number in range(20):
            texts = [f"Answer {i} of {number}." + " It was sad." * i for i in range(4)]
            ids = store.add_completions([NewCompletion(1, text, "tiny") for text in texts]).ids
            store.add_ranking(1, [[i] for i in ids], ids, 0.0, "scripted: happy", is_simulated=True)
        store.add_ranking(1, [[ids[0]], [ids[1]]], labeler="Tess")
    return store


def dialog_of(parent):
    return next((d for d in parent.findChildren(TargetDialog) if d.isVisible()), None)


def test_the_menu_removes_every_simulated_ranking_and_brings_them_back(simulated, rank_window, said):
    rank_window.menus.actions["delete_simulated"].trigger()
    counts = simulated.counts()
    assert (counts.rankings_simulated, counts.rankings_by_people, counts.sets_waiting) == (0, 1, 20)
    assert said[-1].text.startswith("20 simulated rankings were removed")
    assert rank_window.menus.actions["undo"].text() == "&Undo the removal of simulated rankings"
    rank_window.menus.actions["undo"].trigger()
    assert simulated.counts().rankings_simulated == 20
    rank_window.menus.actions["redo"].trigger()
    rank_window.menus.actions["delete_simulated"].trigger()
    assert (said[-1].kind, said[-1].text) == ("info", "There are no simulated rankings.")


def test_a_target_is_read_chosen_and_undone(qtbot, simulated, rank_window, said):
    rank = rank_window.tabs.tab("rank")
    rank.page.show_work()
    assert rank.page.simulated.text() == "20 simulated rankings are in use, target: Happy endings"
    qtbot.mouseClick(rank.page.retarget, Qt.MouseButton.LeftButton)
    dialog = dialog_of(rank)
    assert dialog.choices["happy"].isChecked()
    assert dialog.choices["happy"].text() == "Happy endings (in use)"
    assert "An answer should be short" in dialog.choices["brief"].accessibleDescription()
    assert not dialog.rank_button.isEnabled()  # nothing would change
    dialog.choices["brief"].click()
    with qtbot.waitSignal(dialog.finished):
        dialog.rank_button.click()
    assert current_target(simulated) == "brief"
    assert simulated.counts().rankings_by_people == 1
    assert said[-1].text == "20 simulated rankings have the target \u201cBrief answers\u201d now."
    assert rank.page.simulated.text().endswith("target: Brief answers")
    rank_window.undo()
    assert current_target(simulated) == "happy"
    assert rank.page.simulated.text().endswith("target: Happy endings")


def test_a_dialog_that_is_left_while_it_works_changes_nothing(simulated, rank_window):
    rank_window.menus.actions["target"].trigger()
    dialog = dialog_of(rank_window)
    dialog.choices["brief"].click()
    dialog.rank_button.click()
    dialog.cancel_button.click()
    assert not dialog._timer.isActive()
    assert current_target(simulated) == "happy"
    assert simulated.undoable() is None


def test_rankings_that_changed_meanwhile_are_not_written_over(qtbot, simulated, rank_window, said):
    rank_window.menus.actions["target"].trigger()
    dialog = dialog_of(rank_window)
    dialog.choices["brief"].click()
    simulated.delete_simulated_rankings("Tess")
    one = simulated.answer_sets()[0]
    simulated.rank_set(one.id, [[i] for i in one.completion_ids], 1.0, "Tess")
    with qtbot.waitSignal(dialog.finished):
        dialog.rank_button.click()
    assert said[-1].kind == "error"
    assert "meanwhile" in said[-1].text
    assert simulated.counts().rankings_by_people == 2


def test_without_simulated_rankings_the_menu_says_what_to_do(rank_window, said):
    rank_window.menus.actions["target"].trigger()
    assert dialog_of(rank_window) is None
    assert "has no simulated rankings" in said[-1].text


def test_train_says_what_the_reward_model_needs_after_the_removal(qtbot, simulated, rank_window):
    for ranking in simulated.rankings(1):
        if not ranking.is_simulated:
            simulated.retract_ranking(ranking.id, "Tess")
    rank_window.delete_simulated()
    rank_window.go_to(GoTo("train"))
    card = rank_window.tabs.tab("train").column.cards["reward"]
    assert card.data.text() == "0 rankings"
    assert "rank at least 2 sets. Sets that wait for you: 20." in card.missing.text()
    assert not card.start.isEnabled()
    assert card.mend.text() == "Rank answers"
    qtbot.mouseClick(card.mend, Qt.MouseButton.LeftButton)
    assert rank_window.tabs.current_name() == "rank"
