"""A run's name says when its settings, or those of its reward model, are meant to go wrong."""

from window_material import add_run

from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.run_names import name_note, run_name


def test_a_run_by_the_defaults_is_called_by_its_stage():
    assert run_name("sft", {"epochs": 2}, {"base": "models/tiny"}) == "SFT"
    assert run_name("ppo-ptx", {}, {"policy": "a/models/b", "reward": "c/models/d"}) == "PPO-ptx"


def test_a_run_is_named_after_what_its_settings_break():
    assert run_name("ppo", {"kl_coef": 0.0, "steps": 9}, {}) == "PPO: no KL penalty"
    assert run_name("reward", {"max_rankings": 20}, {"base": "x"}) == "Reward model: only 20 rankings"
    assert run_name("sft", {"kl_coef": 0.0}, {}) == "SFT"


def test_ppo_against_a_broken_reward_model_is_named_after_it(tmp_path):
    model = add_run(tmp_path, "20260101-100000-reward", "reward", {"base": "x"}, settings={"max_rankings": 20})
    assert run_name("ppo-ptx", {}, {"reward": str(model)}) == "PPO-ptx: only 20 rankings"
    assert run_name("ppo-ptx", {"kl_coef": 0.0}, {"reward": str(model)}) == "PPO-ptx: no KL penalty, only 20 rankings"
    (model.parent.parent / "run.json").write_text("{")
    assert run_name("ppo-ptx", {}, {"reward": str(model)}) == "PPO-ptx"


def test_what_a_name_tells_besides_the_stage():
    assert name_note("PPO-ptx: no KL penalty") == "no KL penalty"
    assert name_note("PPO-ptx") == ""
    assert name_note("") == ""
    assert name_note("Evening: second try") == "Evening: second try"


def test_a_summary_tells_the_note(tmp_path):
    add_run(tmp_path, "20260101-100000-sft", "sft", {"base": "x"})
    assert [run.note for run in list_runs(tmp_path).runs] == [""]
