from pathlib import Path

import pytest
from PySide6.QtWidgets import QTabWidget, QWidget

from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.loop_strip import LoopFacts, LoopStrip, next_step, read_facts

ALL = frozenset({"sft", "reward", "ppo"})
FULL = {"prompts": 9, "demonstrations": 12, "rankings_by_people": 9, "rankings_simulated": 405}


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        (LoopFacts(), "prompt"),
        (LoopFacts(prompts=3), "write"),
        (LoopFacts(prompts=3, demonstrations=1), "rank"),
        (LoopFacts(prompts=3, demonstrations=1, rankings_by_people=1), "train"),
        (LoopFacts(prompts=3, demonstrations=1, rankings_simulated=5), "train"),
        (LoopFacts(**FULL, trained=frozenset({"sft", "reward"})), "train"),
        (LoopFacts(**FULL, trained=ALL), "compare"),
        (LoopFacts(**FULL, trained=ALL, is_compared=True), "rank_more"),
        (LoopFacts(**FULL, trained=ALL, new_rankings=2), "rank_more"),
        (LoopFacts(**FULL, trained=ALL, new_rankings=2, new_demonstrations=1, is_compared=True), "train_again"),
        (LoopFacts(**FULL, trained=ALL, new_rankings=9, is_training=True), "watch"),
    ],
)
def test_the_next_act(facts, step):
    assert next_step(facts) == step


def rank(store, prompt_id, *, is_simulated=False):
    ids = store.add_completions([NewCompletion(prompt_id, text, "m") for text in ("yes", "no")]).ids
    return store.add_ranking(prompt_id, [ids[:1], ids[1:]], is_simulated=is_simulated)


def train(store, kind, created="2026-01-01T00:00:00.000+00:00"):
    store.record_run(f"run-{kind}", kind, kind, store.runs_dir / f"run-{kind}", created=created)
    store.finish_run(f"run-{kind}", "completed")


def test_facts_count_what_no_run_has_seen(store):
    store.add_demonstration(1, "Once there was a red hat.", "Tess")
    rank(store, 1)
    rank(store, 1, is_simulated=True)
    facts = read_facts(store)
    assert (facts.rankings_by_people, facts.rankings_simulated, facts.new_labels) == (1, 1, 0)
    train(store, "sft", created="2999-01-01T00:00:00.000+00:00")
    train(store, "reward")
    train(store, "ppo")
    facts = read_facts(store, compared_run="run-ppo")
    assert facts.trained == ALL
    assert (facts.new_demonstrations, facts.new_rankings, facts.is_compared) == (0, 2, True)


def test_a_run_that_was_stopped_does_not_count(store):
    store.record_run("run", "sft", "sft", Path(store.runs_dir / "run"))
    store.finish_run("run", "stopped")
    assert read_facts(store).trained == frozenset()


def test_the_line_says_where_one_stands_and_the_button_goes_there(session, qtbot):
    strip = LoopStrip(session)
    qtbot.addWidget(strip)
    assert strip.label.text() == "0 demonstrations · 0 rankings · not trained yet"
    assert strip.button.accessibleName().startswith("Next: Write an answer")
    session.store.add_demonstration(1, "Once.", "Tess")
    rank(session.store, 1)
    rank(session.store, 1, is_simulated=True)
    session.changed(Changes(frozenset({"ranking"})))
    assert strip.label.text() == "1 demonstration · 1 ranking (+1 simulated) · not trained yet"
    for kind in ("sft", "reward", "ppo"):
        train(session.store, kind, created="2999-01-01T00:00:00.000+00:00")
    session.runs_changed.emit()
    assert strip.label.text().endswith("trained on all of them")
    with qtbot.waitSignal(strip.go_to_requested) as asked:
        strip.button.click()
    assert asked.args[0].tab == "compare"
    strip.note_shown("compare")
    assert strip.button.text().startswith("Rank more")
    train(session.store, "reward", created="2000-01-01T00:00:00.000+00:00")
    session.store.forget_run("run-reward")
    train(session.store, "reward", created="2000-01-01T00:00:00.000+00:00")
    session.runs_changed.emit()
    assert strip.label.text().endswith("last trained 2 rankings ago")


def test_it_says_less_where_tabs_need_the_room(session, qtbot):
    tabs = QTabWidget()
    qtbot.addWidget(tabs)
    for title in ("Write", "Rank", "Train"):
        tabs.addTab(QWidget(), title)
    strip = LoopStrip(session)
    tabs.setCornerWidget(strip)
    tabs.resize(1200, 300)
    tabs.show()
    assert "not trained yet" in strip.label.text()
    tabs.resize(520, 300)
    assert strip.label.text() in {"0 demonstrations · 0 rankings", ""}
    tabs.resize(320, 300)
    assert strip.label.isHidden()
    assert strip.button.isVisible()
