import shutil

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication
from window_material import MARKUP, add_all_runs, add_run

from rlhf_studio.events import CheckpointSaved
from rlhf_studio.jobs.inference import RequestDone, RequestFailed
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.ui.compare.column import ColumnState
from rlhf_studio.ui.compare.lineup import MAX_COLUMNS
from rlhf_studio.ui.tabs.compare_tab import CompareTab
from rlhf_studio.ui.tabs.tab import GoTo

SAME = {"temperature", "top_p", "max_new_tokens", "seed"}


@pytest.fixture
def open_tab(qtbot, session, service):
    def make():
        tab = CompareTab(session)
        qtbot.addWidget(tab)
        tab.resize(1024, 620)
        tab.show()
        return tab

    return make


@pytest.fixture
def tab(open_tab, store):
    """A project in which everything was trained."""
    add_all_runs(store, 10)
    return open_tab()


def stages(tab):
    return [column.stage.text() for column in tab.board.columns]


def finish(session, service, request, text, **numbers):
    service.answer(request, text, **numbers)
    service.tell(RequestDone(request.number, 1.0))
    session.poll_answers()


def test_with_nothing_trained_the_base_model_answers_and_a_button_leads_to_training(qtbot, open_tab, session, service):
    tab = open_tab()
    assert stages(tab) == ["Base model"]
    assert tab.board.untrained.isVisible()
    assert tab.legend.words.text() == "No reward model yet, so answers get no reward"
    with qtbot.waitSignal(tab.go_to_requested) as asked:
        tab.board.untrained.button.click()
    assert asked.args[0].tab == "train"
    tab.primary_button().click()
    (request,) = service.asked
    assert request.reward is None
    finish(session, service, request, "a hat a hat")
    (column,) = tab.board.columns
    assert column.text.toPlainText() == "a hat a hat"
    assert column.figures.reward.text() == "\u2014"


def test_without_a_reward_model_a_button_leads_to_training(qtbot, open_tab, store):
    add_run(store.folder, "20260102-100000-sft", "sft", {"base": "x"})
    tab = open_tab()
    assert not tab.board.untrained.isVisible()
    assert tab.legend.words.text().startswith("No reward model yet, so answers get no reward \u00b7 KL to \u201cSFT, ")
    with qtbot.waitSignal(tab.go_to_requested) as asked:
        tab.legend.train.click()
    assert asked.args[0].tab == "train"


def test_every_stage_has_a_column_and_all_are_asked_the_same(tab, session, service):
    assert stages(tab) == ["Base model", "SFT", "PPO", "PPO-ptx"]
    assert "Reward by “Reward model" in tab.legend.words.text()
    assert "KL to “SFT" in tab.legend.words.text()
    tab.ask_all()
    assert len(service.asked) == 4
    assert len({request.turns for request in service.asked}) == 1
    assert len({request.sampling for request in service.asked}) == 1
    assert len({request.model for request in service.asked}) == 4
    assert {request.reference.parts[-3] for request in service.asked} == {"20260101-100000-sft"}
    assert {request.reward.parts[-3] for request in service.asked} == {"20260101-101000-reward"}


def test_the_probes_come_first_and_the_first_of_them_is_ready_to_be_asked(tab):
    assert tab.prompt.editor.toPlainText() == "Say hello."
    assert tab.prompt.picker.itemText(0) == "probe · Say hello."
    assert tab.primary_button().isEnabled()


def test_answers_are_seen_as_they_are_written_side_by_side(tab, session, service):
    tab.ask_all()
    base, sft = tab.board.columns[:2]
    first, second = service.asked[:2]
    service.loading(first, "Base model tiny")
    session.poll_answers()
    assert "Loading Base model tiny" in base.figures.length.text()
    assert sft.state is ColumnState.WAITING
    service.write(first, "Once")
    service.write(second, "Hello")
    session.poll_answers()
    assert (base.shown, sft.shown) == ("Once", "Hello")
    service.write(first, "Once upon")
    session.poll_answers()
    assert base.text.toPlainText() == "Once upon"
    assert base.state is ColumnState.WRITING
    finish(session, service, first, "Once upon a time.", score=-1.25, kl=14.21)
    finish(session, service, second, "Hello, and then", score=0.5, kl=0.0, is_finished=False)
    assert base.state is ColumnState.DONE
    figures = base.figures
    assert (figures.reward.text(), figures.kl.text()) == ("-1.25", "14.2 nats")
    assert (figures.length.text(), figures.ending.text()) == ("5 tokens", "finished")
    assert sft.figures.ending.text() == "cut off"
    assert "Reward model" in figures.reward.toolTip()
    assert "SFT" in figures.kl.toolTip()


def test_text_of_people_and_models_is_shown_as_it_is(tab, session, service, store):
    store_id = store.add_prompts([NewPrompt((Turn("user", MARKUP),), "other")]).ids[0]
    tab.go_to(GoTo("compare", prompt_id=store_id))
    assert tab.prompt.editor.toPlainText() == MARKUP
    tab.ask_all()
    assert service.asked[0].turns == (Turn("user", MARKUP),)
    finish(session, service, service.asked[0], MARKUP)
    assert tab.board.columns[0].text.toPlainText() == MARKUP


def test_a_failure_stays_in_its_column(tab, session, service):
    tab.ask_all()
    service.tell(RequestFailed(service.asked[1].number, "The model folder is gone. Choose another model."))
    finish(session, service, service.asked[0], "Fine.")
    base, sft = tab.board.columns[:2]
    assert sft.state is ColumnState.FAILED
    assert sft.status.text() == "The model folder is gone. Choose another model."
    assert base.text.toPlainText() == "Fine."
    assert tab.controls.stop.isEnabled()  # two more are on their way


def test_stopping_keeps_what_is_written(qtbot, tab, session, service):
    tab.ask_all()
    service.write(service.asked[0], "Once")
    session.poll_answers()
    qtbot.keyClick(tab.prompt.editor, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert service.cancelled == [request.number for request in service.asked]
    assert tab.board.columns[0].text.toPlainText() == "Once"
    assert not tab.board.is_busy
    assert not tab.controls.stop.isEnabled()


def test_asking_again_gives_up_what_was_asked_before(tab, session, service):
    tab.ask_all()
    tab.ask_all()
    assert service.cancelled == [1, 2, 3, 4]
    service.write(service.asked[0], "late")
    session.poll_answers()
    assert tab.board.columns[0].shown == ""


def test_keys_ask_from_the_editor(qtbot, tab, service):
    tab.prompt.editor.setFocus()
    qtbot.keyClick(tab.prompt.editor, Qt.Key.Key_Return)
    assert service.asked == []
    qtbot.keyClick(tab.prompt.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(service.asked) == 4


def test_the_enter_of_an_input_method_asks_nothing(qtbot, tab, service):
    QApplication.sendEvent(tab.prompt.editor, QInputMethodEvent("nihao", []))
    tab.ask_all()
    assert service.asked == []


def test_a_seed_matters_only_where_something_is_drawn(qtbot, tab, service):
    assert not tab.controls.seed.isEnabled()
    assert not tab.controls.again.isEnabled()
    tab.controls.temperature.setValue(0.7)
    assert tab.controls.again.isEnabled()
    qtbot.keyClick(tab, Qt.Key.Key_F5)
    assert {request.sampling.seed for request in service.asked} == {1}
    assert {request.sampling.temperature for request in service.asked} == {0.7}


def test_a_typed_prompt_is_asked_and_an_empty_one_is_not(qtbot, tab, service):
    tab.prompt.editor.setPlainText("  ")
    assert not tab.primary_button().isEnabled()
    tab.ask_all()
    assert service.asked == []
    tab.prompt.editor.setPlainText("Why?")
    assert tab.prompt.picker.chosen() is None
    tab.ask_all()
    assert service.asked[0].turns == (Turn("user", "Why?"),)


def test_any_part_of_a_prompt_finds_it(tab):
    picker = tab.prompt.picker
    completer = picker.completer()
    completer.setCompletionPrefix("SKY")
    assert completer.completionCount() == 1
    place = picker.findText(completer.currentCompletion())
    picker.setCurrentIndex(place)
    picker.activated.emit(place)
    assert tab.prompt.editor.toPlainText() == "Why is the sky blue?"
    assert picker.chosen().text == "Why is the sky blue?"


def test_a_conversation_is_asked_with_its_earlier_turns(tab, service, store):
    turns = (Turn("user", "Hi"), Turn("assistant", "Hello!"), Turn("user", "How are you?"))
    prompt_id = store.add_prompts([NewPrompt(turns, "chat")]).ids[0]
    tab.go_to(GoTo("compare", prompt_id=prompt_id, act=True))
    assert tab.prompt.earlier.isVisible()
    assert tab.prompt.earlier.toPlainText() == "Person: Hi\nAssistant: Hello!"
    assert service.asked[0].turns == turns
    tab.prompt.editor.setPlainText("And you?")
    tab.ask_all()
    assert service.asked[-1].turns == (*turns[:2], Turn("user", "And you?"))


def test_answers_to_another_prompt_are_called_so(tab, session, service):
    tab.ask_all()
    finish(session, service, service.asked[0], "Hello.")
    assert "Reward by" in tab.legend.words.text()
    tab.prompt.editor.setPlainText("Why?")
    assert tab.legend.words.text() == "These answers are to another prompt. Ask again."
    tab.ask_all()
    assert "Reward by" in tab.legend.words.text()


def test_a_prompt_that_is_gone_is_said(qtbot, tab, session):
    with qtbot.waitSignal(session.messaged) as said:
        tab.go_to(GoTo("compare", prompt_id=999))
    assert "no prompt 999" in said.args[0].text


def test_columns_are_added_up_to_six_and_remembered(qtbot, tab, open_tab, service):
    while tab.legend.add.isEnabled():
        tab.legend.add.click()
    assert len(tab.board.columns) == MAX_COLUMNS
    tab.board.columns[0].remove_button.click()
    keys = tab.board.keys
    assert len(keys) == MAX_COLUMNS - 1
    assert service.asked == []  # nothing was asked yet, so a new column is not asked either
    assert open_tab().board.keys == keys


def test_the_last_column_cannot_be_removed(open_tab):
    tab = open_tab()
    assert not tab.board.columns[0].remove_button.isEnabled()


def test_a_model_chosen_late_answers_the_same_prompt(tab, service):
    tab.ask_all()
    column = tab.board.columns[0]
    place = column.models.findData("run:20260101-100000-sft")
    column.models.setCurrentIndex(place)
    column.models.activated.emit(place)
    assert column.stage.text() == "SFT"
    assert len(service.asked) == 5
    assert service.asked[-1].turns == service.asked[0].turns
    assert service.asked[-1].model.parts[-3] == "20260101-100000-sft"
    assert service.cancelled == [service.asked[0].number]


def test_a_run_is_put_beside_the_others(tab):
    add_run(tab.session.store.folder, "20260102-100000-sft", "sft", {"base": "x"})
    tab.session.runs_changed.emit()
    tab.go_to(GoTo("compare", run_id="20260101-100000-sft"))
    assert tab.board.keys[-1] == "run:20260101-100000-sft"
    count = len(tab.board.columns)
    tab.go_to(GoTo("compare", run_id="20260102-100000-sft"))  # is there as the newest SFT model
    assert len(tab.board.columns) == count


def test_a_run_without_a_model_is_said(qtbot, tab):
    with qtbot.waitSignal(tab.session.messaged) as said:
        tab.go_to(GoTo("compare", run_id="20260101-101000-reward"))
    assert "no model that answers" in said.args[0].text


def test_columns_follow_the_newest_models(open_tab, session, service, store):
    tab = open_tab()
    add_all_runs(store, 10)
    session.runs_changed.emit()
    assert stages(tab) == ["Base model", "SFT", "PPO", "PPO-ptx"]
    tab.ask_all()
    finish(session, service, service.asked[1], "Hello.")
    add_run(store.folder, "20260102-100000-sft", "sft", {"base": "x"})
    session.runs_changed.emit()
    sft = tab.board.columns[1]
    assert sft.choice.run_id == "20260102-100000-sft"
    assert "Ask again" in sft.status.text()
    assert sft.text.toPlainText() == "Hello."


def test_a_model_that_was_removed_is_said_in_its_column(tab, session, service, store):
    tab.board.add("run:20260101-100000-sft")
    shutil.rmtree(store.runs_dir / "20260101-100000-sft")
    session.runs_changed.emit()
    column = tab.board.columns[-1]
    assert "no longer there" in column.status.text()
    tab.ask_all()
    assert len(service.asked) == 3  # base, PPO and PPO-ptx are still there
    assert service.asked[-1].reference is None


def test_models_are_read_again_at_a_checkpoint(tab, session, store):
    add_run(store.folder, "20260102-100000-sft", "sft", {"base": "x"})
    session.events_arrived.emit([StageEvent("sft", "20260102-100000-sft", CheckpointSaved(5, "checkpoints/x"))])
    assert tab.board.columns[1].choice.run_id == "20260102-100000-sft"


def test_a_hidden_tab_reads_nothing_until_it_is_shown(tab, session, store):
    tab.hide()
    add_run(store.folder, "20260102-100000-sft", "sft", {"base": "x"})
    session.runs_changed.emit()
    assert tab.board.columns[1].choice.run_id == "20260101-100000-sft"
    tab.show()
    assert tab.board.columns[1].choice.run_id == "20260102-100000-sft"


def test_new_prompts_are_listed(tab, session, store):
    session.changed(store.add_prompts([NewPrompt((Turn("user", "A new one."),), "chat")]).changes)
    assert tab.prompt.picker.findText("A new one.", Qt.MatchFlag.MatchContains) >= 0


def test_words_that_differ_from_the_column_before_are_marked(tab, session, service):
    tab.ask_all()
    finish(session, service, service.asked[0], "The cat \U0001f600 sat.")
    finish(session, service, service.asked[1], "The dog \U0001f600 sat down.")
    tab.legend.changes.click()
    base, sft = tab.board.columns[:2]
    assert base.text.extraSelections() == []
    assert [s.cursor.selectedText() for s in sft.text.extraSelections()] == ["dog", "down"]
    tab.legend.changes.click()
    assert sft.text.extraSelections() == []


def test_bars_share_their_scale(tab, session, service):
    tab.ask_all()
    finish(session, service, service.asked[0], "One.", score=-1.0, kl=20.0)
    finish(session, service, service.asked[1], "Two.", score=2.0, kl=0.0)
    ranges = {column.figures._reward_bar._range for column in tab.board.columns[:2]}
    assert ranges == {(-1.0, 2.0)}


def test_settings_are_remembered(tab, open_tab):
    tab.controls.temperature.setValue(0.5)
    tab.controls.longest.setValue(32)
    tab.save_state()
    other = open_tab()
    assert other.controls.sampling().temperature == 0.5
    assert other.controls.sampling().max_new_tokens == 32


def test_a_note_that_makes_no_sense_is_ignored(tab, open_tab, session):
    session.preferences.keep(tab._columns_name(), '{"a": 1}')
    session.preferences.keep("compare/temperature", "warm")
    other = open_tab()
    assert stages(other) == ["Base model", "SFT", "PPO", "PPO-ptx"]
    assert other.controls.sampling().temperature == 0


def test_keys_are_named_for_the_overlay(tab):
    assert "Ctrl+Enter" in {line.keys for line in tab.key_help()}
    assert tab.title() == "Compare"


def test_the_bundled_model_answers(qtbot, session):
    tab = CompareTab(session)
    qtbot.addWidget(tab)
    tab.show()
    tab.controls.longest.setValue(4)
    tab.ask_all()
    (column,) = tab.board.columns
    qtbot.waitUntil(lambda: column.state is ColumnState.DONE, timeout=60_000)
    assert column.answer.text == column.shown
    assert 1 <= len(column.answer.token_ids) <= 4
