"""Several sources answer: how sets are sampled, that nobody sees whose answer is whose, and that nobody waits."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QWidget
from window_checks import faults_of
from window_material import add_run

from rlhf_studio.jobs.inference import BACKGROUND, URGENT, RequestDone, RequestFailed
from rlhf_studio.jobs.inference_events import DeviceFound
from rlhf_studio.jobs.lineup import SAMPLING, Answerer, LineUp, Source, read_line_up
from rlhf_studio.jobs.models import language_models
from rlhf_studio.paths import models_dir
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.ui.rank.lineup_dialog import LineUpDialog
from rlhf_studio.ui.rank.queue import RankQueue
from rlhf_studio.ui.rank.sources import META
from rlhf_studio.ui.session import TrainingState
from rlhf_studio.ui.tabs.rank_tab import RankTab

SFT = "20260101-100000-sft"


@pytest.fixture
def models(store):
    """A base model and an SFT model, which has left two checkpoints."""
    store.add_prompts([NewPrompt((Turn("user", f"Prompt {n}"),), purposes=frozenset({"rank"})) for n in range(6)])
    add_run(store.folder, SFT, "sft", {"base": str(models_dir() / "tiny")})
    for step in (10, 20):
        (store.folder / "runs" / SFT / "checkpoints" / f"step-{step:08d}").mkdir(parents=True)
    found = language_models(store.folder, models_dir())
    return found[0], found[-1]


@pytest.fixture
def sources(models):
    """Three: the base model at two temperatures, and SFT."""
    base, sft = models
    warm = replace(SAMPLING, seed=1)
    cool = replace(SAMPLING, temperature=0.5, top_p=0.9, seed=2)
    return Answerer(base, warm), Answerer(base, cool), Answerer(sft, replace(SAMPLING, seed=3))


@pytest.fixture
def queue(session, service, sources):
    queue = RankQueue(session)
    queue.models = tuple(dict.fromkeys(source.model for source in sources))
    queue.choose(sources, 6)
    yield queue
    queue.close()
    queue.deleteLater()


@pytest.fixture
def tab(qtbot, session, service, models, store):
    """The Rank tab with a line-up of two models that were kept with the project."""
    session.inference.texts = [f"Answer number {n}." for n in range(200)]
    base, sft = models
    tab = RankTab(session)
    tab.page.sources.use(LineUp((Source(base.key, base.title), Source(sft.key, sft.title, 0.7))))
    qtbot.addWidget(tab)
    tab.resize(1280, 690)
    with qtbot.waitExposed(tab):
        tab.show()
    drain(session)
    return tab


def drain(session):
    while session.inference.events:
        session.poll_answers()


def answer(service, session, requests, texts):
    """Answer each request by the texts given, in its order."""
    left = list(texts)
    for request in requests:
        for index in range(request.k):
            service.answer(request, left.pop(0), index)
        service.tell(RequestDone(request.number, 1.0))
    session.poll_answers()


# --- sampling


def test_each_source_gives_its_share_and_each_answer_is_kept_with_its_own(queue, service, session, store, sources):
    assert queue.sample_now()
    assert [(request.model, request.k, request.sampling) for request in service.asked] == [
        (source.model, 2, source.sampling) for source in sources
    ]
    assert {request.priority for request in service.asked} == {URGENT}
    assert len({(request.prompt_id, request.step) for request in service.asked}) == 1
    answer(service, session, service.asked, [f"{n}" for n in range(6)])
    completions = store.set_answers(store.answer_sets()[-1].id)
    kept = {(one.text, one.model, one.checkpoint, one.sampling) for one in completions}
    assert kept == {
        (f"{n}", source.model.title, source.model.key, source.sampling)
        for place, source in enumerate(sources)
        for n in (2 * place, 2 * place + 1)
    }


def test_over_many_sets_every_source_comes_under_every_digit(queue, service, session, store, sources):
    queue.set_pace(10, rests_while_training=False)
    queue.start()
    while queue.is_sampling:
        requests = service.asked[-3:]
        answer(service, session, requests, [f"{requests[0].prompt_id} {requests[0].step} {n}" for n in range(6)])
    sets = store.answer_sets()
    assert len(sets) == 11
    by_digit = [{store.set_answers(one.id)[digit].sampling.seed for one in sets} for digit in range(6)]
    assert all(len(seen) == 3 for seen in by_digit)


def test_answers_stream_side_by_side_in_the_order_shown(queue, service, session, qtbot):
    queue.sample_now()
    seen = []
    queue.streaming.connect(seen.append)
    for request in service.asked:
        service.write(request, f"from {request.number}", 1)
        session.poll_answers()
    texts = seen[-1].texts
    assert len(texts) == 6
    assert sorted(text for text in texts if text) == ["from 1", "from 2", "from 3"]


def test_equal_answers_of_different_sources_are_sampled_again(queue, service, session, store):
    """The later one of two is, in the order in which answers were dealt."""
    queue.sample_now()
    first, second, third = (
        [slot for slot, dealt in enumerate(queue._order._dealt) if dealt == place] for place in range(3)
    )
    expected = [1 if first[0] > second[0] else 2, 1 if first[1] > third[1] else 3]
    answer(service, session, service.asked[:3], ["same", "a", "same ", "b", "c", "a"])
    again = service.asked[3:]
    assert store.answer_sets() == ()
    assert sorted(request.sampling.seed for request in again for _ in range(request.k)) == sorted(expected)
    assert all({"same", "a", "b", "c"} <= set(request.avoid) for request in again)
    assert not {request.step for request in again} & {request.step for request in service.asked[:3]}
    answer(service, session, again, ["new", "newer"])
    texts = {one.text for one in store.set_answers(store.answer_sets()[-1].id)}
    assert texts == {"same", "a", "b", "c", "new", "newer"}


def test_answers_that_stay_equal_are_asked_for_a_few_times_and_kept(queue, service, session, store, qtbot):
    queue.sample_now()
    with qtbot.waitSignal(queue.set_ready):
        done = 0
        for _ in range(20):
            if store.answer_sets():
                break
            waiting, done = service.asked[done:], len(service.asked)
            answer(service, session, waiting, ["x"] * sum(request.k for request in waiting))
    assert len(service.asked) == 3 + 3 * 3
    assert [one.text for one in store.set_answers(store.answer_sets()[-1].id)] == ["x"] * 6


def test_a_reroll_asks_the_source_of_that_answer(queue, service, session, store, sources):
    queue.sample_now()
    answer(service, session, service.asked, [f"{n}" for n in range(6)])
    answers = store.answer_sets()[-1]
    old = next(one for one in store.set_answers(answers.id) if one.sampling.seed == 2)
    assert queue.reroll(answers, old)
    request = service.asked[-1]
    assert (request.model, request.sampling, request.k) == (sources[1].model, sources[1].sampling, 1)
    answer(service, session, [request], ["new"])
    new = next(one for one in store.set_answers(answers.id) if one.text == "new")
    assert (new.checkpoint, new.sampling) == (old.checkpoint, old.sampling)


def test_a_reroll_whose_source_is_gone_says_so(queue, service, session, store, sources):
    queue.sample_now()
    answer(service, session, service.asked, [f"{n}" for n in range(6)])
    answers = store.answer_sets()[-1]
    old = next(one for one in store.set_answers(answers.id) if one.sampling.seed == 3)
    said = []
    queue.noted.connect(said.append)
    queue.models = (sources[0].model,)
    assert queue.reroll(answers, old)
    assert service.asked[-1].model == sources[0].model
    assert "is gone" in said[0]
    assert old.model not in said[0]


def test_sets_of_a_line_up_come_before_those_of_a_part_of_it(queue, service, session, store, sources):
    queue.choose(sources[:1], 6)
    queue.sample_now()
    answer(service, session, service.asked[-1:], [f"old {n}" for n in range(6)])
    queue.choose(sources, 6, is_wanted=True)
    queue.sample_now()
    answer(service, session, service.asked[-3:], [f"new {n}" for n in range(6)])
    old, new = store.answer_sets()
    assert [one.id for one in queue.waiting()] == [new.id, old.id]
    assert [queue.fits(one) for one in (old, new)] == [False, True]


# --- beside a run


def train(session, state):
    session._set_state(state)


def test_sets_are_sampled_ahead_while_a_run_goes_on_unless_that_is_off(queue, service, session):
    train(session, TrainingState.RUNNING)
    queue.start()
    assert {request.priority for request in service.asked} == {BACKGROUND}
    queue.set_pace(2, rests_while_training=True)
    assert service.cancelled == [1, 2, 3]
    assert queue.is_resting
    asked = len(service.asked)
    queue.fill()
    assert len(service.asked) == asked
    assert queue.sample_now()  # somebody waits
    train(session, TrainingState.IDLE)
    assert not queue.is_resting


def test_a_run_that_ends_lets_the_queue_fill(queue, service, session):
    queue.set_pace(2, rests_while_training=True)
    train(session, TrainingState.RUNNING)
    queue.start()
    assert service.asked == []
    train(session, TrainingState.IDLE)
    assert len(service.asked) == 3


def test_the_next_set_is_there_at_once_also_beside_a_run(tab, session, store):
    train(session, TrainingState.RUNNING)
    session.inference.texts = ()  # from now on nothing is answered
    assert len(store.answer_sets()) == 3  # the one that is shown, and two ahead
    for left in (2, 1):
        shown = tab._set.id
        QTest.keyClicks(tab, "123")
        QTest.keyClick(tab, Qt.Key.Key_Return)
        assert tab._set is not None  # without an event loop, so without a wait
        assert tab._set.id != shown
        assert len(store.answer_sets()) == left
        assert not tab.queue.is_streaming
    assert session.inference.asked[-1].priority == BACKGROUND
    train(session, TrainingState.IDLE)


def test_sets_that_wait_survive_reopening(tab, session, store, qtbot):
    tab.save_state()
    waiting = [one.id for one in store.answer_sets()]
    other = RankTab(session)
    qtbot.addWidget(other)
    session.inference.texts = ()
    other.reload()
    assert other._set.id == waiting[0]
    assert [source.model.key for source in other.page.sources.answerers] == ["base:tiny", f"run:{SFT}"]


def test_what_sampling_takes_from_a_run_is_told(tab, session, monkeypatch):
    bar = tab.page.sources
    now = [0.0]
    bar._cost._clock = lambda: now[0]
    session.inference.texts = ()
    tab.queue.set_pace(5, rests_while_training=False)
    train(session, TrainingState.RUNNING)
    now[0] = 90.0
    bar._measure()
    assert not bar.cost.isVisible()  # it loads what it needs, and waits for nobody
    monkeypatch.setattr(type(session), "live_run", "20260101-120000-sft")
    bar._measure()
    assert tab.queue.is_sampling
    now[0], session.turns._waited["training"] = 100.0, 0.8
    bar._measure()
    assert bar.cost.text() == "Sampling takes 8 % of training's time"
    assert bar._timer.isActive()
    tab.queue.set_pace(5, rests_while_training=True)
    assert bar.cost.text() == "Sampling rests while the run goes on"
    now[0] = 130.0
    tab.queue.set_pace(2, rests_while_training=False)
    bar._measure()
    assert bar.cost.text() == "Sampling took 2 % of this run's time"
    session.device = DeviceFound("GPU")
    bar._measure()
    assert not bar.cost.isVisible()  # there are no turns to wait for
    train(session, TrainingState.IDLE)
    assert not bar._timer.isActive()


# --- blind


def every_text(root):
    """All that can be read in a window: texts, tooltips, names, descriptions, of widgets and of what they list."""
    for widget in (root, *root.findChildren(QWidget)):
        for name in (
            "text",
            "toPlainText",
            "toolTip",
            "statusTip",
            "whatsThis",
            "accessibleName",
            "accessibleDescription",
            "windowTitle",
            "placeholderText",
        ):
            read = getattr(widget, name, None)
            if callable(read):
                yield widget, str(read())


def test_nothing_tells_whose_answer_is_whose_before_it_is_ranked(tab, session, models):
    hiding = {model.title for model in models} | {model.key for model in models}
    control = tab.page.sources.button  # says who may answer, not who did
    assert models[1].title in control.toolTip()
    shown = [
        (widget, text)
        for widget, text in every_text(tab)
        if widget is not control and not isinstance(widget, QComboBox)
    ]
    assert len(shown) > 100
    assert [text for _, text in shown if any(name in text for name in hiding)] == []
    assert all(not card.property("model") for card in tab.page.board.cards)


def test_notes_and_failures_of_one_answer_name_no_model(tab, session, said):
    session.inference.texts = ()
    card = tab.page.board.cards[0]
    QTest.mouseClick(card.reroll, Qt.MouseButton.LeftButton)
    request = session.inference.asked[-1]
    session.inference.loading(request, request.model.title)
    session.poll_answers()
    assert all(request.model.title not in text for widget, text in every_text(tab.page.board))
    session.inference.tell(RequestFailed(request.number, f"{request.model.title} is gone."))
    session.poll_answers()
    assert "log says why" in tab.page.hint.text()
    assert all(request.model.title not in message.text for message in said)


def test_after_submitting_it_is_said_whose_answer_was_whose(tab, store, said, models):
    answers = store.set_answers(tab._set.id)
    QTest.keyClicks(tab, "123")
    QTest.keyClick(tab, Qt.Key.Key_Return)
    text = said[-1].text
    for model, more in zip(models, ("", ", temperature 0.7"), strict=True):
        digits = ", ".join(str(digit) for digit, one in enumerate(answers, start=1) if one.checkpoint == model.key)
        assert f"{digits} by {model.title}{more}" in text


def test_equal_answers_are_said_when_they_are_shown(tab, session, store):
    texts = session.inference.texts
    session.inference.texts = ["same"] * 50
    tab.queue.sample_now()
    drain(session)
    session.inference.texts = texts
    assert "All answers came out the same" in tab.page.hint.text()


# --- the line-up


def test_the_line_up_is_edited_by_keys_and_kept_with_the_project(tab, session, store, qtbot):
    bar = tab.page.sources
    assert bar.button.text() == "2 sources\u2026"
    QTest.keyClick(bar.button, Qt.Key.Key_Space)
    dialog = bar.findChild(LineUpDialog)
    assert dialog.rows[0].model.currentText() == "Base model (tiny)"
    QTest.keyClick(dialog.add_button, Qt.Key.Key_Space)
    third = dialog.rows[2]
    assert QApplication.focusWidget() is third.model or not dialog.isActiveWindow()
    third.model.setCurrentIndex(third.model.findData(f"run:{SFT}@10"))
    QTest.keyClick(third.temperature, Qt.Key.Key_Up)
    dialog.ahead.setValue(7)
    dialog.beside.setChecked(False)
    QTest.keyClick(dialog.rows[0].remove, Qt.Key.Key_Space)
    names = [widget.accessibleName() for one in dialog.rows for widget in one.widgets]
    assert names[:2] == ["Source 1: model or checkpoint", "Source 1: temperature"]
    assert len(set(names)) == len(names)
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    kept = read_line_up(store.get_meta(META))
    assert [(source.key, source.temperature) for source in kept.sources] == [
        (f"run:{SFT}", 0.7),
        (f"run:{SFT}@10", 1.1),
    ]
    assert (kept.ahead, kept.rests_while_training) == (7, True)
    assert session.inference.asked[-1].model.is_checkpoint


@pytest.mark.parametrize("count", [1, 9])
def test_the_dialog_fits_and_every_control_is_reached_by_tab(qtbot, theme, models, count):
    sources = [Source(model.key, model.title, place / 10) for place, model in enumerate(models * 5)][:count]
    dialog = LineUpDialog(theme, models, sources, LineUp())
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    qtbot.waitUntil(dialog.isActiveWindow)
    assert faults_of(dialog, 1024, 620) == []


def test_the_last_source_stays_and_nine_are_enough(tab):
    tab.page.sources.open_dialog()
    dialog = tab.page.sources.findChild(LineUpDialog)
    for _ in range(7):
        dialog.add()
    assert len(dialog.rows) == 9
    assert len({(one.key, one.temperature) for one in dialog.line_up().sources}) == 9
    assert not dialog.add_button.isEnabled()
    for _ in range(8):
        dialog.remove(dialog.rows[0])
    assert not dialog.rows[0].remove.isEnabled()
    dialog.reject()


def test_a_dialog_that_is_left_changes_nothing(tab, store):
    before = store.get_meta(META)
    tab.page.sources.open_dialog()
    dialog = tab.page.sources.findChild(LineUpDialog)
    dialog.findChild(QDoubleSpinBox).setValue(0.3)
    dialog.reject()
    assert store.get_meta(META) == before


def test_one_model_as_it_is_goes_back_to_the_picker(tab, models, store):
    bar = tab.page.sources
    assert not bar.picker.isVisible()
    bar.use(LineUp((Source(models[0].key, models[0].title),)))
    assert bar.picker.isVisible()
    assert bar.picker.choice == models[0]
    assert bar.button.text() == "Sources\u2026"
    assert [source.model for source in bar.answerers] == [models[0]]


def test_a_source_that_is_gone_is_said_once_and_left_out(tab, models, said):
    bar = tab.page.sources
    gone = Source("run:20250101-000000-sft", "SFT, 1 Jan 00:00")
    bar.use(LineUp((Source(models[0].key, models[0].title), gone)))
    bar.reload(4)
    bar.reload(4)
    told = [message.text for message in said if "Gone" in message.text]
    assert told == ["Gone, so no longer asked for answers: SFT, 1 Jan 00:00."]
    assert [source.model for source in bar.answerers] == [models[0]]
    bar.open_dialog()
    dialog = bar.findChild(LineUpDialog)
    assert dialog.rows[1].model.currentText() == "SFT, 1 Jan 00:00 (gone)"
    assert dialog.line_up().sources[1] == gone
    dialog.reject()


def test_a_project_that_cannot_be_written_keeps_its_line_up(tab, store, said, monkeypatch):
    before = tab.page.sources.line_up
    monkeypatch.setattr(store, "_read_only_reason", "It is open elsewhere.")
    tab.page.sources.use(LineUp())
    assert tab.page.sources.line_up == before
    assert said[-1].kind == "error"
