"""Small mistakes put into a copy of the package one by one: does a test notice? Writes resources/docs/mutations.md.

    python tests/bench/mutations.py [--only NAME ...] [--out FILE]

First the tests run on an unchanged copy, which must pass. A mutation is caught when a test fails; the first that does
is named. Exits with 1 if one is not caught, or if a line that is to be changed does not stand in its file exactly once.
Needs a system that can fork.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
import torch  # noqa: F401 - once here instead of in every child
from transformers import AutoModelForCausalLM, GPT2LMHeadModel, LlamaForCausalLM  # noqa: F401

ROOT = Path(__file__).parents[2]
PPO = ("tests/golden/test_options_by_hand.py", "tests/train/test_ppo_numbers.py", "tests/train/test_ppo.py")
HEADS = ("tests/lm/test_heads.py",)


def rl(name):
    """Tests of one file of formulas, and those worked by hand."""
    return (f"tests/rl/test_{name}.py", "tests/golden/test_worked_by_hand.py")


class Mutation(NamedTuple):
    """One mistake; ``old`` becomes ``new`` in ``file``, and ``tests`` should notice."""

    name: str
    place: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "sign of the advantage",
        "GAE",
        "rl/advantages.py",
        "columns.append(advantage)",
        "columns.append(-advantage)",
        rl("advantages"),
    ),
    Mutation(
        "sign of the advantage",
        "after whitening",
        "train/ppo_collect.py",
        "advantages=advantages, returns=returns)",
        "advantages=-advantages, returns=returns)",
        PPO,
    ),
    Mutation(
        "mask dropped",
        "every masked sum",
        "rl/masking.py",
        "return full_precision(x).masked_fill(~mask, 0.0).sum()",
        "return full_precision(x).sum()",
        rl("masking"),
    ),
    Mutation(
        "mask dropped",
        "GAE: beyond the last token",
        "rl/advantages.py",
        "advantage) * mask[:, t]",
        "advantage)",
        rl("advantages"),
    ),
    Mutation(
        "mask dropped",
        "PPO's policy loss",
        "train/ppo_update.py",
        "piece.advantages, piece.mask, clip=clip, count=count)",
        "piece.advantages, torch.ones_like(piece.mask), clip=clip, count=count)",
        PPO,
    ),
    Mutation(
        "mask dropped",
        "SFT: prompts are learnt, too",
        "train/packing.py",
        "return self.is_answer[:, 1:]",
        "return self.segments[:, 1:] > 0",
        ("tests/train/test_packing.py", "tests/train/test_sft.py"),
    ),
    Mutation(
        "clip inverted",
        "policy: the larger of the two",
        "rl/losses.py",
        "surrogate = torch.minimum(",
        "surrogate = torch.maximum(",
        rl("losses"),
    ),
    Mutation(
        "clip inverted",
        "value: the smaller of the two",
        "rl/losses.py",
        "torch.maximum(error, clipped_error)",
        "torch.minimum(error, clipped_error)",
        rl("losses"),
    ),
    Mutation(
        "KL sign",
        "in the reward",
        "rl/rewards.py",
        "scores[:, None].to(penalty.dtype)) - penalty",
        "scores[:, None].to(penalty.dtype)) + penalty",
        rl("token_rewards"),
    ),
    Mutation(
        "KL sign",
        "reference and policy swapped",
        "train/ppo_collect.py",
        "rollout.scores, rollout.logprobs, rollout.ref_logprobs, mask",
        "rollout.scores, rollout.ref_logprobs, rollout.logprobs, mask",
        PPO,
    ),
    Mutation(
        "KL sign",
        "the adaptive beta runs away",
        "rl/controllers.py",
        "kl / target - 1",
        "1 - kl / target",
        rl("controllers"),
    ),
    Mutation(
        "wrong slot of the score",
        "reward on the first token",
        "rl/rewards.py",
        "torch.where(mask, columns, -1).amax(dim=1)",
        "torch.where(mask, columns, mask.shape[1]).amin(dim=1)",
        rl("token_rewards"),
    ),
    Mutation(
        "wrong slot of the score",
        "reward one token early",
        "rl/rewards.py",
        "torch.where(mask, columns, -1).amax(dim=1)",
        "(torch.where(mask, columns, -1).amax(dim=1) - 1).clamp(min=0)",
        rl("token_rewards"),
    ),
    Mutation(
        "wrong slot of the score",
        "read in the last cell, padding or not",
        "lm/heads.py",
        "last = batch.mask.shape[1] - 1 - batch.mask.flip(1).int().argmax(dim=1)",
        "last = torch.full_like(batch.tokens[:, 0], batch.mask.shape[1] - 1)",
        (*HEADS, *PPO),
    ),
    Mutation(
        "wrong slot of the score",
        "values after their token",
        "lm/heads.py",
        "Padded(batch.tokens[:, :-1], batch.mask[:, :-1]))",
        "batch)",
        (*HEADS, *PPO),
    ),
    Mutation(
        "bias not applied",
        "in the model",
        "lm/heads.py",
        "self.score(hidden).squeeze(-1) + self.bias",
        "self.score(hidden).squeeze(-1)",
        HEADS,
    ),
    Mutation(
        "bias not applied",
        "after training",
        "train/reward.py",
        "stage.model.shift(shift)",
        "pass",
        ("tests/train/test_reward.py",),
    ),
    Mutation(
        "bias not applied",
        "when opened again",
        "lm/heads.py",
        "ScalarModule(backbone, head, bias)",
        "ScalarModule(backbone, head)",
        HEADS,
    ),
    Mutation(
        "tie counted",
        "as a pair",
        "rl/ranking.py",
        "(ranks[:, None] < ranks[None, :])",
        "(ranks[:, None] <= ranks[None, :])",
        rl("ranking"),
    ),
    Mutation(
        "tie counted",
        "in the divisor though it should not",
        "rl/ranking.py",
        'if tie_divisor == "all" else',
        'if tie_divisor != "none" else',
        rl("ranking"),
    ),
    Mutation(
        "EMA sampled from",
        "rollouts",
        "train/ppo_collect.py",
        "sampler = generate(stage.policy,",
        "sampler = generate(stage.ema or stage.policy,",
        PPO,
    ),
    Mutation(
        "EMA sampled from",
        "saved as the policy",
        "train/ppo_stage.py",
        "save_language_model(stage.policy, folder)",
        "save_language_model(stage.ema or stage.policy, folder)",
        ("tests/train/test_architectures.py",),
    ),
    Mutation(
        "dropout left on",
        "after an SFT step",
        "train/dropout.py",
        "self._cells = None\n\n    def remove",
        "pass\n\n    def remove",
        ("tests/train/test_dropout.py", "tests/train/test_sft.py"),
    ),
    Mutation(
        "dropout left on",
        "models opened in training mode with their dropout",
        "lm/loading.py",
        "    switch_dropout_off(module)\n    return module",
        "    module.train()\n    return module",
        ("tests/train/test_architectures.py",),
    ),
    Mutation(
        "temperature mismatch",
        "sampled at 0.7, learnt at 1",
        "train/ppo_collect.py",
        "Sampling(temperature=1.0,",
        "Sampling(temperature=0.7,",
        PPO,
    ),
    Mutation(
        "temperature mismatch",
        "sampled at 1, learnt at 0.7",
        "train/ppo_update.py",
        "token_logprobs(logits, piece.responses)",
        "token_logprobs(logits, piece.responses, temperature=0.7)",
        PPO,
    ),
    Mutation(
        "temperature mismatch",
        "the logarithms ignore it",
        "rl/logprobs.py",
        "return logits if temperature == 1.0 else logits / temperature",
        "return logits",
        rl("logprobs"),
    ),
)

HEAD = """# Mistakes that the tests must notice

Written by `tests/bench/mutations.py`; do not edit. Each mistake is made alone in a copy of the package, where the tests
named in the script run; the first that fails is shown. On the unchanged copy all {tests} of them pass.

| mistake | where | file | caught by |
|---|---|---|---|
"""


def copy_of_project(folder):
    """What the tests need; models stay where they are."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("rlhf_studio", "tests", "resources"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "models").symlink_to(ROOT / "models")


def run_tests(folder, tests):
    """Whether all pass, the first failing test, and pytest's last line."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        child = os.fork()  # with the libraries imported already; of the package nothing is
        if child == 0:
            for stream in (1, 2):
                os.dup2(out.fileno(), stream)
            os.chdir(folder)
            sys.path.insert(0, str(folder))
            sys.dont_write_bytecode = True  # a change within one second would leave a stale cache behind
            quiet = ["-q", "-x", "--durations=0", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
            os._exit(pytest.main([*quiet, "-p", "no:cacheprovider", *tests]))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        text = out.read()
    if code not in (0, 1):  # 1: tests failed; the rest are errors of the call
        sys.exit(f"pytest {' '.join(tests)} ended with {code}:\n{text[-3000:]}")
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
    return code == 0, failed and failed.group(1), text.splitlines()[-1]


def check_import(folder):
    """The copy is what the tests import, also beside an editable installation."""
    (folder / "test_place.py").write_text(
        f"import rlhf_studio\ndef test_place(): assert rlhf_studio.__file__.startswith({str(folder)!r})\n"
    )
    is_well, _, summary = run_tests(folder, ["test_place.py"])
    if not is_well:
        sys.exit(f"the tests would not import the copy in {folder}: {summary}")


def mutate(folder, mutation):
    """Make the change and return a function that takes it back."""
    path = folder / "rlhf_studio" / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        sys.exit(f"{mutation.file} has {text.count(mutation.old)} times {mutation.old!r}; change the mutation")
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    return lambda: path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some mutations; nothing is written then")
    parser.add_argument("--out", type=Path, default=ROOT / "resources/docs/mutations.md")
    args = parser.parse_args()
    chosen = [m for m in MUTATIONS if not args.only or m.name in args.only]
    rows, missed = [], 0
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work).resolve()
        copy_of_project(folder)
        check_import(folder)
        is_well, failed, summary = run_tests(folder, sorted({test for m in chosen for test in m.tests}))
        if not is_well:
            sys.exit(f"the unchanged copy already fails {failed}: {summary}")
        print("unchanged:", summary, flush=True)
        for mutation in chosen:
            undo = mutate(folder, mutation)
            is_missed, failed, _ = run_tests(folder, mutation.tests)
            undo()
            missed += is_missed
            caught = "**NOTHING**" if is_missed else f"`{failed}`"
            print(f"{mutation.name}, {mutation.place}: {caught}", flush=True)
            rows.append(f"| {mutation.name} | {mutation.place} | `{mutation.file}` | {caught} |")
    if not args.only:
        head = HEAD.format(tests=re.search(r"(\d+) passed", summary).group(1))
        args.out.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(chosen) - missed} of {len(chosen)} caught")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
