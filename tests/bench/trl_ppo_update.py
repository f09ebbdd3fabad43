"""Times PPO updates of TRL's PPOTrainer; to be run by a Python that has trl 1.12.0, the last version with PPO.

    python -m venv TRL && TRL/bin/pip install torch==2.13.0 trl==1.12.0
    TRL/bin/python tests/bench/trl_ppo_update.py [--threads 2] [--episodes 64] ...

Calls ``trl.experimental.ppo.PPOTrainer.train()``. Policy, reference, value and reward model are Llamas of one size with
random weights, float32, no gradient checkpointing, temperature 1, no stop token: every answer has its full length.
An update lasts from the end of the one before; sampling is the time inside TRL's ``batch_generation``.
The last line is one JSON object (ppo_case.Stopwatch).
"""

import contextlib
import sys
import tempfile
import time

import torch
import transformers
import trl
from datasets import Dataset
from ppo_case import Stopwatch, llama_config, parse_case, prompts_of
from tokenizers import Tokenizer, models
from transformers import LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast, TrainerCallback
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer


class Marks(TrainerCallback):
    """Tells the stopwatch when updates end."""

    def __init__(self, watch):
        self.watch = watch

    def on_train_begin(self, args, state, control, **kwargs):
        self.watch.mark()

    def on_step_end(self, args, state, control, **kwargs):
        self.watch.mark()


def timed(function, sampling):
    def with_clock(*args, **kwargs):
        began = time.perf_counter()
        result = function(*args, **kwargs)
        sampling.append(time.perf_counter() - began)
        return result

    return with_clock


def number_tokenizer(vocab):
    """The trainer wants a tokenizer to pad and decode with; its prompts come as token ids."""
    words = {"<pad>": 0, **{str(i): i for i in range(1, vocab - 1)}, "<end>": vocab - 1}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>", padding_side="left"
    )


def settings(case, folder):
    return PPOConfig(
        output_dir=folder,
        per_device_train_batch_size=case.minibatch,
        gradient_accumulation_steps=case.episodes // case.minibatch,
        num_mini_batches=case.episodes // case.minibatch,
        local_rollout_forward_batch_size=case.episodes,
        total_episodes=case.episodes * (case.updates + case.drop),
        num_ppo_epochs=case.epochs,
        response_length=case.answer,
        temperature=1.0,
        learning_rate=1e-5,
        num_sample_generations=0,
        seed=case.seed,
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
    )


def main():
    case = parse_case(__doc__)
    torch.set_num_threads(case.threads)
    torch.manual_seed(case.seed)
    tokenizer = number_tokenizer(case.vocab)
    policy, reference = (LlamaForCausalLM(llama_config(case)) for _ in range(2))
    reference.load_state_dict(policy.state_dict())
    value, reward = (LlamaForSequenceClassification(llama_config(case, num_labels=1)) for _ in range(2))
    watch = Stopwatch()
    ppo_trainer.batch_generation = timed(ppo_trainer.batch_generation, watch.sampling)
    # what the trainer prints is no part of the result
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        trainer = PPOTrainer(
            args=settings(case, folder),
            processing_class=tokenizer,
            model=policy,
            ref_model=reference,
            reward_model=reward,
            value_model=value,
            train_dataset=Dataset.from_dict({"input_ids": prompts_of(case)}),
            callbacks=[Marks(watch)],
        )
        trainer.train()
    watch.report(
        case,
        f"TRL {trl.__version__}",
        transformers=transformers.__version__,
        parameters=sum(p.numel() for p in policy.parameters()),
        checkpointing=any(module.is_gradient_checkpointing for module in (policy, value)),
    )


if __name__ == "__main__":
    main()
