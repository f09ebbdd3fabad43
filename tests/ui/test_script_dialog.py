"""Scripted labelers from the window: a rule ranks sets that wait or new ones, in slices, as one act."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from window_checks import faults_of

from rlhf_studio.jobs.inference import RequestFailed
from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.ui.rank import script_dialog
from rlhf_studio.ui.rank.script_dialog import ScriptDialog
from rlhf_studio.ui.tabs.rank_tab import RankTab

TEXTS = ("a", "bbbb", "ccc", "dd")


@pytest.fixture
def waiting(store):
    """Twenty sets of four answers wait, in each another shortest one; in one more all are as long."""
    store.add_prompts([NewPrompt((Turn("user", f"Prompt {n}"),), purposes=frozenset({"rank"})) for n in range(8)])
    with store.transaction():
        for number in range(20):
            texts = [*TEXTS[number % 4 :], *TEXTS[: number % 4]]
            store.add_answer_set(1, [NewCompletion(1, text, "tiny") for text in texts])
        store.add_answer_set(1, [NewCompletion(1, text, "tiny") for text in "wxyz"])
    return store


@pytest.fixture
def tab(qtbot, session, waiting, service):
    tab = RankTab(session)
    qtbot.addWidget(tab)
    tab.reload()
    return tab


@pytest.fixture
def dialog(qtbot, tab):
    return dialog_of(qtbot, tab)


def dialog_of(qtbot, tab):
    """The dialog that the link on the page opens."""
    tab.page.by_script.click()
    return next(one for one in tab.findChildren(ScriptDialog) if one.isVisible())


def choose(dialog, rule, noise=0.0):
    dialog.rule.setCurrentIndex(dialog.rule.findData(rule))
    dialog.noise.setValue(noise)


def test_the_menu_opens_it_and_what_it_did_is_undone(qtbot, store, rank_window):
    texts = [NewCompletion(1, text, "tiny") for text in TEXTS]
    store.add_answer_set(1, texts)
    rank_window.menus.actions["script"].trigger()
    dialog = rank_window.tabs.tab("rank").findChild(ScriptDialog)
    choose(dialog, "short")
    with qtbot.waitSignal(dialog.finished):
        dialog.rank()
    assert store.counts().rankings_simulated == 1
    assert rank_window.menus.actions["undo"].text() == "&Undo the rankings by a script"
    rank_window.undo()
    assert store.counts().rankings_simulated == 0


def test_waiting_sets_are_ranked_as_one_act_and_go_on_waiting(qtbot, waiting, dialog, said):
    choose(dialog, "short")
    assert dialog.name.text() == "script: short answers, noise 0"
    assert dialog.waiting.text() == "21 sets that wait"
    with qtbot.waitSignal(dialog.finished):
        QTest.mouseClick(dialog.rank_button, Qt.MouseButton.LeftButton)
    rankings = waiting.rankings()
    assert len(rankings) == 20
    assert all(ranking.is_simulated for ranking in rankings)
    texts = {one.id: one.text for one in waiting.completions(1)}
    assert all([texts[tier[0]] for tier in ranking.tiers] == ["a", "dd", "ccc", "bbbb"] for ranking in rankings)
    assert len(waiting.answer_sets()) == 21
    assert said[-1].text.startswith("20 simulated rankings by \u201cscript: short answers, noise 0\u201d. 1 sets")
    assert said[-1].kind == "undo"
    waiting.undo()
    assert waiting.rankings() == ()


def test_another_labeler_ranks_the_same_sets(qtbot, waiting, tab, dialog):
    for seed in (0, 1):
        choose(dialog, "long", 0.2)
        dialog.seed.setValue(seed)
        assert dialog.waiting.text() == "21 sets that wait"
        with qtbot.waitSignal(dialog.finished):
            dialog.rank()
        dialog = dialog_of(qtbot, tab)
    assert waiting.simulated_labelers() == (
        "script: long answers, noise 0.2",
        "script: long answers, noise 0.2, seed 1",
    )
    assert dialog.waiting.text() == "21 sets that wait"
    choose(dialog, "long", 0.2)
    assert dialog.waiting.text() == "1 set that waits"  # only where all answers are as long


def test_new_sets_are_sampled_first(qtbot, waiting, dialog, session):
    session.inference.texts = [f"{'x' * n}." for n in range(1, 90)]
    choose(dialog, "length")
    dialog.length.setValue(12)
    dialog.new.setChecked(True)
    dialog.new_count.setValue(3)
    with qtbot.waitSignal(dialog.finished):
        dialog.rank()
    rankings = waiting.rankings()
    assert len({ranking.prompt_id for ranking in rankings}) == 3
    assert {ranking.labeler for ranking in rankings} == {"script: 12 characters, noise 0"}
    new = waiting.answer_sets()[21:24]
    assert {frozenset(one.completion_ids) for one in new} == {frozenset(one.shown_order) for one in rankings}


def test_a_dialog_that_is_left_ranks_nothing_and_lets_the_queue_go_on(waiting, tab, dialog, session):
    queue = tab.queue
    dialog.new.setChecked(True)
    dialog.rank()
    request = session.inference.asked[-1]
    assert not queue.sample_now()  # it would draw the same
    dialog.cancel_button.click()
    assert request.number in session.inference.cancelled
    assert waiting.rankings() == ()
    assert len(waiting.answer_sets()) == 21
    assert queue.sample_now()


def test_left_while_it_ranks_nothing_is_kept(waiting, dialog):
    dialog.rank()
    dialog.cancel_button.click()
    assert not dialog._timer.isActive()
    assert waiting.rankings() == ()
    assert waiting.undoable() is None


def test_many_are_kept_in_slices_and_undone_at_once(qtbot, waiting, dialog, monkeypatch, session):
    monkeypatch.setattr(script_dialog, "_KEPT", 6)
    heard = []
    session.store_changed.connect(lambda changes, _: heard.append(changes))
    calls = []
    add = waiting.add_scripted_rankings

    def slow(*args, **options):
        calls.append(len(waiting.rankings()))
        dialog.reject()  # Escape comes too late
        return add(*args, **options)

    monkeypatch.setattr(waiting, "add_scripted_rankings", slow)
    choose(dialog, "short")
    with qtbot.waitSignal(dialog.finished):
        dialog.rank()
    assert calls == [0, 6, 12, 18]
    assert len(heard) == 1
    waiting.undo()
    assert waiting.rankings() == ()


def test_a_failure_is_shown_and_the_person_can_choose_again(dialog, session, waiting):
    dialog.new.setChecked(True)
    dialog.rank()
    session.inference.tell(RequestFailed(session.inference.asked[-1].number, "The memory is exhausted."))
    session.poll_answers()
    assert dialog.error.text() == "The memory is exhausted."
    assert dialog.rank_button.isEnabled()


def test_a_rule_shows_only_what_it_needs(dialog):
    seen = {}
    for rule in ("happy", "word", "length"):
        choose(dialog, rule)
        seen[rule] = (dialog.word.isVisible(), dialog.length.isVisible())
    assert seen == {"happy": (False, False), "word": (True, False), "length": (False, True)}
    choose(dialog, "word")
    assert not dialog.rank_button.isEnabled()
    dialog.word.setText("sea")
    assert dialog.rank_button.isEnabled()
    assert dialog.name.text() == "script: the word \u201csea\u201d, noise 0"
    assert faults_of(dialog, 1024, 620) == []


def test_where_nothing_waits_only_new_sets_can_be_ranked(qtbot, waiting, tab):
    for one in waiting.answer_sets():
        waiting.skip_set(one.id, "Tess")
    dialog = dialog_of(qtbot, tab)
    assert dialog.waiting.text() == "0 sets that wait"
    assert not dialog.rank_button.isEnabled()
    dialog.new.setChecked(True)
    assert dialog.rank_button.isEnabled()
    dialog.reject()
