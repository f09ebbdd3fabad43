"""Learning from the Rank tab, with a loop that needs no model."""

import threading
from collections import deque
from itertools import count

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from window_checks import faults_of
from window_material import FakeInference, add_all_runs

from rlhf_studio.errors import DataError
from rlhf_studio.events import Progress, RunFinished
from rlhf_studio.jobs.loop_news import (
    AnswersShown,
    JudgeRefitted,
    LoopBegan,
    PartBegan,
    PartDone,
    PromptAnswers,
    ScoredAnswer,
)
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.schema import NewCompletion
from rlhf_studio.settings import LoopSettings
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.rank.learner import RoundState
from rlhf_studio.ui.tabs.rank_tab import RankTab

SMALLEST = (1024, 560)
PATIENT_MS = 240_000  # the training thread loads torch first
MARKUP = "<b>Once</b> there was a hat."
BEFORE = PromptAnswers(1, "Tell a <i>story</i>.", True, (ScoredAnswer(MARKUP, 0.5),))
AFTER = PromptAnswers(
    1,
    "Tell a <i>story</i>.",
    True,
    (ScoredAnswer(MARKUP, 0.5, 0.25),),
    (ScoredAnswer("Once there was a cat.", 1.0, 2.0),),
)


class FakeLoop:
    """Tells what a round tells; waits in the middle until the test lets it go on."""

    def __init__(self, error=None):
        self.news, self.go, self.error = deque(), threading.Event(), error
        self.go.set()

    def made_with(self, settings):
        self.settings = settings
        return self

    def take(self):
        return [self.news.popleft() for _ in range(len(self.news))]

    def run(self, control):
        yield StageEvent("reward", "", Progress(0, 0, "load"))
        if self.error:
            raise self.error
        self.news += [PartBegan("before", 0.0), LoopBegan(3, 6), AnswersShown((BEFORE,)), PartDone("before", 1.0, 0.5)]
        self.news.append(PartBegan("refit", 1.0))
        yield StageEvent("reward", "", Progress(1, 4, "update"))
        while not self.go.wait(0.01):
            if control.is_stopping:
                yield StageEvent("reward", "", RunFinished(1, "stopped"))
                return
            yield StageEvent("reward", "", Progress(2, 4, "update"))
        self.news += [JudgeRefitted(0.5, 0.75, 18, 0.73, 0.72), PartDone("refit", 6.0, 3.0)]
        self.news += [PartBegan("ppo", 7.0), PartDone("ppo", 25.0, 12.0), PartBegan("after", 32.0)]
        self.news += [AnswersShown((AFTER,)), PartDone("after", 3.0, 1.0)]
        yield StageEvent("ppo", "", Progress(0, 0, "sample"))


@pytest.fixture
def loop():
    return FakeLoop()


@pytest.fixture
def trained(store):
    add_all_runs(store, steps=2)
    return store


@pytest.fixture
def open_tab(qtbot, session, loop):
    session.inference.close(5)
    session.inference = FakeInference()

    def make():
        tab = RankTab(session)
        tab.loop.learner._make_loop = lambda _folder, settings: loop.made_with(settings)
        qtbot.addWidget(tab)
        tab.resize(*SMALLEST)
        with qtbot.waitExposed(tab):
            tab.show()
        tab.activateWindow()
        qtbot.waitUntil(tab.isActiveWindow)
        tab.reload()
        return tab

    return make


_NUMBERS = count(1)


def add_set(store):
    prompt = store.prompts("rank")[0]
    texts = [f"Answer number {next(_NUMBERS)}." for _ in range(4)]
    return store.add_answer_set(prompt.id, [NewCompletion(prompt.id, text, "m") for text in texts]).ids[0]


def rank_by_keys(tab):
    for key in ("1", "2", "3", Qt.Key.Key_Return):
        QTest.keyClick(tab, key)


def test_rankings_are_counted_learned_and_shown(qtbot, trained, session, open_tab, loop):
    for _ in range(4):
        add_set(trained)
    tab = open_tab()
    bar, page = tab.loop.bar, tab.loop.page
    assert not bar.learn.isEnabled()
    assert "No new rankings" in bar.words.text()
    rank_by_keys(tab)
    assert bar.words.text() == "1 new ranking since the last training"
    rank_by_keys(tab)
    rank_by_keys(tab)
    assert bar.words.text() == "3 new rankings since the last training"
    loop.go.clear()
    QTest.keyClick(tab, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert tab.loop.is_showing_changes
    qtbot.waitUntil(lambda: "step" in page.what.text(), timeout=PATIENT_MS)
    assert "Reward model: step" in page.what.text()
    assert "not yet" in page.changes.toPlainText()
    assert MARKUP in page.changes.toPlainText()
    assert bar.words.text().startswith("Learning: ")
    assert not bar.learn.isEnabled()
    loop.go.set()
    learner = tab.loop.learner
    qtbot.waitUntil(lambda: learner.state is RoundState.SHOWN, timeout=PATIENT_MS)
    assert page.title.text() == "What 3 rankings have changed"
    assert (page.pairs.value.text(), page.held_out.value.text()) == ("50% → 75%", "73% → 72%")
    assert page.scores.value.text() == "+0.25 → +2.00"
    text = page.changes.toPlainText()
    assert "Tell a <i>story</i>." in text
    assert "reward +2.00 (before the refit +1.00)" in text
    assert [one.words for one in page._stretches()][1:-1] == ["answers before", "refit", "PPO", "answers after"]
    stopped_at = page.clock.text()
    assert learner.seconds == learner.seconds
    assert stopped_at == f"{learner.seconds:.1f} s"


def test_what_differs_is_marked_in_both(qtbot, trained, session, open_tab):
    tab = open_tab()
    view = tab.loop.page.changes
    view.show_prompts((AFTER,))
    marked = {}
    block = view.document().begin()
    while block.isValid():
        for piece in block:
            form = piece.fragment().charFormat()
            if form.background().color().name() == session.theme.colours.changed:
                marked[piece.fragment().text().strip()] = form.underlineStyle()
        block = block.next()
    assert set(marked) == {"<b>Once</b>", "hat.", "Once", "cat."}
    assert all(style != form.UnderlineStyle.NoUnderline for style in marked.values())


def test_keys_do_not_rank_while_the_changes_are_shown_and_escape_leaves(qtbot, trained, open_tab):
    set_id = add_set(trained)
    tab = open_tab()
    tab.loop.show_changes()
    rank_by_keys(tab)
    assert trained.answer_set(set_id).state == "waiting"
    QTest.keyClick(tab.loop.page.back, Qt.Key.Key_Escape)
    assert not tab.loop.is_showing_changes
    rank_by_keys(tab)
    assert trained.answer_set(set_id).state == "ranked"


def test_an_undone_ranking_is_not_counted(trained, session, open_tab):
    add_set(trained)
    tab = open_tab()
    rank_by_keys(tab)
    assert tab.loop.bar.learn.isEnabled()
    session.changed(trained.undo("Tess").changes)
    assert not tab.loop.bar.learn.isEnabled()


def test_by_itself_after_so_many_and_ranking_goes_on(qtbot, trained, session, open_tab):
    for _ in range(3):
        add_set(trained)
    said = []
    session.messaged.connect(said.append)
    tab = open_tab()
    bar = tab.loop.bar
    assert bar.after.currentData() == 0  # off by default
    bar.after.setCurrentIndex(bar.after.findData(5))
    bar.after.activated.emit(bar.after.currentIndex())
    rank_by_keys(tab)
    assert tab.loop.learner.state is RoundState.NONE
    bar.after.setCurrentIndex(bar.after.findData(1))
    bar.after.activated.emit(bar.after.currentIndex())
    rank_by_keys(tab)
    assert tab.loop.learner.is_running
    assert not tab.loop.is_showing_changes
    qtbot.waitUntil(lambda: tab.loop.learner.state is RoundState.SHOWN, timeout=PATIENT_MS)
    assert "are learned, after" in said[-1].text
    said[-1].act()
    assert tab.loop.is_showing_changes


def test_it_can_be_stopped(qtbot, trained, session, open_tab, loop):
    add_set(trained)
    tab = open_tab()
    rank_by_keys(tab)
    loop.go.clear()
    tab.loop.learn()
    qtbot.waitUntil(lambda: tab.loop.page.stop.isVisible() and bool(tab.loop.learner.prompts), timeout=PATIENT_MS)
    tab.loop.page.stop.click()
    qtbot.waitUntil(lambda: tab.loop.learner.state is RoundState.STOPPED, timeout=PATIENT_MS)
    assert "goes on from there" in tab.loop.page.what.text()
    assert tab.loop.bar.learn.isEnabled()


def test_why_it_did_not_work_is_said(qtbot, trained, session, open_tab, loop):
    add_set(trained)
    loop.error = DataError("In the 1 new rankings all answers are tied. Rank some apart.")
    tab = open_tab()
    rank_by_keys(tab)
    tab.loop.learn()
    qtbot.waitUntil(lambda: tab.loop.learner.state is RoundState.FAILED, timeout=PATIENT_MS)
    assert "all answers are tied" in tab.loop.page.what.text()


def test_without_a_reward_model_it_says_what_to_do(qtbot, store, open_tab):
    add_set(store)
    tab = open_tab()
    rank_by_keys(tab)
    bar = tab.loop.bar
    assert not bar.learn.isEnabled()
    assert "train once" in bar.words.text()
    with qtbot.waitSignal(tab.go_to_requested) as wish:
        bar.train.click()
    assert wish.args[0].tab == "train"


def test_nothing_is_cut_off_at_the_smallest_size(qtbot, trained, open_tab):
    add_set(trained)
    tab = open_tab()
    rank_by_keys(tab)
    tab.loop.learn()
    qtbot.waitUntil(lambda: tab.loop.learner.state is RoundState.SHOWN, timeout=PATIENT_MS)
    assert not faults_of(tab, *SMALLEST)


def test_the_end_of_a_round_is_told_once(qtbot, trained, session):
    window = MainWindow(session)
    qtbot.addWidget(window)
    said = []
    session.messaged.connect(said.append)
    done = StageEvent("ppo", "", RunFinished(1, "completed"))
    session.training_finished.emit(done)
    assert [message.text for message in said] == ["Training is done."]
    session.is_round = True
    session.training_finished.emit(done)
    assert len(said) == 1
    window.close_now()


def test_settings_of_learning_are_kept_and_used(qtbot, trained, session, open_tab, loop):
    add_set(trained)
    tab = open_tab()
    bar = tab.loop.bar
    bar._make_form()
    bar.form.fields["ppo_steps"].set_value(3)
    bar.form.edited.emit()
    assert tab.loop.learner.settings == {"ppo_steps": 3}
    rank_by_keys(tab)
    tab.loop.learn()
    assert loop.settings == LoopSettings(ppo_steps=3)
    qtbot.waitUntil(lambda: tab.loop.learner.state is RoundState.SHOWN, timeout=PATIENT_MS)
    session.preferences.keep("loop/settings", '{"ppo_steps": 0}')  # a file that somebody edited
    assert tab.loop.learner.settings == {}
