import pytest
from PySide6.QtCore import QModelIndex, Qt

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.ui.itemmodels.paged import PAGE, ItemRole
from rlhf_studio.ui.itemmodels.prompts import PromptFilter, PromptModel, one_line

ROOT = QModelIndex()


def add_many(store, count, use_case="other"):
    prompts = [NewPrompt((Turn("user", f"Say the number {number}."),), use_case) for number in range(count)]
    return store.add_prompts(prompts).ids


@pytest.fixture
def model(qapp, store):
    return PromptModel(store)


def texts(model):
    return [model.index(row).data() for row in range(model.rowCount())]


def test_it_keeps_qts_rules_while_it_is_paged_filtered_and_reloaded(model, store, qtmodeltester):
    ids = add_many(store, PAGE + 5)
    model.reload()
    qtmodeltester.check(model)
    model.fetchMore(ROOT)
    model.set_has_draft(ids[0], has_draft=True)
    model.show_only(PromptFilter("red hat"))
    model.show_only(PromptFilter("no such words"))
    model.reload()
    qtmodeltester.check(model)


def test_prompts_are_read_in_pages(model, store):
    add_many(store, 2 * PAGE + 10)
    model.reload()
    assert model.rowCount() == PAGE
    assert model.canFetchMore(ROOT)
    model.fetchMore(ROOT)
    model.fetchMore(ROOT)
    assert model.rowCount() == 2 * PAGE + 13
    assert not model.canFetchMore(ROOT)
    assert len(set(texts(model))) == 2 * PAGE + 13


def test_a_reload_reads_as_much_as_was_read_before(model, store):
    add_many(store, 2 * PAGE)
    model.reload()
    model.fetchMore(ROOT)
    model.reload()
    assert model.rowCount() == 2 * PAGE
    assert model.canFetchMore(ROOT)


def test_a_row_far_down_is_found_by_reading_on(model, store):
    ids = add_many(store, PAGE + 50)
    model.reload()
    row = model.row_of(ids[-1])
    assert row == PAGE + 52
    assert model.item(row).id == ids[-1]
    assert model.item(row + 1) is None
    assert model.row_of(999_999) is None


def test_the_answered_come_last_or_not_at_all(model, store):
    store.add_demonstration(1, "Once there was a red hat.", "Tess")
    model.reload()
    assert texts(model) == ["Why is the sky blue?", "Say hello.", "Tell a story about a red hat."]
    model.show_only(PromptFilter(unlabeled_only=True))
    assert texts(model) == ["Why is the sky blue?", "Say hello."]


def test_words_and_use_cases_filter(model):
    model.show_only(PromptFilter("HELLO"))
    assert texts(model) == ["Say hello."]
    model.show_only(PromptFilter("", "open_qa"))
    assert texts(model) == ["Why is the sky blue?"]
    assert model.filter == PromptFilter("", "open_qa")


def test_a_draft_marks_its_row_at_once(qtbot, model):
    model.reload()
    with qtbot.waitSignal(model.dataChanged) as signal:
        model.set_has_draft(2, has_draft=True)
    assert signal.args[0].row() == 1
    assert model.item(1).has_draft
    with qtbot.assertNotEmitted(model.dataChanged):
        model.set_has_draft(2, has_draft=True)


def test_what_a_screen_reader_says(model, store):
    store.add_demonstration(1, "A red hat.", "Tess")
    store.save_draft(2, "Because")
    model.reload()
    spoken = [model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(3)]
    assert spoken == [
        "Open question, Why is the sky blue?, has a draft",
        "Chat, Say hello.",
        "Generation, Tell a story about a red hat., has a demonstration",
    ]


def test_markup_is_text(model, store):
    store.add_prompts([NewPrompt((Turn("user", "<b>bold</b>\n<|endoftext|>"),), "chat")])
    model.show_only(PromptFilter("bold"))
    index = model.index(0)
    assert index.data() == "<b>bold</b> <|endoftext|>"
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "<p>&lt;b&gt;bold&lt;/b&gt;<br>&lt;|endoftext|&gt;</p>"
    assert index.data(ItemRole).text == "<b>bold</b>\n<|endoftext|>"


def test_a_long_prompt_is_cut_in_lists():
    assert len(one_line("word " * 10_000)) <= 600


def test_a_project_that_cannot_be_read_is_told_once(qtbot, model, store, monkeypatch):
    def fail(*_args, **_options):
        raise DataError("The disk is gone. Plug it in.")

    monkeypatch.setattr(store, "find_prompts", fail)
    with qtbot.waitSignal(model.failed) as signal:
        model.reload()
    assert signal.args == ["The disk is gone. Plug it in."]
    assert model.rowCount() == 0
    assert not model.canFetchMore(ROOT)
