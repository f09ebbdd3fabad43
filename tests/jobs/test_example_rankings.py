import json
import shutil

import pytest

from rlhf_studio.errors import RunError
from rlhf_studio.jobs import example_rankings
from rlhf_studio.jobs.example_rankings import SIZES, build, ranking_rows, sample_sets
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.paths import resources_dir
from rlhf_studio.schema import Sampling
from rlhf_studio.store.bundle import import_example
from rlhf_studio.store.project import create_project

PROMPTS = [
    {"key": f"p{i}", "turns": [{"role": "user", "content": f"Write a story about {i} cats."}], "purposes": ["rank"]}
    for i in range(9)
]


class Letters:
    """Likes long answers; random text has no other merit."""

    name, description = "letters", "The more letters the better."

    def score(self, _prompt, answer):
        return len(answer)


@pytest.fixture(autouse=True)
def _labeler(monkeypatch):
    monkeypatch.setitem(example_rankings.RUBRICS, "letters", Letters())


def test_every_prompt_gets_its_number_of_different_answers(tiny_lm):
    sets = sample_sets(tiny_lm, PROMPTS, Sampling(max_new_tokens=12, seed=3), "tiny-sft")
    assert [len(one.answers) for one in sets] == [SIZES[i % len(SIZES)] for i in range(9)]
    for one in sets:
        assert len({answer["text"] for answer in one.answers}) == len(one.answers)
    assert sets == sample_sets(tiny_lm, PROMPTS, Sampling(max_new_tokens=12, seed=3), "tiny-sft")


def test_rankings_are_marked_as_simulated_and_name_every_answer_once(tiny_lm):
    sets = sample_sets(tiny_lm, PROMPTS, Sampling(max_new_tokens=12, seed=3), "tiny-sft")
    rows = ranking_rows(sets, rubric="letters", noise=0.1, seed=0)
    assert rows
    for row in rows:
        assert row["simulated"] is True
        assert row["labeler"] == "scripted: letters"
        assert sorted(i for tier in row["tiers"] for i in tier) == list(range(len(row["completions"])))


def test_what_is_built_can_be_imported(tiny_lm, tmp_path, monkeypatch):
    model, files = tmp_path / "model", tmp_path / "files"
    save_language_model(tiny_lm, model)
    monkeypatch.setattr(example_rankings, "train_sft_model", lambda *_: model)
    files.mkdir()
    rows = [{**row, "use_case": "generation", "author": "A", "split": "train"} for row in PROMPTS]
    (files / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sentence = build(files, [tmp_path / "base"], rubric="letters", noise=0.0, seed=1, sets=2)
    with create_project(tmp_path / "project", "Built") as store:
        imported = import_example(store, files)
        assert sentence.startswith(f"{imported.rankings} rankings and 1 sets")
        assert imported.rankings > 4
        assert all(len(ranking.tiers) > 1 and ranking.is_simulated for ranking in store.rankings())


def a_few(folder):
    """Files of an example with a few short prompts and their demonstrations."""
    folder.mkdir()
    rows = [{**row, "purposes": ["demonstrate"], "split": "train", "author": "A"} for row in PROMPTS]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [{"prompt": row["key"], "text": "Cats sleep.", "author": "A"} for row in PROMPTS]
    (folder / "demonstrations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    (folder / "rankings.jsonl").write_text("not read\n")
    return folder


def test_sft_of_the_example_leaves_a_model(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path / "base")
    settings = {"epochs": 1, "threads": 1}
    policy = example_rankings.train_sft_model(a_few(tmp_path / "few"), tmp_path / "base", tmp_path, settings)
    assert (policy / "model.safetensors").is_file()


def test_sft_that_fails_is_said(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(RunError, match="did not complete"):
        example_rankings.train_sft_model(a_few(tmp_path / "few"), tmp_path / "base", tmp_path, {"threads": 1})


def test_the_command_says_what_it_wrote_or_what_is_wrong(monkeypatch, capsys, tmp_path):
    command = ["example_rankings", "--files", str(tmp_path), "--base", str(tmp_path), "--rubric", "brief"]
    monkeypatch.setattr("sys.argv", command)
    monkeypatch.setattr(example_rankings, "build", lambda *_, **options: f"built with {options['rubric']}")
    assert example_rankings.main() == 0
    assert capsys.readouterr().out == "built with brief\n"

    def fails(*_, **__):
        raise RunError("It did not work.")

    monkeypatch.setattr(example_rankings, "build", fails)
    assert example_rankings.main() == RunError.exit_code
    assert capsys.readouterr().err == "It did not work.\n"


def test_the_shipped_rankings_are_those_of_the_shipped_prompts(tmp_path):
    shutil.copytree(resources_dir() / "example", tmp_path / "files")
    with create_project(tmp_path / "project", "Example") as store:
        imported = import_example(store, tmp_path / "files")
        assert imported.rankings >= 200
        assert len(store.ranked_rows("train")) >= 150
        assert len(store.ranked_rows("valid")) >= 15
        sizes = {len(row.answers) for row in store.ranked_rows("train")}
        assert min(sizes) >= 4
        assert max(sizes) == 9
        assert all(row.is_simulated for row in store.ranked_rows("train"))
