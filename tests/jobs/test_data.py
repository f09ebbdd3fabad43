import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.jobs.data import prepare
from rlhf_studio.schema import NewPrompt, RunSpec, Turn
from rlhf_studio.store.bundle import PRETRAINING
from rlhf_studio.store.project import create_project


def spec(kind, **settings):
    return RunSpec(kind, settings, {})


@pytest.fixture
def empty(tmp_path):
    with create_project(tmp_path / "empty", "Empty") as store:
        yield store


def test_sft_reads_demonstrations_probes_and_held_out_text(project):
    data = prepare(project, spec("sft"))
    assert [row.prompt_id for row in data.train] == [1, 2, 3, 4, 5, 6]
    assert [row.prompt_id for row in data.valid] == [7]
    assert [row.prompt_id for row in data.probes] == [8]
    assert (len(data.pretraining), len(data.pretraining_valid)) == (0, 1)
    assert len(prepare(project, spec("sft", pretraining_share=0.1)).pretraining) == 2


def test_the_reward_model_reads_rankings_and_demonstrations(project):
    data = prepare(project, spec("reward"))
    assert [row.prompt_id for row in data.train] == [1, 2, 3, 4, 5, 6]
    assert data.train[0].ranks == (1, 2, 2)
    assert [row.prompt_id for row in data.valid] == [7]
    assert len(data.demonstrations) == 6


def test_ppo_reads_prompts_of_the_training_split_and_text(project):
    data = prepare(project, spec("ppo"))
    assert [row.prompt_id for row in data.prompts] == [1, 2, 3, 4, 5, 6]
    assert [row.prompt_id for row in data.probes] == [8]
    assert (len(data.pretraining), len(data.pretraining_valid)) == (2, 1)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("sft", "SFT needs demonstrations; this project has 0 to train on and 0 held out"),
        ("reward", "The reward model needs rankings; this project has 0 to train on and 0 held out"),
        (
            "ppo",
            r"PPO needs prompts; this project has 0 for it in the training split \(0 for PPO in all splits, 0 prompts",
        ),
        ("pretrain", "A pretrain run reads no project"),
    ],
)
def test_a_stage_without_its_data_says_what_is_missing(empty, kind, words):
    with pytest.raises(DataError, match=words):
        prepare(empty, spec(kind))


def test_held_out_labels_alone_are_not_enough_and_are_counted(empty):
    prompt = NewPrompt((Turn("user", "Say it."),), purposes=frozenset({"ppo"}), split="valid")
    (prompt_id,) = empty.add_prompts([prompt]).ids
    empty.add_demonstration(prompt_id, "it", "Ada")
    with pytest.raises(DataError, match="has 0 to train on and 1 held out"):
        prepare(empty, spec("sft"))
    with pytest.raises(DataError, match=r"\(1 for PPO in all splits, 1 prompts in all\)"):
        prepare(empty, spec("ppo"))


def test_rankings_without_a_preference_are_none(project):
    with create_project(project.folder.parent / "ties", "Ties") as ties:
        from rlhf_studio.schema import NewCompletion

        (prompt_id,) = ties.add_prompts([NewPrompt((Turn("user", "Say it."),), split="train")]).ids
        ids = ties.add_completions([NewCompletion(prompt_id, text, "m") for text in ("a", "b")]).ids
        ties.add_ranking(prompt_id, [ids])
        with pytest.raises(DataError, match="1 to train on, in which all answers are tied, and 0 held out"):
            prepare(ties, spec("reward"))


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("ppo", {"ptx_coef": 0.2}, r"PPO-ptx \(gamma 0.2\) needs pretraining text and this project has 0 documents"),
        ("sft", {"pretraining_share": 0.1}, r"The pretraining mix of SFT \(share 0.1\) needs pretraining text"),
    ],
)
def test_a_mix_without_text_is_refused_and_without_the_mix_text_is_not_needed(project, kind, settings, words):
    (project.folder / PRETRAINING).unlink()
    with pytest.raises(DataError, match=words):
        prepare(project, spec(kind, **settings))
    assert prepare(project, spec(kind, **dict.fromkeys(settings, 0))).pretraining == ()


def test_prompts_that_choose_the_best_policy_are_read_where_one_is_chosen(project):
    models = {"policy": "a", "reward": "b"}
    assert prepare(project, RunSpec("ppo", {}, models)).prompts_valid == ()
    found = prepare(project, RunSpec("ppo", {"best_kl": 4.0}, models)).prompts_valid
    assert found == project.prompt_rows("ppo", "valid")
    assert len(found) == 1
