"""The library by hand: found, filtered, edited, deleted and brought back, by keys as a person does it."""

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store.prompt_edits import PromptEdit
from rlhf_studio.store.prompt_list import PromptQuery
from rlhf_studio.ui.itemmodels import library
from rlhf_studio.ui.itemmodels.library import COLUMNS, PAGE, LibraryModel
from rlhf_studio.ui.itemmodels.paged import ItemRole
from rlhf_studio.ui.prompts.words import PAPER_SHARES
from rlhf_studio.ui.tabs.prompts_tab import PromptsTab
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.tabs.write_tab import WriteTab


def fill(store, count):
    store.add_prompts(
        [
            NewPrompt(
                (Turn("user", f"question {i} {'正弦' if i % 10 == 0 else ''}"),),
                "chat" if i % 2 else "other",
                author="ann",
            )
            for i in range(count)
        ]
    )


@pytest.fixture
def tab(qtbot, session):
    """The three prompts of the project, shown."""
    made = PromptsTab(session)
    qtbot.addWidget(made)
    made.resize(1200, 720)
    made.show()
    qtbot.waitExposed(made)
    return made


def said(session, act):
    heard = []
    session.messaged.connect(heard.append)
    act()
    session.messaged.disconnect(heard.append)
    return [(message.kind, message.text) for message in heard]


def column(tab, number):
    return [tab.model.index(row, number).data() for row in range(tab.model.rowCount())]


# --- the model


def test_only_the_pages_on_screen_are_read(qtbot, store, monkeypatch):
    fill(store, 10 * PAGE)
    read = []
    items = store.prompt_items
    monkeypatch.setattr(store, "prompt_items", lambda ids: read.append(len(ids)) or items(ids))
    model = LibraryModel(store)
    model.show_only(PromptQuery())
    assert (model.rowCount(), model.columnCount(), read) == (10 * PAGE + 3, COLUMNS, [])
    assert model.index(5, 0).data() == "question 2"
    assert model.index(6, 1).data() == "Chat"
    assert model.index(9 * PAGE, 0).data() == f"question {9 * PAGE - 3}"
    assert read == [PAGE, PAGE]
    assert model.index(model.rowCount() + 5, 0).data() is None


def test_pages_that_were_left_long_ago_are_forgotten(store, monkeypatch):
    monkeypatch.setattr(library, "PAGE", 10)
    monkeypatch.setattr(library, "KEPT_PAGES", 2)
    fill(store, 47)
    model = LibraryModel(store)
    model.show_only(PromptQuery())
    for row in (0, 10, 0, 20):
        model.item(row)
    assert list(model._pages) == [0, 2]


def test_counts_are_of_all_use_cases_whichever_is_shown(store):
    model = LibraryModel(store)
    model.show_only(PromptQuery(use_case="chat"))
    assert len(model.ids) == 1
    assert {name: count for name, count in model.counts.items() if count} == {"generation": 1, "open_qa": 1, "chat": 1}


def test_a_project_that_cannot_be_read_is_said_so_once(qtbot, store, monkeypatch):
    model = LibraryModel(store)
    heard = []
    model.failed.connect(heard.append)

    def fail(*_args):
        raise DataError("It is gone.")

    monkeypatch.setattr(store, "list_prompts", fail)
    model.show_only(PromptQuery())
    assert heard == ["It is gone."]
    assert model.rowCount() == 0


# --- finding


def test_what_is_typed_is_searched_without_enter(qtbot, session, tab):
    fill(session.store, 30)
    tab._is_stale = True
    tab.reload()
    with qtbot.waitSignal(tab.filters.changed, timeout=2000):
        tab.filters.search.insert("正弦")
    assert tab.page.shown.text() == "3 prompts"
    assert column(tab, 0) == ["question 0 正弦", "question 10 正弦", "question 20 正弦"]
    qtbot.keyClick(tab.filters.search, Qt.Key.Key_Return)
    assert tab.table.hasFocus()


def test_filters_narrow_each_other_and_are_given_up_together(qtbot, session, tab):
    boxes = tab.filters.boxes
    boxes["use_case"].choose("chat")
    tab.filters.apply()
    assert column(tab, 0) == ["Say hello."]
    assert tab.page.use_cases.rows["chat"].isChecked()
    boxes["is_demonstrated"].choose(True)
    tab.filters.apply()
    assert tab.model.rowCount() == 0
    assert tab.page.nothing.isVisible()
    assert tab.filters.clear.isVisible()
    tab.page.nothing.button.click()
    assert tab.model.rowCount() == 3
    assert tab.filters.is_empty
    assert not tab.page.use_cases.rows["chat"].isChecked()


def test_tags_and_authors_are_offered_when_they_are_asked_for(session, tab):
    session.store.edit_prompts([1, 2], PromptEdit(add_tags=frozenset({"正弦"}), author="ann"))
    box = tab.filters.boxes["tag"]
    box.about_to_choose.emit()
    tab.filters.boxes["author"].about_to_choose.emit()
    assert [box.itemText(i) for i in range(box.count())] == ["Tag", "正弦  2"]
    authors = tab.filters.boxes["author"]
    assert [authors.itemText(i) for i in range(authors.count())] == ["Author", "ann  2", "(no name)  1"]
    box.choose("正弦")
    tab.filters.apply()
    assert tab.model.ids == [1, 2]
    authors.choose("")
    tab.filters.apply()
    assert tab.model.ids == []


def test_use_cases_stand_beside_those_of_the_paper(qtbot, tab):
    assert sum(PAPER_SHARES.values()) == pytest.approx(99.9)  # table 1 is rounded
    row = tab.page.use_cases.rows["open_qa"]
    assert row.accessibleName() == "Open question: 1 prompts, 33.3 %; in InstructGPT's 12.4 %"
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    assert tab.model.ids == [2]
    assert tab.filters.boxes["use_case"].value == "open_qa"
    qtbot.mouseClick(row, Qt.MouseButton.LeftButton)
    assert tab.model.ids == [1, 2, 3]


# --- one prompt


def test_enter_and_a_double_click_open_the_prompt_in_write(qtbot, tab):
    tab.table.choose(2)
    with qtbot.waitSignal(tab.go_to_requested) as heard:
        qtbot.keyClick(tab.table, Qt.Key.Key_Return)
    assert heard.args == [GoTo("write", prompt_id=2, act=True)]
    with qtbot.waitSignal(tab.go_to_requested) as heard:
        tab.table.doubleClicked.emit(tab.model.index(0, 1))
    assert heard.args == [GoTo("write", prompt_id=1, act=True)]


def test_the_whole_prompt_is_there_to_read(session, tab):
    turns = (Turn("system", "Be kind."), Turn("user", "你好"), Turn("assistant", "好"), Turn("user", "<b>再见</b>"))
    (prompt_id,) = session.store.add_prompts([NewPrompt(turns, "chat", author="小明", split="test")]).ids
    session.store.edit_prompts([prompt_id], PromptEdit(add_tags=frozenset({"t"})))
    tab._is_stale = True
    tab.go_to(GoTo("prompts", prompt_id=prompt_id))
    tab.reload()
    tab.table.choose(prompt_id)
    text = tab.page.reading.text.toPlainText()
    assert all(turn.content in text for turn in turns)
    assert tab.page.reading.facts.text() == f"Prompt {prompt_id} · Chat · Plain · Test · tags: t · by 小明"


def test_the_menu_ranks_and_copies(qtbot, tab):
    tab.table.choose(3)
    words = {action.text(): action for action in tab.table.menu.actions() if action.text()}
    assert list(words) == ["Answer it in Write", "Rank answers to it", "Copy", "Delete"]
    with qtbot.waitSignal(tab.go_to_requested) as heard:
        words["Rank answers to it"].trigger()
    assert heard.args == [GoTo("rank", prompt_id=3)]
    tab.table.selectAll()
    words["Copy"].trigger()
    assert QGuiApplication.clipboard().text() == "Tell a story about a red hat.\n\nWhy is the sky blue?\n\nSay hello."


def test_new_prompts_begin_in_write(qtbot, tab):
    assert [action.text() for action in tab.page.new_menu.actions()] == [
        "Plain prompt",
        "Few-shot\u2026",
        "User-based\u2026",
        "Conversation\u2026",
    ]
    with qtbot.waitSignal(tab.go_to_requested) as heard:
        tab.page.plain.trigger()
    assert heard.args == [GoTo("write", new_prompt=True)]


# --- many prompts


def test_all_that_fit_are_chosen_also_rows_that_were_never_read(qtbot, session, tab):
    fill(session.store, 5 * PAGE)
    tab._is_stale = True
    tab.reload()
    tab.filters.choose_use_case("chat")
    qtbot.keyClick(tab.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    fit = [i for i in range(1, 5 * PAGE + 4) if session.store.prompt(i).use_case == "chat"]
    assert tab.table.chosen_ids() == fit
    assert tab.page.bar.count.text() == f"{len(fit)} chosen"
    assert tab.page.bar.isVisible()
    tab.table.clearSelection()
    assert not tab.page.bar.isVisible()


def test_delete_is_undone_from_the_toast_and_the_keyboard_goes_on(qtbot, session, tab):
    tab.table.choose(2)
    heard = said(session, lambda: qtbot.keyClick(tab.table, Qt.Key.Key_Delete))
    assert heard == [("undo", "1 prompt deleted.")]
    assert tab.model.ids == [1, 3]
    assert tab.table.current_id() == 3
    assert tab.table.hasFocus()
    session.changed(session.store.undo().changes)
    assert tab.model.ids == [1, 2, 3]


def test_chosen_prompts_are_edited_at_once_and_stay_chosen(qtbot, session, tab):
    tab.table.choose(1)
    tab.table.selectionModel().select(
        tab.model.index(2, 0), QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    )
    action = next(one for one in tab.page.bar.use_case.menu().actions() if one.text() == "Extract")
    assert said(session, action.trigger) == [("undo", "2 prompts changed.")]
    assert column(tab, 1) == ["Extract", "Open question", "Extract"]
    assert tab.table.chosen_ids() == [1, 3]
    assert said(session, action.trigger) == [("info", "Nothing had to be changed.")]
    tab.filters.choose_use_case("extract")
    tab.table.selectAll()
    next(one for one in tab.page.bar.use_case.menu().actions() if one.text() == "Chat").trigger()
    assert tab.model.ids == []  # they fit no more
    assert not tab.page.bar.isVisible()


def test_a_tag_is_typed_and_an_author_too(qtbot, session, tab):
    tab.table.selectAll()
    qtbot.keyClick(tab.table, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    bar = tab.page.bar
    assert bar.line.isVisible()
    qtbot.keyClicks(bar.line, "  hard  words ")
    qtbot.keyClick(bar.line, Qt.Key.Key_Return)
    assert column(tab, 4) == ["hard words"] * 3
    bar.tags.menu().aboutToShow.emit()
    assert [one.text() for one in bar.tags.menu().actions() if one.text()] == [
        "New tag…",
        "Add “hard words”",
        "Remove “hard words”",
    ]
    bar.tags.menu().actions()[-1].trigger()
    assert column(tab, 4) == [""] * 3
    bar.author.click()
    qtbot.keyClicks(bar.line, "eve")
    bar.take.click()
    assert column(tab, 7) == ["eve"] * 3


def test_an_empty_tag_is_refused_in_words(qtbot, session, tab):
    tab.table.selectAll()
    tab.page.bar.begin_tag()
    heard = said(session, lambda: qtbot.keyClick(tab.page.bar.line, Qt.Key.Key_Return))
    assert heard == [("error", "Write a tag first.")]
    tab.page.bar.leave.click()
    assert session.store.tags() == {}


# --- states


def test_an_empty_project_says_what_to_do(qtbot, session, tab):
    tab.table.selectAll()
    tab.delete()
    assert tab.page.empty.isVisible()
    assert tab.primary_button() is tab.page.empty.button
    with qtbot.waitSignal(tab.go_to_requested) as heard:
        tab.page.empty.button.click()
    assert heard.args == [GoTo("write", new_prompt=True)]


def test_news_of_the_project_is_read_when_the_tab_is_seen(session, tab):
    tab.hide()
    fill(session.store, 2)
    session.changed(session.store.edit_prompts([1], PromptEdit(use_case="rewrite")).changes)
    assert len(tab.model.ids) == 3
    tab.show()
    assert len(tab.model.ids) == 5
    assert column(tab, 1)[0] == "Rewrite"


def test_a_read_only_project_offers_no_change(session, tab):
    session.store._read_only_reason = "It is open elsewhere."
    tab.table.selectAll()
    assert not tab.page.bar.isVisible()
    heard = said(session, tab.delete)
    assert heard[0][0] == "error"
    assert "open elsewhere" in heard[0][1]


def test_write_leaves_a_prompt_that_was_deleted(qtbot, session, tab):
    write = WriteTab(session)
    qtbot.addWidget(write)
    write.show()
    write.go_to(GoTo("write", prompt_id=2))
    write.hide()
    tab.table.choose(2)
    tab.delete()
    write.show()
    assert write.prompts.view.currentIndex().data(ItemRole).id != 2
    assert write.answer.isEnabled()
