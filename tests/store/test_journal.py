"""Whatever a person did to labels can be undone and redone in order, also after the program was closed."""

import random

import pytest

from rlhf_studio.errors import DataError, ProjectReadOnlyError
from rlhf_studio.schema import Demonstration, NewCompletion, NewPrompt, Turn
from rlhf_studio.store.journal import JournalEntry
from rlhf_studio.store.project import create_project, open_project


def four(prompt_id):
    return [NewCompletion(prompt_id, f"answer {i}", "tiny") for i in range(4)]


@pytest.fixture
def waiting(answered):
    """A prompt with four answers of its own and a set of four others: (store, prompt id, set id)."""
    store, prompt_id, _ = answered
    return store, prompt_id, store.add_answer_set(prompt_id, four(prompt_id)).ids[0]


def order(store, set_id):
    return [[i] for i in store.answer_set(set_id).completion_ids]


def test_nothing_done_is_nothing_to_undo(store):
    assert (store.undo(), store.redo(), store.undoable(), store.redoable()) == (None, None, None, None)


def test_a_demonstration_goes_comes_back_and_stays_readable(waiting):
    store, prompt_id, _ = waiting
    made = store.add_demonstration(prompt_id, "In the wood.", "eve").ids[0]
    entry = JournalEntry(1, "demonstration", prompt_id, demonstration_id=made)
    assert store.undoable() == entry
    assert store.undo("adam") == entry
    assert entry.changes.tables == {"demonstration", "journal"}
    assert store.demonstrations() == ()
    assert store.draft(prompt_id) is None
    assert store.demonstration(made) == Demonstration(made, prompt_id, "In the wood.", "eve")
    assert (store.undoable(), store.redoable()) == (None, entry)
    assert store.redo("adam") == entry
    assert [d.id for d in store.demonstrations()] == [made]
    assert (store.undoable(), store.redoable()) == (entry, None)
    log = store._db.execute("SELECT demonstration_id, is_retracted, who FROM retraction").fetchall()
    assert log == [(made, 1, "adam"), (made, 0, "adam")]
    with pytest.raises(DataError, match="no demonstration 99"):
        store.demonstration(99)


def test_a_ranked_set_waits_again(waiting):
    store, prompt_id, set_id = waiting
    ranking = store.rank_set(set_id, order(store, set_id), 3, "eve").ids[0]
    entry = store.undo("eve")
    assert entry == JournalEntry(1, "ranking", prompt_id, set_id, ranking_id=ranking)
    assert entry.changes.tables == {"ranking", "answer_set", "journal"}
    assert (store.rankings(), store.answer_set(set_id).state) == ((), "waiting")
    store.redo("eve")
    assert ([r.id for r in store.rankings()], store.answer_set(set_id).state) == ([ranking], "ranked")


def test_verdicts_go_back_to_the_one_before(waiting):
    store, _, set_id = waiting
    states = []
    store.skip_set(set_id, "eve")
    store.mark_unrankable(set_id, "eve", "all wrong")
    for step in (store.undo, store.undo, store.redo, store.redo):
        entry = step("adam")
        assert entry.changes.tables == {"answer_set", "journal"}
        states.append(store.answer_set(set_id).state)
    assert states == ["skipped", "waiting", "skipped", "unrankable"]
    last = store._db.execute("SELECT who, note FROM answer_set_verdict ORDER BY id DESC LIMIT 1").fetchone()
    assert last == ("adam", "all wrong")


def test_retractions_can_be_undone_and_name_the_set(waiting):
    store, prompt_id, set_id = waiting
    ranking = store.rank_set(set_id, order(store, set_id), 3, "eve").ids[0]
    changed = store.retract_ranking(ranking, "eve")
    assert changed.tables == {"ranking", "answer_set", "journal"}
    assert store.undo() == JournalEntry(2, "retraction", prompt_id, set_id, ranking_id=ranking)
    assert store.answer_set(set_id).state == "ranked"
    demonstration = store.add_demonstration(prompt_id, "text", "eve").ids[0]
    store.retract_demonstration(demonstration)
    store.restore_demonstration(demonstration)
    assert store.undo() == JournalEntry(5, "restoration", prompt_id, demonstration_id=demonstration)
    assert store.demonstrations() == ()
    store.undo()
    assert len(store.demonstrations()) == 1


def test_simulated_rankings_come_back_together(answered):
    store, prompt_id, (a, b, c, _) = answered
    simulated = [store.add_ranking(prompt_id, [[b], [c]], is_simulated=True).ids[0] for _ in range(3)]
    store.add_ranking(prompt_id, [[a], [b]], labeler="eve")
    store.retract_ranking(simulated[1], "eve")
    made = store.delete_simulated_rankings("eve")
    assert made.changes.tables == {"ranking", "answer_set", "journal"}
    entry = store.undo()
    assert entry == JournalEntry(2, "simulated")
    assert entry.changes == made.changes
    assert [r.id for r in store.rankings()] == [simulated[0], simulated[2], 4]  # not the one taken back before
    store.redo()
    assert [r.id for r in store.rankings()] == [4]
    assert store.delete_simulated_rankings().ids == ()
    assert store.undoable() == entry


def test_a_new_act_clears_what_could_be_redone(waiting):
    store, prompt_id, set_id = waiting
    store.add_demonstration(prompt_id, "one", "eve")
    store.add_demonstration(prompt_id, "two", "eve")
    store.undo()
    store.skip_set(set_id, "eve")
    assert store.redoable() is None
    assert [store.undo().kind, store.undo().kind] == ["skipped", "demonstration"]
    assert store.undo() is None
    assert [store.redo().kind, store.redo().kind] == ["demonstration", "skipped"]
    assert [d.text for d in store.demonstrations()] == ["one"]


def test_what_programs_write_is_no_act(waiting):
    store, prompt_id, set_id = waiting
    store.add_demonstration(prompt_id, "mine", "eve")
    store.undo()
    store.import_demonstrations([(prompt_id, "theirs", "import"), (prompt_id, "theirs, too", "import")])
    ids = store.answer_set(set_id).completion_ids
    store.add_ranking(prompt_id, [[i] for i in ids], is_simulated=True)
    store.save_draft(prompt_id, "a draft")
    assert store.undoable() is None
    assert store.redo().kind == "demonstration"  # still there to be redone
    assert [d.text for d in store.demonstrations()] == ["mine", "theirs", "theirs, too"]


def test_an_import_is_whole_or_not_there(waiting):
    store, prompt_id, _ = waiting
    with pytest.raises(DataError, match="no prompt 99"):
        store.import_demonstrations([(prompt_id, "a", ""), (99, "b", "")])
    assert store.demonstrations() == ()
    assert store.import_demonstrations([]).changes.tables == frozenset()


def test_undo_is_there_after_closing(waiting):
    store, prompt_id, set_id = waiting
    folder = store.folder
    store.add_demonstration(prompt_id, "one", "eve")
    store.rank_set(set_id, order(store, set_id), 3, "eve")
    store.undo()
    store.close()
    with open_project(folder) as again:
        assert again.undo().kind == "demonstration"
        assert again.redo().kind == "demonstration"
        assert again.redo().kind == "ranking"
        assert again.answer_set(set_id).state == "ranked"


def test_a_project_that_cannot_be_written_shows_what_could_be_undone(waiting):
    store, prompt_id, _ = waiting
    store.add_demonstration(prompt_id, "one", "eve")
    with open_project(store.folder, read_only=True) as reader:
        assert reader.undoable().kind == "demonstration"
        with pytest.raises(ProjectReadOnlyError, match="Nothing was written"):
            reader.undo()


def test_an_undo_that_fails_changes_nothing(waiting):
    store, prompt_id, _ = waiting
    store.add_demonstration(prompt_id, "one", "eve")
    with pytest.raises(DataError, match="half a character"):
        store.undo("\ud83d")
    assert len(store.demonstrations()) == 1
    assert store.undoable().kind == "demonstration"


# -- a long random walk beside a model in plain Python


class Model:
    """What must be true of labels and sets: each act is a list of (cells, key, value before, value after)."""

    def __init__(self):
        self.live = {}  # ("demonstration" | "ranking", id) -> whether it counts
        self.simulated = {}  # ranking id -> its answers
        self.verdicts = {}  # set id -> waiting, unrankable, skipped
        self.made_of = {}  # ranking id -> the set it was made of
        self.done, self.undone = [], []

    def act(self, *effects):
        for cells, key, _, after in effects:
            cells[key] = after
        self.done.append(effects)
        self.undone.clear()

    def undo(self):
        if self.done:
            self.undone.append(self.done.pop())
            for cells, key, before, _ in self.undone[-1]:
                cells[key] = before

    def redo(self):
        if self.undone:
            self.done.append(self.undone.pop())
            for cells, key, _, after in self.done[-1]:
                cells[key] = after

    def state(self, set_id):
        is_ranked = any(s == set_id and self.live["ranking", r] for r, s in self.made_of.items())
        return "ranked" if is_ranked else self.verdicts[set_id]


class Walk:
    """Does the same to a project and to the model, and compares them."""

    def __init__(self, folder, seed):
        self.rng = random.Random(seed)
        self.model = Model()
        self.store = create_project(folder, "A walk")
        self.quicken()
        prompts = [NewPrompt((Turn("user", f"question {i}"),)) for i in range(3)]
        self.prompts = self.store.add_prompts(prompts).ids
        for prompt_id in self.prompts * 2:
            self.model.verdicts[self.store.add_answer_set(prompt_id, four(prompt_id)).ids[0]] = "waiting"

    def quicken(self):
        self.store._db.execute("PRAGMA synchronous = OFF")

    def added(self, label, label_id):
        return self.model.live, (label, label_id), False, True

    def unranked(self):
        return self.rng.choice([s for s in self.model.verdicts if self.model.state(s) != "ranked"] or [None])

    def demonstrate(self):
        made = self.store.add_demonstration(self.rng.choice(self.prompts), "text", "eve")
        self.model.act(self.added("demonstration", made.ids[0]))

    def rank(self):
        if set_id := self.unranked():
            tiers = order(self.store, set_id)
            self.rng.shuffle(tiers)
            ranking = self.store.rank_set(set_id, tiers, 1, "eve").ids[0]
            self.model.made_of[ranking] = set_id
            self.model.act(self.added("ranking", ranking))

    def judge(self):
        if set_id := self.unranked():
            before = self.model.verdicts[set_id]
            after = self.rng.choice(["unrankable", "skipped"])
            act = self.store.skip_set if after == "skipped" else self.store.mark_unrankable
            changes = act(set_id, "eve")
            assert bool(changes.tables) == (before != after)
            if before != after:
                self.model.act((self.model.verdicts, set_id, before, after))

    def retract(self):
        if self.model.live:
            key = self.rng.choice(list(self.model.live))
            verb = "retract" if (was_live := self.model.live[key]) else "restore"
            getattr(self.store, f"{verb}_{key[0]}")(key[1], "eve")
            self.model.act((self.model.live, key, was_live, not was_live))

    def simulate(self):
        answers = self.store.answer_set(self.rng.choice(list(self.model.verdicts)))
        tiers = [answers.completion_ids[:2], answers.completion_ids[2:]]
        ranking = self.store.add_ranking(answers.prompt_id, tiers, is_simulated=True).ids[0]
        self.model.live["ranking", ranking] = True
        self.model.simulated[ranking] = set(answers.completion_ids)

    def delete_simulated(self):
        ids = [i for i in sorted(self.model.simulated) if self.model.live["ranking", i]]
        assert list(self.store.delete_simulated_rankings("eve").ids) == ids
        if ids:
            self.model.act(*((self.model.live, ("ranking", i), True, False) for i in ids))

    def retarget(self):
        model = self.model
        live = [i for i in model.simulated if model.live["ranking", i]]
        # those of the same answers are one set to rank, however many scripts ranked it; the newest stands for it
        sources = {frozenset(model.simulated[i]): i for i in sorted(live)}
        sets = self.store.simulated_sets()
        assert [one.ranking_id for one in sets] == sorted(sources.values())
        orders = [(one, self.tiers(one.completion_ids)) for one in sets]
        made = self.store.replace_simulated_rankings(orders, "scripted: other", "eve").ids
        if not sets:
            assert made == ()
            return
        kept = [one for one, tiers in orders if len(tiers) > 1]
        for ranking, one in zip(made, kept, strict=True):
            model.simulated[ranking] = set(one.completion_ids)
        effects = [(model.live, ("ranking", i), True, False) for i in live]
        model.act(*effects, *(self.added("ranking", i) for i in made))

    def tiers(self, ids):
        """A random order; sometimes all are equally good."""
        places = [self.rng.randrange(3) for _ in ids]
        tiers = [[i for i, place in zip(ids, places, strict=True) if place == tier] for tier in range(3)]
        return [tier for tier in tiers if tier]

    def reroll(self):
        if set_id := self.unranked():
            answers = self.store.answer_set(set_id)
            new = NewCompletion(answers.prompt_id, f"new {self.rng.random()}", "tiny")
            self.store.replace_answer(set_id, self.rng.choice(answers.completion_ids), new)
            self.model.made_of = {r: s for r, s in self.model.made_of.items() if s != set_id}
            self.model.undone.clear()

    def undo(self):
        assert (self.store.undo("eve") is not None) == bool(self.model.done)
        self.model.undo()

    def redo(self):
        assert (self.store.redo("eve") is not None) == bool(self.model.undone)
        self.model.redo()

    def reopen(self):
        self.store.close()
        self.store = open_project(self.store.folder)
        self.quicken()

    def compare(self):
        live = {("demonstration", d.id) for d in self.store.demonstrations()}
        live |= {("ranking", r.id) for r in self.store.rankings()}
        assert live == {key for key, is_live in self.model.live.items() if is_live}
        states = {answers.id: answers.state for answers in self.store.answer_sets(None)}
        assert states == {set_id: self.model.state(set_id) for set_id in self.model.verdicts}
        assert (self.store.undoable() is None) == (not self.model.done)
        assert (self.store.redoable() is None) == (not self.model.undone)


ACTS = {
    Walk.demonstrate: 3,
    Walk.rank: 4,
    Walk.judge: 4,
    Walk.retract: 3,
    Walk.simulate: 2,
    Walk.delete_simulated: 1,
    Walk.retarget: 2,
    Walk.reroll: 1,
    Walk.undo: 9,
    Walk.redo: 6,
    Walk.reopen: 1,
}


@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_acts_do_what_a_plain_model_says(tmp_path, seed):
    walk = Walk(tmp_path / "p", seed)
    try:
        for act in walk.rng.choices(list(ACTS), list(ACTS.values()), k=200):
            act(walk)
            walk.compare()
        while walk.store.undoable():
            walk.undo()
            walk.compare()
        while walk.store.redoable():
            walk.redo()
            walk.compare()
    finally:
        walk.store.close()
