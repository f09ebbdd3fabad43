"""A one-token language model trained by our PPO must reach the optimum that is known in closed form."""

import pytest
import torch

from fakes import FixedLogits, MemoryRun, NumberCodec, TokenScores, total_variation
from rlhf_studio.events import RunFinished, StepMetrics
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import PpoData, PromptRow, TextRow, Turn
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo

REFERENCE, REWARDS = [0.5, 0.3, 0.2], [1.0, 0.0, -1.0]
SETTINGS = {
    "steps": 150,
    "batch_size": 1024,
    "minibatch_size": 1024,
    "micro_batch": 1024,
    "epochs": 1,
    "learning_rate": 0.02,
    "value_learning_rate": 0.02,
    "kl_coef": 0.5,
    "whiten_advantages": False,
    "max_new_tokens": 1,
    "ema_decay": 0.9,
    "probe_every": 1000,
    "rollout_every": 1000,
    "ptx_window": 15,
    "ptx_ratio": 0.05,
    "threads": 1,
    "device": "cpu",
}


def train(seed, ptx_coef):
    codec = NumberCodec(3)
    policy = LanguageModel(FixedLogits(REFERENCE), codec, 64, None)
    uniform = " ".join(str(i % 3) for i in range(16 * 60))
    data = PpoData(
        prompts=tuple(PromptRow(i, (Turn("user", "0"),)) for i in range(1024)),
        pretraining=(TextRow(uniform),) if ptx_coef else (),
    )
    settings = PpoSettings(seed=seed, ptx_coef=ptx_coef, **SETTINGS)
    events = list(train_ppo(settings, policy, TokenScores(REWARDS, codec), data, MemoryRun(), RunControl()))
    assert events[-1] == RunFinished(settings.steps, "completed")
    return policy.module.bias.detach().softmax(0).tolist(), [e for e in events if isinstance(e, StepMetrics)]


@pytest.mark.learn
@pytest.mark.golden
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("ptx_coef", "optimum"), [(0.0, [0.9186723, 0.0745973, 0.0067304]), (0.5, [0.7063, 0.1960, 0.0977])]
)
def test_ppo_reaches_the_regularised_optimum(seed, ptx_coef, optimum):
    probabilities, metrics = train(seed, ptx_coef)
    assert total_variation(probabilities, optimum) < 0.01
    if not ptx_coef:  # and what it reports about itself is true there
        last = [m.values for m in metrics[-30:]]
        assert sum(v["objective/scores"] for v in last) / 30 == pytest.approx(0.9119419, abs=0.02)
        assert sum(v["objective/kl"] for v in last) / 30 == pytest.approx(0.4322051, abs=0.03)


def test_the_optimum_is_not_where_it_starts():
    assert total_variation(REFERENCE, [0.9186723, 0.0745973, 0.0067304]) > 0.4
    assert torch.tensor(REFERENCE).sum() == 1
