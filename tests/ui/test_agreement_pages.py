"""Agreement and Bias in the Labels tab: measured on a thread, honest where there is nothing, scripts apart."""

import pytest
from PySide6.QtCore import Qt

from rlhf_studio.jobs.labelers import measure_labelers
from rlhf_studio.schema import NewCompletion, Sampling
from rlhf_studio.ui.labels import measuring as measuring_module
from rlhf_studio.ui.labels.agreement_page import AgreementPage
from rlhf_studio.ui.labels.bias_page import BiasPage
from rlhf_studio.ui.labels.measuring import Measuring

TEXTS = ("short", "a longer one", "the longest of them", "mid one")


@pytest.fixture
def measuring(session):
    return Measuring(session)


@pytest.fixture
def pages(session, measuring, qtbot):
    made = AgreementPage(session, measuring), BiasPage(session, measuring)
    for page in made:
        qtbot.addWidget(page)
        page.resize(1100, 640)
        page.show()
    return made


@pytest.fixture
def ranked(store):
    """Two sets that Tess ranked by length and Ada the same but for one pair, and a repeat by Tess."""
    for _ in range(2):
        answers = [
            NewCompletion(1, text, "SFT" if i % 2 else "Base", "", Sampling(1.0)) for i, text in enumerate(TEXTS)
        ]
        set_id = store.add_answer_set(1, answers).ids[0]
        a, b, c, d = store.answer_set(set_id).completion_ids
        store.rank_set(set_id, [[c], [b], [d], [a]], 1.0, "Tess")
        store.rank_again(set_id, [[b], [c], [d], [a]], (d, c, b, a), 1.0, "Ada", is_repeat=False)
    store.rank_again(set_id, [[c], [b], [a], [d]], (d, c, b, a), 1.0, "Tess", is_repeat=True)
    return store


def see(qtbot, page, measuring):
    with qtbot.waitSignal(measuring.found, timeout=30_000) as told:
        page.reload()
    return told.args[0]


def test_an_empty_project_says_what_is_missing(qtbot, pages, measuring, session):
    agreement, bias = pages
    see(qtbot, agreement, measuring)
    assert agreement.pages.currentWidget() is agreement.nothing
    assert "0 people have ranked" in agreement.nothing.sentence.text()
    assert "Ctrl+Shift+L" in agreement.nothing.sentence.text()
    see(qtbot, bias, measuring)
    assert bias.pages.currentWidget() is bias.nothing
    with qtbot.waitSignal(bias.go_to_requested) as wanted:
        bias.nothing.button.click()
    assert wanted.args[0].tab == "rank"


def test_the_page_shows_the_numbers_of_the_command_line(qtbot, pages, measuring, ranked):
    agreement, _ = pages
    found = see(qtbot, agreement, measuring)
    assert found == measure_labelers(ranked)
    between = found.agreement.between
    assert f"{100 * between.pairs.value:.1f} % of pairs alike" in agreement.headline.text()
    cells = [agreement.table.item(0, column).text() for column in range(agreement.table.columnCount())]
    assert cells[0] == "two labelers"
    assert cells[1].startswith(f"{100 * between.pairs.value:.1f} % (")
    assert cells[3].startswith(f"{between.tau.value:.2f} (")
    assert cells[4].startswith(f"{between.alpha.value:.2f} (")
    assert cells[5:] == [str(between.pairs.count), str(between.orders)]
    assert [row.name for row in agreement.plot.rows] == ["two labelers", "one labeler, twice", "Tess", "Ada"]
    assert "72.6 ± 1.5 %" in agreement.paper.text()
    assert "77.3 ± 1.3 %" in agreement.paper.text()


def test_a_contradiction_leads_to_both_of_its_rankings(qtbot, pages, measuring, ranked):
    agreement, _ = pages
    found = see(qtbot, agreement, measuring)
    (one,) = found.contradictions
    assert "1 contradiction of" in agreement.about.text()
    item = agreement.contradictions.topLevelItem(0)
    assert "“mid one” above “short”" in item.text(0)
    assert "silent repeat" in item.text(0)
    agreement.contradictions.setFocus()
    agreement.contradictions.itemActivated.emit(item, 0)
    assert item.isExpanded()
    for place, ranking_id in enumerate(one.ranking_ids):
        with qtbot.waitSignal(agreement.go_to_requested) as wanted:
            agreement.contradictions.itemActivated.emit(item.child(place), 0)
        assert (wanted.args[0].tab, wanted.args[0].ranking_id) == ("labels", ranking_id)


def test_bias_tells_of_everybody_and_of_one_and_says_you_to_oneself(qtbot, pages, measuring, ranked, session):
    _, bias = pages
    found = see(qtbot, bias, measuring)
    names = [bias.labelers.itemText(place) for place in range(bias.labelers.count())]
    assert names == ["All labelers", "Ada", "Tess"]
    rows = {row.name: row.share for row in bias.plot.rows}
    assert rows["longer"] == dict(found.biases)[""].longer
    assert {"shown earlier", "shown as number 1", "by SFT", "by Base"} <= rows.keys()
    bias.labelers.setCurrentIndex(2)
    bias.labelers.activated.emit(2)
    assert {row.name: row.share for row in bias.plot.rows}["longer"].value == 1
    assert bias.headline.text().startswith("You")
    session.set_labeler("Ada")
    assert bias.headline.text().startswith("Tess ")


def test_rankings_by_scripts_are_shown_apart(qtbot, pages, measuring, ranked):
    ids = ranked.add_completions([NewCompletion(1, text, "m") for text in TEXTS]).ids
    for name in ("one script", "another"):
        ranked.add_ranking(1, [[i] for i in ids], ids, labeler=name, is_simulated=True)
    agreement, _ = pages
    see(qtbot, agreement, measuring)
    assert agreement.found.agreement.labelers == (("Ada", 2), ("Tess", 2))
    with qtbot.waitSignal(measuring.found, timeout=30_000):
        agreement.kinds.setCurrentIndex(1)
    assert agreement.found.agreement.labelers == (("another", 1), ("one script", 1))
    assert agreement.found.agreement.between.pairs.value == 1


def test_what_is_known_is_shown_at_once_until_a_ranking_is_added(qtbot, pages, measuring, ranked, session):
    agreement, bias = pages
    see(qtbot, agreement, measuring)
    with qtbot.assertNotEmitted(measuring.started):
        bias.reload()
    assert bias.found is agreement.found
    session.changed(ranked.undo("Tess").changes)
    found = see(qtbot, agreement, measuring)
    assert found.agreement.repeats == 0
    assert not found.contradictions
    assert "No order contradicts" in agreement.about.text()


def test_what_changes_meanwhile_is_measured_once_more(qtbot, pages, measuring, ranked, session):
    agreement, _ = pages
    found = []
    measuring.found.connect(found.append)
    agreement.reload()
    assert agreement.state.text() == "Measuring…"
    session.changed(ranked.undo("Tess").changes)
    qtbot.waitUntil(lambda: bool(found), timeout=30_000)
    assert [each.agreement.repeats for each in found] == [0]
    assert agreement.state.text() == ""


def test_a_failure_is_said(qtbot, pages, measuring, ranked, monkeypatch):
    def fail(*_):
        raise OSError("the disk is gone")

    monkeypatch.setattr(measuring_module, "measure_labelers", fail)
    agreement, _ = pages
    with qtbot.waitSignal(measuring.failed):
        agreement.reload()
    assert agreement.state.text() == "OSError: the disk is gone"
    assert agreement.state.property("look") == "danger"


def test_everything_can_be_reached_by_the_keyboard_and_has_a_name(pages):
    agreement, bias = pages
    for widget in (agreement.kinds, agreement.table, agreement.contradictions, bias.kinds, bias.labelers):
        assert widget.accessibleName()
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
