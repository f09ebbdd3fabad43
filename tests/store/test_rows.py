"""What trainers read, in a fixed order, and the counts."""

from rlhf_studio.schema import PURPOSES, Answer, DemonstrationRow, NewCompletion, PromptRow, RankedRow, Turn, digest
from rlhf_studio.store.rows import NewLabels


def test_demonstrations_of_one_split_in_the_order_they_were_written(store, ask):
    first, second, held_out = store.add_prompts(
        [ask("one", split="train"), ask("two", split="train"), ask("three", split="valid")]
    ).ids
    for prompt_id, text in ((second, "b"), (first, "a"), (held_out, "c"), (second, "d")):
        store.add_demonstration(prompt_id, text, "eve")
    rows = store.demonstration_rows("train")
    assert rows == (
        DemonstrationRow(second, (Turn("user", "two"),), "b"),
        DemonstrationRow(first, (Turn("user", "one"),), "a"),
        DemonstrationRow(second, (Turn("user", "two"),), "d"),
    )
    assert digest(rows) == digest(store.demonstration_rows("train"))
    assert store.demonstration_rows("test") == ()


def test_rankings_as_ranks_of_the_answers(answered):
    store, prompt_id, (a, b, c, d) = answered
    store.add_ranking(prompt_id, [[c], [d, a], [b]], labeler="eve")
    store.add_ranking(prompt_id, [[d], [b]], is_simulated=True)
    turns = (Turn("user", "Where do bears live?"),)
    answers = tuple(Answer(f"answer {i}", (i, 7)) for i in range(4))
    assert store.ranked_rows("train") == (
        RankedRow(prompt_id, turns, answers, (2, 3, 1, 2), "eve", is_simulated=False),
        RankedRow(prompt_id, turns, (answers[1], answers[3]), (2, 1), "", is_simulated=True),
    )
    assert store.ranked_rows("valid") == ()


def test_prompts_of_one_purpose(store, ask):
    ids = store.add_prompts(
        [
            ask("one", purposes=frozenset({"ppo"}), split="train", use_case="chat"),
            ask("two", purposes=frozenset({"probe"}), split="test"),
            ask("three", purposes=frozenset({"ppo", "probe"}), split="test"),
        ]
    ).ids
    assert store.prompt_rows("ppo") == (
        PromptRow(ids[0], (Turn("user", "one"),), "chat"),
        PromptRow(ids[2], (Turn("user", "three"),)),
    )
    assert [row.prompt_id for row in store.prompt_rows("ppo", "test")] == [ids[2]]
    assert store.prompt_rows("demonstrate") == ()


def test_counts_name_everything_and_leave_out_what_was_taken_back(answered, ask):
    store, prompt_id, (a, b, *_) = answered
    store.add_prompts([ask("x", purposes=frozenset(PURPOSES), split="test", use_case="chat")])
    store.retract_demonstration(store.add_demonstration(prompt_id, "text", "eve").ids[0])
    store.add_demonstration(prompt_id, "better", "eve")
    store.add_completions([NewCompletion(prompt_id, "more", "m")])
    for is_simulated in (True, True, False):
        store.add_ranking(prompt_id, [[a], [b]], is_simulated=is_simulated)
    store.retract_ranking(1)
    counts = store.counts()
    assert counts.prompts == 2
    assert counts.by_purpose == {"demonstrate": 1, "rank": 1, "ppo": 1, "probe": 1}
    assert counts.by_split == {"train": 1, "valid": 0, "test": 1}
    assert {name: n for name, n in counts.by_use_case.items() if n} == {"other": 1, "chat": 1}
    assert len(counts.by_use_case) == 10
    assert (counts.demonstrations, counts.completions) == (1, 5)
    assert (counts.rankings_by_people, counts.rankings_simulated) == (1, 1)


def test_labels_since_a_moment_leave_out_what_was_taken_back(answered):
    store, prompt_id, (a, b, *_) = answered
    past, future = "2020-01-01T00:00:00.000+00:00", "2999-01-01T00:00:00.000+00:00"
    store.add_demonstration(prompt_id, "one", "eve")
    store.retract_demonstration(store.add_demonstration(prompt_id, "two", "eve").ids[0])
    store.add_ranking(prompt_id, [[a], [b]])
    assert store.labels_since(past, past) == NewLabels(1, 1)
    assert store.labels_since(future, past) == NewLabels(0, 1)
    assert store.labels_since() == NewLabels(1, 1)
