"""Whatever is typed or pasted into the Write tab: nothing hangs, nothing is lost, and what is wrong is said."""

import os
import signal
import subprocess
import sys

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from rlhf_studio.paths import models_dir
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.write.answer_editor import MAX_CHARACTERS, clean
from rlhf_studio.ui.write.length_line import characters

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def tab(open_write_tab, session, service):
    return open_write_tab(session)


def paste(editor, text):
    data = QMimeData()
    data.setText(text)
    editor.insertFromMimeData(data)


def press(key, modifiers=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(QApplication.focusWidget(), key, modifiers)


# --- characters


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("plain words", 11),
        ("天空为什么是蓝色的", 9),
        ("e\u0301", 1),
        ("👩\u200d👩\u200d👧", 1),
        ("👍🏽👍", 2),
        ("🇩🇪🇫🇷", 2),
        ("ก็", 1),
        ("a\nb", 3),
        ("𠮷野家", 3),
        ("שלום", 4),
    ],
)
def test_characters_are_counted_as_a_person_counts_them(text, count):
    assert characters(text) == count


@pytest.mark.parametrize(
    ("text", "kept", "faults"),
    [
        ("a\tb\nc", "a\tb\nc", 0),
        ("a\r\nb\rc\u2028d\u2029e\x0cf", "a\nb\nc\nd\ne\nf", 0),
        ("a\0b\x07c\x1b", "abc", 3),
        ("half \ud83d and \ude00", "half \ufffd and \ufffd", 2),
        ("whole 😀", "whole 😀", 0),
        ("\u202eright to left\u202c שלום", "\u202eright to left\u202c שלום", 0),
    ],
)
def test_what_a_project_cannot_keep_is_left_out(text, kept, faults):
    assert clean(text) == (kept, faults)
    kept.encode()


# --- the editor


@pytest.mark.parametrize("text", ["word " * 200_000, "天" * 1_000_000, "\n" * 1_000_000])
def test_a_megabyte_is_refused_and_the_text_stays(text, tab, store):
    QTest.keyClicks(tab.answer.editor, "Mine")
    paste(tab.answer.editor, text)
    assert tab.answer.text == "Mine"
    assert "1,000,004 characters" in tab.answer.problem.text()
    assert tab.answer.problem.isVisible()
    tab.save_state()
    assert store.draft(1) == "Mine"


def test_as_much_as_fits_is_pasted_and_said_to_be_too_long_for_sft(tab, store, qtbot):
    text = ("天空" * 49 + "。\n") * (MAX_CHARACTERS // 100)
    paste(tab.answer.editor, text)
    assert tab.answer.text == text
    assert not tab.answer.problem.isVisible()
    qtbot.waitUntil(tab.answer.too_long.isVisible, timeout=3000)
    assert "would leave it out" in tab.answer.too_long.text()
    assert tab.answer.length.text().startswith(f"{MAX_CHARACTERS} characters · over ")
    tab.save_state()
    assert store.draft(1) == text
    paste(tab.answer.editor, "x")
    assert tab.answer.text == text


def test_characters_that_are_none_are_left_out_and_said(tab, store):
    paste(tab.answer.editor, "a\0b\x07 c")
    assert tab.answer.text == "ab c"
    assert "left out or replaced: 2" in tab.answer.problem.text()
    press(Qt.Key.Key_Return, CTRL)
    assert store.demonstrations(1)[0].text == "ab c"


@pytest.mark.parametrize("text", ["😀👩\u200d🚀", "שלום עולם", "a\u202eb", "e" + "\u0301" * 500])
def test_any_script_is_kept_as_it_was_written(text, tab, store):
    paste(tab.answer.editor, text)
    tab.answer.toggle_preview()
    press(Qt.Key.Key_Return, CTRL)
    assert store.demonstrations(1)[0].text == text


def test_control_characters_that_come_by_key_are_not_kept(tab, store):
    tab.answer.editor.insertPlainText("a\0b")
    tab.save_state()
    assert store.draft(1) == "ab"
    press(Qt.Key.Key_Return, CTRL)
    assert store.demonstrations(1)[0].text == "ab"


def test_one_draft_that_cannot_be_kept_does_not_hold_up_the_others(tab, store, said, monkeypatch):
    from rlhf_studio.errors import DataError

    real = store.save_draft

    def picky(prompt_id, *rest):
        if prompt_id == 1:
            raise DataError("Half a character.")
        return real(prompt_id, *rest)

    monkeypatch.setattr(store, "save_draft", picky)
    QTest.keyClicks(tab.answer.editor, "One")
    press(Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    QTest.keyClicks(tab.answer.editor, "Two")
    tab.save_state()
    assert store.drafts() == {2: "Two"}
    assert [m.text for m in said] == ["Half a character."]


# --- how long


def test_tokens_are_those_of_the_chosen_model(tab, qtbot, session):
    models = tab.page.models
    text = "The hat wanted to see the extraordinary lighthouse."
    tab.answer.editor.insertPlainText(text)
    from rlhf_studio.jobs.token_counter import TokenCounter

    counts = {name: TokenCounter(models_dir() / name).count(text) for name in ("tiny", "small")}
    assert counts["tiny"] != counts["small"]
    for place, choice in enumerate(models.choices):
        models.setCurrentIndex(place)
        models.activated.emit(place)
        wanted = f"{len(text)} characters · {counts[choice.path.name]} tokens"
        qtbot.waitUntil(lambda wanted=wanted: tab.answer.length.text() == wanted)
        assert choice.title in tab.answer.length.toolTip()


def test_an_answer_too_long_for_the_settings_of_sft_is_said(tab, store, qtbot):
    store.set_meta("ui.train.sft", '{"max_length": 20}')
    tab.go_to(GoTo("write", prompt_id=2))
    tab.answer.editor.insertPlainText("one two three four five six seven eight nine ten eleven twelve")
    qtbot.waitUntil(tab.answer.too_long.isVisible)
    assert "SFT takes at most 20" in tab.answer.too_long.text()
    tab.answer.editor.selectAll()
    tab.answer.editor.insertPlainText("Air.")
    qtbot.waitUntil(lambda: not tab.answer.too_long.isVisible())


# --- what outlives the program

_CHILD = """
import os, signal, sys
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from rlhf_studio.store.project import open_project
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.write_tab import WriteTab
from rlhf_studio.ui.theme import Theme

app = QApplication(["test"])
folder, act = Path(sys.argv[1]), sys.argv[2]
tab = WriteTab(Session(open_project(folder), Theme("light"), Preferences(folder / "window.ini")))
tab.show()
getattr(tab, act)()
field = tab.form.editor if act == "begin_prompt" else tab.answer.editor
field.moveCursor(field.textCursor().MoveOperation.End)
save = tab.session.store.set_meta if act == "begin_prompt" else tab.session.store.save_edit

def save_and_die(*args):
    changes = save(*args)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(tab.session.store, "set_meta" if act == "begin_prompt" else "save_edit", save_and_die)
QTest.keyClicks(field, " to the last letter")
app.exec()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing kills like SIGKILL there")
@pytest.mark.parametrize("act", ["begin_prompt", "edit_demonstration"])
def test_forms_and_edits_outlive_the_death_of_the_program(act, tmp_path, open_session, open_write_tab):
    folder = tmp_path / "killed"
    with create_project(folder, "Killed") as store:
        store.add_prompts([NewPrompt((Turn("user", "Say something."),), "chat")])
        store.add_demonstration(1, "Something", "Ada")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    child = subprocess.run([sys.executable, "-c", _CHILD, str(folder), act], env=environment, timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    tab = open_write_tab(open_session(open_project(folder)))
    if act == "begin_prompt":
        tab.begin_prompt()
        assert tab.form.editor.toPlainText() == " to the last letter"
    else:
        assert tab.answer.heading.text() == "New version"
        assert tab.answer.text == "Something to the last letter"
        assert tab.prompts.model.item(0).has_draft


def test_a_new_prompt_that_was_added_leaves_no_draft(tab, store, session, open_write_tab):
    tab.begin_prompt()
    QTest.keyClicks(tab.form.editor, "Describe a fox.")
    tab.form.use_case.setCurrentIndex(3)
    tab.form.use_case.activated.emit(3)
    tab.save_state()
    again = open_write_tab(session)
    again.begin_prompt()
    assert (again.form.editor.toPlainText(), again.form.use_case.currentIndex()) == ("Describe a fox.", 3)
    again.save_and_next()
    assert store.prompt(4).text == "Describe a fox."
    assert open_write_tab(session).form.editor.toPlainText() == ""
