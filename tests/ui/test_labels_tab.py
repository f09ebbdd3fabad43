"""The history of labels: what is listed, what is shown of one, and taking back, restoring and editing."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_material import MARKUP

from rlhf_studio.schema import NewCompletion
from rlhf_studio.ui.labels.page import LabelsPage
from rlhf_studio.ui.tabs.labels_tab import LabelsTab
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.widgets.text import PlainLabel


def add_set(store, prompt_id=1, k=4):
    answers = [NewCompletion(prompt_id, f"Answer {i} of {MARKUP}", f"model {i % 2}") for i in range(k)]
    return store.add_answer_set(prompt_id, answers).ids[0]


@pytest.fixture
def labeled(store):
    """A demonstration, a ranking that was edited, an unrankable set and a simulated ranking, in this order."""
    store.add_demonstration(2, "It scatters.", "Ann")
    set_id = add_set(store)
    ids = store.answer_set(set_id).completion_ids
    store.rate(ids[0], 6, ["opinion"], "Tess")
    first = store.rank_set(set_id, [[ids[2]], [ids[0], ids[3]], [ids[1]]], 12.0, "Tess", note="hard").ids[0]
    store.revise_ranking(first, [[i] for i in ids], 3.0, "Tess", confidence=3)
    store.mark_unrankable(add_set(store), "Tess", "all alike")
    made = store.add_completions([NewCompletion(1, text, "base") for text in ("x", "y")]).ids
    store.add_ranking(1, [[i] for i in made], labeler="scripted: happy", is_simulated=True)
    return store


@pytest.fixture
def tab(qtbot, session):
    tab = LabelsTab(session)
    qtbot.addWidget(tab)
    tab.resize(1024, 620)
    return tab


@pytest.fixture
def open_tab(qtbot, tab):
    def show():
        with qtbot.waitExposed(tab):
            tab.show()
        tab.activateWindow()
        qtbot.waitUntil(tab.isActiveWindow)
        return tab

    return show


def listed(tab):
    model = tab.history.list.model
    return [(act.kind, act.state) for act in model._items]


def choose(tab, kind, state="live"):
    acts = tab.history.list.model._items
    act = next(a for a in acts if (a.kind, a.state) == (kind, state) and not a.is_simulated)
    tab.history.list.view.setCurrentIndex(tab.history.list.model.index(acts.index(act)))
    return act


def texts(widget):
    QApplication.processEvents()  # what was put into a layout is shown in the next turn
    return [label.text() for label in widget.findChildren(PlainLabel) if label.isVisibleTo(widget)]


def test_everything_is_listed_newest_first_and_the_newest_is_shown(labeled, open_tab):
    tab = open_tab()
    assert listed(tab)[-1] == ("demonstration", "live")
    assert sorted(listed(tab)) == [
        ("demonstration", "live"),
        ("ranking", "live"),
        ("ranking", "live"),
        ("ranking", "replaced"),
        ("unrankable", "live"),
    ]
    assert tab.history.view.act == tab.history.list.model._items[0]
    assert tab.history.list.count.text() == "5 labels"


def test_a_ranking_shows_answers_in_order_with_models_ratings_and_versions(labeled, open_tab):
    tab = open_tab()
    choose(tab, "ranking")
    shown = texts(tab.history.view)
    assert "Ranking of 4 · 15 s · sure" in shown
    assert [text for text in shown if text.endswith(".") and text[:-1].isdigit()] == ["1.", "2.", "3.", "4."]
    assert {"model 0", "model 1", "was shown as 1", "Tess: 6/7 · 1 flag", "3 > 1 = 4 > 2"} <= set(shown)
    tab.history.view.version_wanted.emit("ranking", choose(tab, "ranking", "replaced").id)
    assert {"hard", "tied"} <= set(texts(tab.history.view))


def test_taking_back_is_undone_and_restored(labeled, open_tab, session, said):
    tab = open_tab()
    act = choose(tab, "ranking")
    tab.history.view.take_back.click()
    assert act.id not in {ranking.id for ranking in labeled.rankings()}
    assert said[-1].kind == "undo"
    assert (tab.history.view.act.id, tab.history.view.act.state) == (act.id, "taken_back")
    assert not tab.history.view.edit.isEnabled()
    session.changed(labeled.undo("Tess").changes)
    assert tab.history.view.act.state == "live"
    tab.history.list.view.setFocus()
    QTest.keyClick(tab.history.list.view, Qt.Key.Key_Delete)
    assert tab.history.view.act.state == "taken_back"
    tab.history.view.restore.click()
    assert act.id in {ranking.id for ranking in labeled.rankings()}


def test_what_would_count_twice_cannot_be_restored(labeled, open_tab, said):
    tab = open_tab()
    choose(tab, "ranking", "replaced")
    assert not tab.history.view.restore.isEnabled()
    assert "newer version" in tab.history.view.restore.toolTip()
    before = labeled.rankings()
    QTest.keyClick(tab.history.list.view, Qt.Key.Key_Delete)
    assert labeled.rankings() == before
    assert said[-1].kind == "warning"


def test_a_label_of_a_deleted_prompt_is_neither_edited_nor_restored(labeled, open_tab, session, said):
    tab = open_tab()
    session.changed(labeled.delete_prompts([2], "Ann").changes)
    acts = [act for act in tab.history.list.model._items if act.kind == "demonstration"]
    tab.history.list.select(acts[0])
    view = tab.history.view
    assert not view.edit.isEnabled()
    assert not view.restore.isEnabled()
    assert "prompt deleted" in view.about.text()
    assert view.prompt.toPlainText() == "Why is the sky blue?"
    assert not said


@pytest.mark.parametrize("kind", ["ranking", "demonstration", "unrankable"])
def test_editing_goes_where_the_label_was_made(qtbot, labeled, open_tab, kind):
    tab = open_tab()
    act = choose(tab, kind)
    expected = {
        "ranking": GoTo("rank", ranking_id=act.id),
        "demonstration": GoTo("write", prompt_id=act.prompt_id),
        "unrankable": GoTo("rank", set_id=act.set_id),
    }
    with qtbot.waitSignal(tab.go_to_requested) as asked:
        QTest.keyClick(tab.history.list.view, Qt.Key.Key_Return)
    assert asked.args == [expected[kind]]


def test_what_a_script_ranked_is_not_edited(labeled, open_tab):
    tab = open_tab()
    acts = tab.history.list.model._items
    tab.history.list.select(next(act for act in acts if act.is_simulated))
    assert not tab.history.view.edit.isEnabled()
    assert "script" in tab.history.view.edit.toolTip()
    assert tab.history.view.take_back.isEnabled()


def test_filters_and_the_way_back(qtbot, labeled, open_tab):
    tab = open_tab()
    side = tab.history.list
    side.kinds.setCurrentIndex(side.kinds.findData("demonstration"))
    side.kinds.activated.emit(0)
    assert listed(tab) == [("demonstration", "live")]
    side.labelers.setCurrentIndex(side.labelers.findData("Tess"))
    side.labelers.activated.emit(0)
    assert listed(tab) == []
    assert side.nothing.isVisible()
    assert not tab.history.view.isVisible()
    side.nothing.button.click()
    assert len(listed(tab)) == 5
    side.search.setText("SKY")
    qtbot.waitUntil(lambda: len(listed(tab)) == 1)
    tab.go_to(GoTo("labels", ranking_id=1))
    assert (tab.history.view.act.kind, tab.history.view.act.id) == ("ranking", 1)
    assert len(listed(tab)) == 5


def test_without_labels_there_is_a_way_to_the_first(qtbot, open_tab, store):
    tab = open_tab()
    with qtbot.waitSignal(tab.go_to_requested) as asked:
        tab.history.list.nothing.button.click()
    assert asked.args == [GoTo("write")]


def test_a_label_made_elsewhere_appears_and_the_chosen_one_stays(labeled, open_tab, session):
    tab = open_tab()
    act = choose(tab, "unrankable")
    session.changed(labeled.add_demonstration(3, "Hello.", "Ann").changes)
    assert listed(tab)[0] == ("demonstration", "live")
    assert tab.history.view.act == act


def test_a_long_list_is_read_page_by_page(store, open_tab, monkeypatch):
    with store.transaction():
        for number in range(450):
            store.add_demonstration(2, f"Answer {number}.", "Ann")
    tab = open_tab()
    model = tab.history.list.model
    assert model.rowCount() == 200
    last = model.index(199)
    tab.history.list.view.scrollTo(last)
    while model.canFetchMore(model.index(-1)):
        model.fetchMore(model.index(-1))
    assert model.rowCount() == 450
    old = model._items[449]
    tab.history.list.select(old)
    assert tab.history.view.act.id == old.id
    monkeypatch.setattr("rlhf_studio.ui.itemmodels.acts._MOST_AGAIN", 200)
    tab.history.reload()
    assert (model.rowCount(), tab.history.view.act.id) == (200, old.id)


def test_a_read_only_project_is_looked_at_only(labeled, open_tab, monkeypatch):
    monkeypatch.setattr(type(labeled), "is_read_only", property(lambda _store: True))
    tab = open_tab()
    choose(tab, "ranking")
    view = tab.history.view
    assert not view.edit.isEnabled()
    assert not view.take_back.isEnabled()
    QTest.keyClick(tab.history.list.view, Qt.Key.Key_Delete)
    assert view.act.state == "live"


class Counting(LabelsPage):
    tables = frozenset({"run"})
    reads = 0

    def reload(self):
        self.reads += 1


def test_pages_are_read_when_seen_and_stale(tab, session, open_tab, labeled):
    page = Counting(session)
    tab.add_page("counting", "Counting", page)
    open_tab()
    assert page.reads == 0
    tab.chips["counting"].click()
    tab.show_page("history")
    tab.show_page("counting")
    assert (page.reads, tab.current_name()) == (1, "counting")
    session.changed(labeled.add_demonstration(3, "Hello.", "Ann").changes)
    assert page.reads == 1
    assert session.preferences.value("labels/page") == "counting"


def test_pace_by_labeler_and_k(labeled, tab, open_tab):
    open_tab()
    tab.show_page("pace")
    table = tab.pages["pace"].table
    assert [table.item(0, column).text() for column in range(5)] == ["Tess", "4", "1", "15 s", "15 s"]
    assert table.rowCount() == 1
