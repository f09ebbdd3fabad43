import pytest
import torch

from fakes import FixedLogits, MemoryRun, NumberCodec, TokenScores, drain
from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import Notice, RunFinished, SampleShown, SettingChanged, StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.schema import PpoData, PromptRow, TextRow, Turn
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.ppo_collect import collect_rollout
from rlhf_studio.train.ppo_stage import PpoStart, prepare
from rlhf_studio.train.ppo_update import Tally, update_minibatch

TEXT = tuple(TextRow("the cat sat on the mat. " * 20) for _ in range(3))
PROMPTS = tuple(
    PromptRow(i, (Turn("user", text),)) for i, text in enumerate(("hi", "say a word", "why is it so?", "x"))
)


def settings(**changes):
    base = {
        "steps": 3,
        "batch_size": 8,
        "minibatch_size": 4,
        "epochs": 2,
        "learning_rate": 1e-3,
        "max_new_tokens": 12,
        "kl_coef": 0.05,
        "ptx_coef": 0.2,
        "ptx_window": 16,
        "probe_every": 2,
        "rollout_every": 1,
        "threads": 1,
        "device": "cpu",
    }
    return PpoSettings(**{**base, **changes})


def data(**changes):
    return PpoData(
        **{"prompts": PROMPTS, "probes": PROMPTS[:2], "pretraining": TEXT, "pretraining_valid": TEXT, **changes}
    )


@pytest.fixture
def reward_model(tiny_lm):
    model = ScalarModel.from_language_model(tiny_lm, seed=1)
    model.score_std = 0.7
    return model


@pytest.fixture
def stage(tiny_lm, reward_model):
    return prepare(settings(), tiny_lm.clone(), reward_model, data(), Compute(settings()), RunControl())


def test_token_rewards_add_up_to_the_score_minus_the_penalty_for_every_rollout(tiny_lm, reward_model):
    run = MemoryRun()
    options = settings(kl_coef=0.3, learning_rate=1e-2, warmup_steps=0)
    events = list(train_ppo(options, tiny_lm, reward_model, data(), run, RunControl()))
    assert sorted(run.rollouts) == [1, 2, 3]
    for step, arrays in run.rollouts.items():
        k1 = (arrays["logprobs"] - arrays["ref_logprobs"]).sum(1)
        assert (arrays["ratio"][arrays["mask"]] > 0).all()
        assert (arrays["ratio"][~arrays["mask"]] == 0).all()
        assert arrays["rewards"].sum(1) == pytest.approx(arrays["scores"] - 0.3 * k1, abs=1e-5)
        values = next(e.values for e in events if isinstance(e, StepMetrics) and e.step == step)
        assert values["objective/kl"] == pytest.approx(k1.mean(), abs=1e-5)
        assert values["objective/rlhf_reward"] == pytest.approx(arrays["rewards"].sum(1).mean(), abs=1e-5)
    assert abs(k1).max() > 0.05  # the policy did move


def test_the_ratio_is_one_at_the_first_minibatch(tiny_lm, reward_model):
    events = list(train_ppo(settings(), tiny_lm, reward_model, data(), MemoryRun(), RunControl()))
    first = next(e.values for e in events if isinstance(e, StepMetrics) and e.step == 1)
    assert 0 <= first["gate/ratio_error"] < 1e-5
    assert first["objective/kl"] == pytest.approx(0, abs=1e-4)  # the policy still is its reference
    assert not [e for e in events if isinstance(e, Notice) and e.message == "ppo.ratio_gate"]


def test_a_sampler_that_disagrees_is_noticed_and_replaced(tiny_lm, reward_model, monkeypatch):
    from rlhf_studio.train import ppo_collect

    true_begin = ppo_collect.begin_rollout

    def off(prompts, generation):
        return true_begin(prompts, generation._replace(logprobs=generation.logprobs - 0.1))

    monkeypatch.setattr(ppo_collect, "begin_rollout", off)
    run = MemoryRun()
    events = list(train_ppo(settings(), tiny_lm, reward_model, data(), run, RunControl()))
    (notice,) = [e for e in events if isinstance(e, Notice) and e.message == "ppo.ratio_gate"]
    assert notice.values["error"] == pytest.approx(0.105, abs=0.01)
    k1 = run.rollouts[1]["logprobs"] - run.rollouts[1]["ref_logprobs"]
    assert abs(k1).max() < 1e-5  # taken from the training pass: equal to the reference's at step 1


def test_the_score_is_read_on_the_answer_with_its_prompt(stage):
    rollout = drain(collect_rollout(stage, 1))
    for row in range(len(rollout.tokens)):
        ids = rollout.tokens[row][rollout.attention[row]][None]
        alone = stage.reward_model.scores(type(rollout.batch)(ids, torch.ones_like(ids, dtype=torch.bool)))
        assert alone.item() == pytest.approx(float(rollout.scores[row]), abs=1e-5)


def test_rollouts_come_from_the_whole_distribution_and_no_setting_says_otherwise(stage, monkeypatch):
    from rlhf_studio.train import ppo_collect

    asked, true = [], ppo_collect.generate

    def generate(model, prompts, sampling, noise):
        asked.append((model, sampling.temperature, sampling.top_p))
        return true(model, prompts, sampling, noise)

    monkeypatch.setattr(ppo_collect, "generate", generate)
    drain(collect_rollout(stage, 1))
    assert asked == [(stage.policy, 1.0, 1.0)]  # of the raw weights, never of their average
    assert not [name for name in PpoSettings.model_fields if name.startswith(("temp", "top_", "repetition", "min_p"))]


def gradient(stage, rollout, micro_batch, monkeypatch):
    kept = {}

    def keep(stage_, step, figures):
        for name, module in (("policy", stage_.policy.module), ("value", stage_.value_model.module)):
            kept[name] = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
            module.zero_grad()
        kept["sums"] = figures.sums

    from rlhf_studio.train import ppo_update

    monkeypatch.setattr(ppo_update, "_optimizer_steps", keep)
    stage.settings = stage.settings.model_copy(update={"micro_batch": micro_batch})
    assert drain(update_minibatch(stage, 1, 0, rollout, range(len(rollout.tokens)), Tally())) is True
    return kept


@pytest.mark.parametrize("micro_batch", [1, 2, 4])
def test_micro_batches_change_no_gradient(stage, monkeypatch, micro_batch):
    rollout = drain(collect_rollout(stage, 1))
    whole = gradient(stage, rollout, 0, monkeypatch)
    cut = gradient(stage, rollout, micro_batch, monkeypatch)
    for name in ("policy", "value"):
        torch.testing.assert_close(cut[name], whole[name], atol=1e-5, rtol=0)
        assert whole[name].norm() > 1e-3
    for name, (total, _) in whole["sums"].items():
        assert cut["sums"][name][0] == pytest.approx(total, abs=1e-5), name


def test_padding_and_order_change_no_gradient(stage, monkeypatch):
    rollout = drain(collect_rollout(stage, 1))
    whole = gradient(stage, rollout, 0, monkeypatch)
    prompt_length = rollout.tokens.shape[1] - rollout.response_length
    wide = {}
    for name, field in zip(rollout._fields, rollout, strict=True):
        if name in {"tokens", "attention"}:
            left = torch.zeros(len(field), 5, dtype=field.dtype)
            right = torch.zeros(len(field), 3, dtype=field.dtype)
            wide[name] = torch.cat([left, field[:, :prompt_length], field[:, prompt_length:], right], dim=1)
        elif field.ndim == 2:  # noise where there is no token must not matter
            poison = torch.full((len(field), 3), float("nan")) if field.is_floating_point() else False
            right = poison if isinstance(poison, torch.Tensor) else torch.zeros(len(field), 3, dtype=field.dtype)
            inside = field.masked_fill(~rollout.mask, float("nan")) if field.is_floating_point() else field
            wide[name] = torch.cat([inside, right], dim=1)
        else:
            wide[name] = field
    reordered = type(rollout)(**{name: field.flip(0) for name, field in wide.items()})
    poisoned = gradient(stage, reordered, 0, monkeypatch)
    for name in ("policy", "value"):
        torch.testing.assert_close(poisoned[name], whole[name], atol=1e-5, rtol=0)


def test_selecting_rows_trims_what_is_padding_in_all_of_them(stage):
    rollout = drain(collect_rollout(stage, 1))
    row = rollout.select([0])
    assert row.attention.all()
    assert row.mask.all()
    assert row.responses.shape == row.logprobs.shape
    assert row.tokens[0].tolist() == rollout.tokens[0][rollout.attention[0]].tolist()


def metrics(events):
    return {
        e.step: {k: v for k, v in e.values.items() if not k.startswith("time/")}
        for e in events
        if isinstance(e, StepMetrics)
    }


@pytest.mark.parametrize(("phase", "count"), [("sample", 3), ("score", 2), ("update", 2), ("update", 9)])
def test_a_run_stopped_in_any_phase_goes_on_bit_for_bit(tiny_lm, reward_model, phase, count):
    options = settings(micro_batch=2)
    whole_run = MemoryRun()
    whole = list(train_ppo(options, tiny_lm.clone(), reward_model, data(), whole_run, RunControl()))
    run, control, events, seen = MemoryRun(), RunControl(), [], 0
    for event in train_ppo(options, tiny_lm.clone(), reward_model, data(), run, control):
        events.append(event)
        torch.rand(2)  # something samples meanwhile
        seen += getattr(event, "phase", "") == phase and event.step == 2
        if seen == count:
            control.request_stop()
    assert events[-1] == RunFinished(1, "stopped")
    resumed = list(train_ppo(options, tiny_lm.clone(), reward_model, data(), run, RunControl()))
    assert metrics(events) | metrics(resumed) == metrics(whole)
    for name, tensor in whole_run.latest().tensors.items():
        assert torch.equal(run.latest().tensors[name], tensor), name


def test_checkpoints_between_minibatches_lose_nothing(tiny_lm, reward_model):
    options = settings(checkpoint_seconds=1e-9)
    run = MemoryRun()
    whole = list(train_ppo(options, tiny_lm.clone(), reward_model, data(), run, RunControl()))
    in_the_middle = [i for i, c in enumerate(run.checkpoints) if "update" in c.state]
    assert len(in_the_middle) == 12  # 3 steps of 2 epochs of 2 minibatches
    cut = MemoryRun()
    cut.checkpoints = run.checkpoints[: in_the_middle[5] + 1]
    resumed = list(train_ppo(options, tiny_lm.clone(), reward_model, data(), cut, RunControl()))
    expected = metrics(whole)
    assert metrics(resumed) == {step: expected[step] for step in metrics(resumed)}
    for name, tensor in run.latest().tensors.items():
        assert torch.equal(cut.latest().tensors[name], tensor), name


def test_a_changed_setting_holds_from_the_next_step_and_is_kept(tiny_lm, reward_model):
    run, control, events = MemoryRun(), RunControl(), []
    for event in train_ppo(settings(), tiny_lm, reward_model, data(), run, control):
        events.append(event)
        if isinstance(event, StepMetrics) and event.step == 1:
            control.change("kl_coef", 0.9)
    assert SettingChanged(2, "kl_coef", 0.9) in events
    assert [v["kl_coef"] for s, v in metrics(events).items() if s] == [0.05, 0.9, 0.9]
    assert run.latest().state["kl_coef"] == 0.9


@pytest.mark.learn
def test_it_raises_the_score(tiny_lm, reward_model):
    """Reward 1 for each letter e among the tokens' table: the policy must learn to say it."""
    (target,) = tiny_lm.codec.encode_text("e")

    class LikesE(TokenScores):
        context_length = tiny_lm.context_length

        def scores(self, batch):
            return ((batch.tokens == target) & batch.mask).float().sum(dim=1)

    judge = LikesE([0.0], tiny_lm.codec)
    options = settings(
        steps=25, batch_size=32, minibatch_size=32, learning_rate=5e-3, warmup_steps=0, kl_coef=0.0, ptx_coef=0.0
    )
    events = list(train_ppo(options, tiny_lm, judge, data(), MemoryRun(), RunControl()))
    scores = [v["objective/scores"] for step, v in metrics(events).items() if step]
    assert scores[0] < 1
    assert scores[-1] > 6


def test_probes_carry_their_score_and_kl(tiny_lm, reward_model):
    events = list(train_ppo(settings(), tiny_lm, reward_model, data(), MemoryRun(), RunControl()))
    shown = [e for e in events if isinstance(e, SampleShown)]
    assert sorted({e.step for e in shown}) == [0, 2, 3]
    assert all(e.kl == pytest.approx(0, abs=1e-4) and e.score is not None for e in shown if e.step == 0)


def test_the_average_of_the_weights_lags_behind_them(tiny_lm, reward_model):
    run = MemoryRun()
    options = settings(steps=1, epochs=1, minibatch_size=8, ema_decay=0.75, warmup_steps=0)
    start = {n: p.detach().clone() for n, p in tiny_lm.module.named_parameters()}
    list(train_ppo(options, tiny_lm, reward_model, data(), run, RunControl()))
    tensors = run.latest().tensors
    for name, before in start.items():
        expected = 0.75 * before + 0.25 * tensors[f"module.policy.{name}"]
        torch.testing.assert_close(tensors[f"module.ema.{name}"], expected)
    assert set(run.models) == {"policy", "value", "policy-ema"}


def test_missing_data_is_said_with_what_to_do(tiny_lm, reward_model):
    def start(**changes):
        return next(train_ppo(settings(), tiny_lm, reward_model, data(**changes), MemoryRun(), RunControl()))

    with pytest.raises(DataError, match="0 for it"):
        start(prompts=())
    with pytest.raises(DataError, match=r"PPO-ptx \(gamma 0.2\) needs pretraining text"):
        start(pretraining=())
    with pytest.raises(DataError, match="fewer than one window of 17"):
        start(pretraining=(TextRow("hi"),))
    with pytest.raises(DataError, match="None of the 1 prompts leaves room for 12 new tokens"):
        start(prompts=(PromptRow(1, (Turn("user", "word " * 500),)),))


def test_a_score_that_is_not_finite_stops_with_its_value():
    from rlhf_studio.lm.model import LanguageModel

    codec = NumberCodec(3)
    policy = LanguageModel(FixedLogits([0.5, 0.3, 0.2]), codec, 64, None)
    judge = TokenScores([float("nan")] * 3, codec)
    with pytest.raises(RunError, match="loss became nan at step 1"):
        list(
            train_ppo(
                settings(ptx_coef=0.0, max_new_tokens=1),
                policy,
                judge,
                PpoData((PromptRow(1, (Turn("user", "0"),)),)),
                MemoryRun(),
                RunControl(),
            )
        )


def test_a_run_that_goes_on_from_another_policy_keeps_its_reference_and_its_value_network(tiny_lm, reward_model):
    moved, value = tiny_lm.clone(), reward_model.clone()
    with torch.no_grad():
        for parameter in moved.module.parameters():
            parameter.mul_(1.5)
        value.module.score.weight.zero_()
    value.module.bias.fill_(0.25)
    standing = PpoStart(moved.clone(), value)
    stage = prepare(settings(), tiny_lm, reward_model, data(), Compute(settings()), RunControl(), start=standing)
    rollout = drain(collect_rollout(stage, 1))
    apart = (rollout.logprobs - rollout.ref_logprobs)[rollout.mask]
    assert apart.abs().mean() > 0.01
    assert rollout.values[rollout.mask] == pytest.approx(0.25)  # the network that was given, not the reward model
    with torch.no_grad():
        for model, expected in ((moved, rollout.logprobs), (tiny_lm, rollout.ref_logprobs)):
            logits = model.response_logits(rollout.batch, rollout.response_length)
            own = token_logprobs(logits, rollout.responses).masked_fill(~rollout.mask, 0.0)
            assert torch.allclose(own, expected.masked_fill(~rollout.mask, 0.0), atol=1e-4)
