"""What PPO can be told beyond its defaults, each option by hand or against gradients taken apart."""

from itertools import pairwise

import pytest
import torch

from fakes import FixedLogits, MemoryRun, NumberCodec, TokenScores, drain
from rlhf_studio.events import Notice, RunFinished, StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import PpoData, PromptRow, TextRow, Turn
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train import ppo_update
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.ppo_collect import _adjusted, _with_advantages, answer_held_out, collect_rollout
from rlhf_studio.train.ppo_stage import prepare
from rlhf_studio.train.ppo_update import Tally, update_minibatch
from rlhf_studio.train.rollout import Rollout

PROMPTS = tuple(PromptRow(i, (Turn("user", text),)) for i, text in enumerate(("hi", "say a word", "why?", "x")))
TEXT = (TextRow("the cat sat on the mat. " * 20),)


def settings(**changes):
    base = {
        "steps": 6,
        "batch_size": 16,
        "minibatch_size": 16,
        "epochs": 1,
        "learning_rate": 0.2,
        "warmup_steps": 0,
        "kl_coef": 0.05,
        "ptx_coef": 0.0,
        "max_new_tokens": 1,
        "probe_every": 1000,
        "rollout_every": 1000,
        "threads": 1,
        "device": "cpu",
    }
    return PpoSettings(**{**base, **changes})


def run_bandit(options, run=None, control=None):
    """One token out of three, scored 1, 0 and -1: what happens is plain and quick."""
    codec = NumberCodec(3)
    policy = LanguageModel(FixedLogits([0.5, 0.3, 0.2]), codec, 64, None)
    data = PpoData(prompts=tuple(PromptRow(i, (Turn("user", "0"),)) for i in range(16)))
    judge = TokenScores([1.0, 0.0, -1.0], codec)
    return list(train_ppo(options, policy, judge, data, run or MemoryRun(), control or RunControl()))


def steps(events):
    return [event.values for event in events if isinstance(event, StepMetrics) and event.step]


@pytest.fixture
def make_stage(tiny_lm):
    def make(scripts=None, **changes):
        options = settings(max_new_tokens=6, batch_size=4, minibatch_size=4, ptx_window=16, **changes)
        reward_model = ScalarModel.from_language_model(tiny_lm, seed=1)
        reward_model.score_std = 0.7
        data = PpoData(PROMPTS, pretraining=TEXT)
        return prepare(options, tiny_lm.clone(), reward_model, data, Compute(options), RunControl(), scripts)

    return make


def test_beta_follows_the_wanted_kl_from_step_to_step_and_is_kept():
    run = MemoryRun()
    options = settings(kl_target=0.1, kl_horizon=100.0)
    told = steps(run_bandit(options, run))
    assert told[0]["kl_coef"] == 0.05
    expected = 0.05
    for values, after in zip(told, [*told[1:], {"kl_coef": run.latest().state["kl_coef"]}], strict=True):
        expected *= 1 + min(max(values["objective/kl"] / 0.1 - 1, -0.2), 0.2) * 16 / 100
        assert after["kl_coef"] == pytest.approx(expected, rel=1e-9)
    assert told[0]["objective/kl"] == 0  # below what is wanted, so that beta falls
    assert told[1]["kl_coef"] == pytest.approx(0.05 * (1 - 0.2 * 0.16))
    assert told[-1]["objective/kl"] > 0.12  # and above it later
    assert run.latest().state["kl_coef"] > told[-1]["kl_coef"]


def test_beta_is_fixed_by_default():
    assert {values["kl_coef"] for values in steps(run_bandit(settings()))} == {0.05}


def test_an_adapting_run_that_was_stopped_goes_on_with_its_beta():
    options = settings(kl_target=0.1, kl_horizon=100.0)
    whole = steps(run_bandit(options))
    run, control = MemoryRun(), RunControl()
    codec = NumberCodec(3)
    data = PpoData(prompts=tuple(PromptRow(i, (Turn("user", "0"),)) for i in range(16)))
    policy, judge = (
        LanguageModel(FixedLogits([0.5, 0.3, 0.2]), codec, 64, None),
        TokenScores([1.0, 0.0, -1.0], codec),
    )
    for event in train_ppo(options, policy, judge, data, run, control):
        if isinstance(event, StepMetrics) and event.step == 3:
            control.request_stop()
    again = steps(run_bandit(options, run))
    assert [values["kl_coef"] for values in again] == [values["kl_coef"] for values in whole[3:]]


def test_a_run_ends_after_the_first_step_above_the_kl_limit():
    run = MemoryRun()
    options = settings(steps=50, kl_stop=0.15, kl_coef=0.0)
    events = run_bandit(options, run)
    kls = [values["objective/kl"] for values in steps(events)]
    assert kls[-1] > 0.15
    assert all(kl <= 0.15 for kl in kls[:-1])
    assert 1 < len(kls) < 50
    (notice,) = [event for event in events if isinstance(event, Notice) and event.message == "ppo.kl_stop"]
    assert notice == Notice(len(kls), "ppo.kl_stop", {"kl": kls[-1], "limit": 0.15})
    assert events[-1] == RunFinished(len(kls), "completed")
    assert run.latest().step == len(kls)
    assert run.models["policy"] == len(kls)
    assert len(kls) in run.rollouts


def rollout_of_two(scores):
    """Two answers of one token each, without KL and value."""
    one, mask = torch.zeros(2, 1), torch.ones(2, 1, dtype=torch.bool)
    return Rollout(
        tokens=torch.zeros(2, 2, dtype=torch.int64),
        attention=torch.ones(2, 2, dtype=torch.bool),
        mask=mask,
        logprobs=one,
        ref_logprobs=one,
        values=one,
        rewards=one,
        advantages=one,
        returns=one,
        last_logprobs=one,
        scores=torch.tensor(scores),
        watched=one[:, 0],
        finished=mask[:, 0],
    )


def test_whitened_rewards_keep_their_mean_and_reach_the_advantages_only(make_stage):
    stage = make_stage(whiten_rewards=True, whiten_advantages=False, lam=1.0)
    rollout = _with_advantages(stage, rollout_of_two([0.0, 4.0]))  # mean 2, deviation 2
    torch.testing.assert_close(rollout.advantages, torch.tensor([[1.0], [3.0]]))
    torch.testing.assert_close(rollout.returns, torch.tensor([[1.0], [3.0]]))
    torch.testing.assert_close(rollout.rewards, torch.tensor([[0.0], [4.0]]))
    plain = _with_advantages(make_stage(whiten_advantages=False, lam=1.0), rollout_of_two([0.0, 4.0]))
    torch.testing.assert_close(plain.advantages, torch.tensor([[0.0], [4.0]]))


def test_scores_are_clipped_and_then_answers_without_an_end_pay(make_stage):
    scores, finished = torch.tensor([5.0, 1.0, -5.0, 5.0]), torch.tensor([True, True, True, False])
    clipped = _adjusted(make_stage(score_clip=2.0), scores, finished)  # in units of 0.7
    torch.testing.assert_close(clipped, torch.tensor([1.4, 1.0, -1.4, 1.4]))
    fined = _adjusted(make_stage(score_clip=2.0, missing_eos_penalty=3.0), scores, finished)
    torch.testing.assert_close(fined, torch.tensor([1.4, 1.0, -1.4, 1.4 - 2.1]))
    torch.testing.assert_close(_adjusted(make_stage(), scores, finished), scores)


def policy_gradient(stage, rollout, monkeypatch):
    """What one minibatch leaves in the policy's buffers, and its figures."""
    kept = {}

    def keep(stage_, step, figures):
        kept["gradient"] = torch.cat([p.grad.flatten() for p in stage_.policy.module.parameters()])
        kept["figures"] = {name: total for name, (total, _) in figures.sums.items()}
        stage_.policy.module.zero_grad()
        stage_.value_model.module.zero_grad()

    monkeypatch.setattr(ppo_update, "_optimizer_steps", keep)
    assert drain(update_minibatch(stage, 1, 0, rollout, range(4), Tally()))
    return kept["gradient"], kept["figures"]


@pytest.mark.parametrize("micro_batch", [0, 1])
def test_the_ratio_of_the_gradients_is_that_of_gradients_taken_apart(make_stage, monkeypatch, micro_batch):
    stage = make_stage(ptx_coef=0.5, ptx_ratio=1.0, micro_batch=micro_batch)
    rollout = drain(collect_rollout(stage, 1))
    both, figures = policy_gradient(stage, rollout, monkeypatch)
    stage.trainee.values["ptx_coef"] = 0.0
    alone, none = policy_gradient(stage, rollout, monkeypatch)
    assert "ptx_norm_ratio" not in none
    text = both - alone
    assert figures["ptx_norm_ratio"] == pytest.approx(float(text.norm() / alone.norm()), rel=1e-4)
    assert "ptx_coef" not in figures  # it is what was set
    wanted = make_stage(ptx_coef=0.5, ptx_ratio=1.0, ptx_norm_ratio=0.25, micro_batch=micro_batch)
    scaled, found = policy_gradient(wanted, rollout, monkeypatch)
    gamma = 0.25 * alone.norm() / (text.norm() / 0.5)
    torch.testing.assert_close(scaled, alone + gamma * text / 0.5, atol=1e-5, rtol=1e-3)
    assert float((scaled - alone).norm() / alone.norm()) == pytest.approx(0.25, rel=1e-3)
    assert found["ptx_coef"] == pytest.approx(float(gamma), rel=1e-3)
    assert found["ptx_norm_ratio"] == pytest.approx(0.25, rel=1e-4)


def test_the_gamma_that_was_found_is_told(tiny_lm):
    options = settings(steps=1, ptx_coef=0.5, ptx_norm_ratio=0.25, ptx_window=16, batch_size=4, minibatch_size=4)
    reward_model = ScalarModel.from_language_model(tiny_lm, seed=1)
    data = PpoData(PROMPTS, pretraining=TEXT)
    (told,) = steps(train_ppo(options, tiny_lm, reward_model, data, MemoryRun(), RunControl()))
    assert told["policy/ptx_norm_ratio"] == pytest.approx(0.25, rel=1e-4)
    assert told["ptx_coef"] != 0.5


def bandit(options, scripts):
    codec = NumberCodec(3)
    policy = LanguageModel(FixedLogits([0.5, 0.3, 0.2]), codec, 64, None)
    data = PpoData(prompts=tuple(PromptRow(i, (Turn("user", str(i % 3)),)) for i in range(16)))
    judge = TokenScores([1.0, 0.0, -1.0], codec)
    run = MemoryRun()
    told = steps(train_ppo(options, policy, judge, data, run, RunControl(), scripts))
    return told, run, policy


def likes_the_last(row, answer):
    return int(answer) / 2  # 0, 0.5 or 1 for the tokens 0, 1 and 2


def test_a_script_trains_while_the_reward_model_watches():
    options = settings(
        steps=40, kl_coef=0.0, reward_source="happy", watching="model", script_scale=4.0, rollout_every=1
    )
    told, run, policy = bandit(options, {"happy": likes_the_last})
    assert policy.module.bias.softmax(0)[2] > 0.9  # which the reward model likes least
    for step, values in enumerate(told, start=1):
        rollout = run.rollouts[step]
        answers = rollout["tokens"][:, -1]
        assert rollout["scores"] == pytest.approx(4.0 * answers / 2)
        assert rollout["watched"] == pytest.approx(1.0 - answers)
        assert values["watch/scores"] == pytest.approx(rollout["watched"].mean(), abs=1e-6)
        assert values["objective/scores"] == pytest.approx(rollout["scores"].mean(), abs=1e-6)
    assert told[-1]["watch/scores"] < told[0]["watch/scores"]
    assert run.latest().state["script_std"] == pytest.approx(run.rollouts[1]["scores"].std(), rel=1e-6)


def test_a_script_watches_and_changes_nothing():
    plain, _, _ = bandit(settings(), {})
    seen, run, _ = bandit(settings(watching="brief"), {"brief": likes_the_last})
    assert all("watch/scores" not in values for values in plain)
    assert "script_std" not in run.latest().state
    for before, after in zip(plain, seen, strict=True):
        assert 0 <= after.pop("watch/scores") <= 1
        for values in (before, after):
            values.pop("time/step_seconds")
        assert after == before


def test_the_script_is_asked_with_the_prompt_of_each_answer(make_stage):
    seen = []
    scripts = {"happy": lambda row, answer: seen.append((row, answer)) or len(answer) / 100}
    stage = make_stage(reward_source="happy", scripts=scripts)
    rollout = drain(collect_rollout(stage, 1))
    codec = stage.policy.codec
    assert len(seen) == 4
    for i, (row, answer) in enumerate(seen):
        prompt = codec.encode_prompt(row.turns)
        ids = rollout.tokens[i][rollout.attention[i]].tolist()
        assert ids[: len(prompt)] == prompt
        assert answer == codec.decode(ids[len(prompt) :])
        assert float(rollout.scores[i]) == pytest.approx(4.0 * len(answer) / 100)


def test_a_script_that_was_not_given_is_missed_at_once():
    with pytest.raises(ValueError, match=r"name the script 'brief', given are \['happy'\]"):
        bandit(settings(watching="brief"), {"happy": likes_the_last})


def test_a_rollout_of_an_earlier_version_has_no_watching_scores():
    kept = rollout_of_two([0.0, 4.0]).tensors("rollout")
    del kept["rollout.watched"]
    again = Rollout.from_tensors(kept, "rollout", torch.device("cpu"))
    assert again.watched.isnan().all()
    assert again.scores.tolist() == [0.0, 4.0]


def test_the_best_policy_below_the_kl_limit_is_kept_with_its_figures():
    options = settings(steps=12, kl_coef=0.0, probe_every=1, best_kl=0.3)
    codec = NumberCodec(3)
    policy = LanguageModel(FixedLogits([0.5, 0.3, 0.2]), codec, 64, None)
    rows = tuple(PromptRow(i, (Turn("user", "0"),)) for i in range(80))
    cards = {}

    class Cards(MemoryRun):
        def save_model(self, step, name, write):
            if name == "policy-best":
                cards[step] = policy.module.bias.detach().softmax(0).tolist()
            return super().save_model(step, name, write)

    run = Cards()
    judge = TokenScores([1.0, 0.0, -1.0], codec)
    data = PpoData(prompts=rows[:16], prompts_valid=rows[16:])
    told = steps(train_ppo(options, policy, judge, data, run, RunControl()))
    allowed = {i: v["valid/scores"] for i, v in enumerate(told, start=1) if v["valid/kl"] <= 0.3}
    assert 1 < len(allowed) < 12  # the limit does cut
    best = max(allowed, key=lambda step: (allowed[step], -step))
    assert max(cards) == run.models["policy-best"] == best
    kept = run.latest().state["best"]
    assert (kept["step"], kept["score"], kept["kl"]) == (best, allowed[best], told[best - 1]["valid/kl"])
    assert max(v["valid/scores"] for v in told) > allowed[best]  # what hacks more scores more
    scores = [cards[step] for step in sorted(cards)]
    assert all(later[0] > earlier[0] for earlier, later in pairwise(scores))


def test_held_out_answers_use_the_same_numbers_each_time_and_change_no_other_figure(make_stage):
    stage = make_stage(best_kl=1.0)
    stage.held_out = [(stage.policy.codec.encode_prompt(row.turns), row) for row in PROMPTS]
    once, again = drain(answer_held_out(stage, 1)), drain(answer_held_out(stage, 2))
    assert once == again
    assert once["valid/kl"] == pytest.approx(0, abs=1e-4)
    stage.control.request_stop()
    assert drain(answer_held_out(stage, 3)) == {}
    plain, measured = steps(run_bandit(settings())), steps(run_bandit(settings(best_kl=1.0)))
    for before, after in zip(plain, measured, strict=True):
        assert {**before, "time/step_seconds": 0} == {**after, "time/step_seconds": 0}


def test_every_nth_step_leaves_a_checkpoint():
    run = MemoryRun()
    run_bandit(settings(steps=7, checkpoint_steps=3), run)
    assert [checkpoint.step for checkpoint in run.checkpoints] == [3, 6, 7]
    off = MemoryRun()
    run_bandit(settings(steps=4, checkpoint_steps=0), off)
    assert [checkpoint.step for checkpoint in off.checkpoints] == [4]
