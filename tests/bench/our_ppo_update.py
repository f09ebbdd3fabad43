"""Times PPO updates of ``rlhf_studio.train.ppo`` with the numbers of ppo_case.

    python tests/bench/our_ppo_update.py [--threads 2] [--episodes 64] ...

Policy, reference, value and reward model are Llamas of one size with random weights, float32. No ptx, no average of
the weights, no probes, since TRL does none of it. The end-of-text token lies outside the vocabulary: every answer has
its full length. An update is what lies between two steps' metrics, sampling what lies between its start and the last
sampled token. The last line is one JSON object (ppo_case.Stopwatch).
"""

import sys
import time
from pathlib import Path

import torch
import transformers
from ppo_case import Stopwatch, llama_config, parse_case, prompts_of
from transformers import LlamaForCausalLM

from rlhf_studio.events import Progress, StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import PpoData, PromptRow, Turn
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo

sys.path.insert(0, str(Path(__file__).parents[1]))
from fakes import MemoryRun, NumberCodec


def settings(case, precision="float32"):
    steps = case.updates + case.drop
    return PpoSettings(
        steps=steps,
        batch_size=case.episodes,
        minibatch_size=case.minibatch,
        epochs=case.epochs,
        max_new_tokens=case.answer,
        learning_rate=1e-5,
        value_learning_rate=1e-5,
        ptx_coef=0.0,
        ema_decay=0.0,
        probe_every=10 * steps,
        rollout_every=10 * steps,
        seed=case.seed,
        threads=case.threads,
        device="cpu",
        precision=precision,
    )


def begin(case, precision="float32"):
    """The events of a run with this case's numbers."""
    torch.manual_seed(case.seed)
    codec = NumberCodec(case.vocab)
    policy = LanguageModel(LlamaForCausalLM(llama_config(case)).eval(), codec, case.prompt + case.answer, None)
    prompts = tuple(
        PromptRow(i, (Turn("user", " ".join(str(token) for token in prompt)),))
        for i, prompt in enumerate(prompts_of(case))
    )
    reward_model = ScalarModel.from_language_model(policy, seed=2)
    data = PpoData(prompts=prompts)
    return train_ppo(settings(case, precision), policy, reward_model, data, MemoryRun(), RunControl())


def main():
    case = parse_case(__doc__)
    events = begin(case)
    watch, first, last = Stopwatch(), None, None
    for event in events:
        if isinstance(event, Progress) and event.phase == "sample":
            last = time.perf_counter()
            first = first or watch.ends[-1]  # an update begins with its sampling
        elif isinstance(event, StepMetrics):  # those of step 0 come when the run stands ready
            if event.step:
                watch.sampling.append(last - first)
                first = None
            watch.mark()
    watch.report(case, "ours", transformers=transformers.__version__)


if __name__ == "__main__":
    main()
