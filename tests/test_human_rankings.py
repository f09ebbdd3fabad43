"""The script that measures on people's rankings, on invented ones: splits, cuts, resumes and the page it writes."""

import json

import pytest
from bench import human_rankings as script

from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.schema import Turn

WORDS = ["the", "sky", "is", "blue", "and", "the", "grass", "is", "green", "and", "cats", "sleep", "all", "day"]


@pytest.fixture
def folder(tmp_path):
    """Two answers to each of 40 prompts; the better one is the shorter."""
    for name in script.FILES.values():
        rows = []
        for i in range(40):
            prompt = f"User: Why {i}?\n\nAssistant: So.\n\nUser: And {i}?" if i % 2 else f"User: Why {i - i % 4}?{i}"
            answers = [" ".join(WORDS[: 2 + i % 3]), " ".join(WORDS[: 6 + i % 3])]
            row = {"prompt": prompt, "completions": answers, "ranks": [1, 2], "source": "invented", "license": "none"}
            rows.append(json.dumps(row))
        (tmp_path / name).write_text("\n".join(rows))
    return tmp_path


@pytest.fixture
def words(folder, tiny_lm):
    save_language_model(tiny_lm, folder / "base")
    names = {"--data": folder, "--base": folder / "base", "--work": folder / "work", "--page": folder / "page.md"}
    limits = ["--prompt-tokens", "24", "--answer-tokens", "16", "--precision", "float32", "--learning-rate", "1e-3"]
    return [*(str(word) for pair in names.items() for word in pair), *limits]


def test_conversations_are_read_as_turns():
    assert script.parse_turns("User: Hi\n\nAssistant: Ho\n\nUser: Why?") == (
        Turn("user", "Hi"),
        Turn("assistant", "Ho"),
        Turn("user", "Why?"),
    )
    assert script.parse_turns("When was it?") == (Turn("user", "When was it?"),)


def test_the_split_depends_on_the_tree_alone():
    trees = [script.tree_of((Turn("user", str(i)),)) for i in range(2000)]
    held_out = [script.is_held_out(tree, 0) for tree in trees]
    assert held_out == [script.is_held_out(tree, 0) for tree in trees]
    assert sum(held_out) / len(trees) == pytest.approx(script.HELD_OUT, abs=0.03)
    tree = script.tree_of(script.parse_turns("User: Hi\n\nAssistant: Ho\n\nUser: Why?"))
    assert tree == script.tree_of(script.parse_turns("User: Hi"))


def test_pairs_and_their_ties():
    assert script.agreement([3.0, 2.0, 1.0], [1, 2, 3]) == (3, 3)
    assert script.agreement([1.0, 1.0, 2.0], [1, 2, 2]) == (0.5, 2)


def test_long_texts_are_cut_and_earlier_turns_go_as_pairs(tiny_lm):
    scissors = script.Scissors(tiny_lm.codec.tokenizer, 12, 4)
    turns = script.parse_turns("User: Hi\n\nAssistant: Ho\n\nUser: Why?")
    assert scissors.turns(turns) == turns
    long = (turns[0], Turn("assistant", "Ho " * 20), turns[2])
    assert scissors.turns(long) == (turns[2],)
    assert len(tiny_lm.codec.encode_text(scissors.answer(" ".join(WORDS)))) <= 4
    assert scissors.cut_answers == 1


def test_the_page_is_written_and_the_same_command_only_reads(words, folder, capsys):
    script.main(words)
    page = (folder / "page.md").read_text()
    assert "| reward model |" in page
    assert "FineGrainedRLHF (invented, none)" in page
    assert "longest answer wins (as cut) | 0.0 % [0.0, 0.0]" in page  # the shorter one is better in all of them
    before = (folder / "work" / "run" / "events.jsonl").read_bytes()
    capsys.readouterr()
    script.main(words)
    assert (folder / "work" / "run" / "events.jsonl").read_bytes() == before
    assert (folder / "page.md").read_text() == page
    assert str(folder) not in page
