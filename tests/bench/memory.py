"""How much memory each stage takes: what is estimated before the start beside what a run took, in one go.

    python tests/bench/memory.py [--base models/tiny models/small FOLDER ...] [--micro-batch 0 2] [--batch 4]

Each stage runs two steps in a process of its own; "measured" is the growth of its resident memory, from the moment
when all libraries are imported to its peak. Two steps, since the optimizer's moments are there from the second on.
Exits with 1 if an estimate is further off than ``--within``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

try:
    import resource
except ImportError:  # Windows tells no peak this way
    resource = None

STAGES = ("sft", "reward", "ppo")
PARAGRAPH = (
    "Once there was a cat who lived in a small house by the sea with a man who sold hats of all colours, red and blue "
    "and green, to people from the town, and each day the cat sat in the window and watched them come and go, while "
    "the man told every one of them the same old story about a ship that had carried a thousand hats over the water "
    "and had lost them all in a storm, one night in the winter, a long time ago, when he was still a boy."
)
WORDS = PARAGRAPH.split()


def data_of(kind, prompts):
    """Prompts of about 24 words and answers of up to about 48."""
    from rlhf_studio.schema import (
        Answer,
        DemonstrationRow,
        PpoData,
        PromptRow,
        RankedRow,
        RewardData,
        SftData,
        TextRow,
        Turn,
    )

    turns = [(Turn("user", " ".join([*WORDS[i % 8 :][:24], "?"])),) for i in range(prompts)]
    texts = (TextRow(f"{PARAGRAPH} " * 40),)
    if kind == "sft":
        rows = tuple(DemonstrationRow(i, t, " ".join(WORDS[i % 16 :][:48])) for i, t in enumerate(turns))
        return SftData(train=rows, valid=rows[:4], pretraining_valid=texts)
    if kind == "reward":
        answers = tuple(Answer(" ".join(WORDS[k:][:48])) for k in range(4))
        return RewardData(train=tuple(RankedRow(i, t, answers, (1, 2, 3, 4)) for i, t in enumerate(turns)))
    rows = tuple(PromptRow(i, t) for i, t in enumerate(turns))
    return PpoData(prompts=rows, pretraining=texts, pretraining_valid=texts)


def settings_of(kind, batch, micro_batch, precision):
    """Two steps of ``batch`` prompts each."""
    common = {"threads": 1, "device": "cpu", "micro_batch": micro_batch, "precision": precision, "learning_rate": 1e-5}
    if kind in ("sft", "reward"):
        return {**common, "epochs": 1, "batch_size": batch}
    small = {"steps": 2, "batch_size": batch, "minibatch_size": max(1, batch // 2), "epochs": 1}
    return {**common, **small, "value_learning_rate": 1e-5}


def lengths_of(base, kind, settings):
    """The longest prompt and answer of the data, in tokens."""
    from rlhf_studio.jobs.memory import Lengths
    from rlhf_studio.lm.codec import Codec
    from rlhf_studio.lm.loading import load_tokenizer

    codec = Codec(load_tokenizer(base))
    data = data_of(kind, 8)
    rows = data.prompts if kind == "ppo" else data.train
    prompt = max(len(codec.encode_prompt(row.turns)) for row in rows)
    if kind == "ppo":
        return Lengths(prompt, settings.max_new_tokens)
    texts = [row.answer for row in rows] if kind == "sft" else [a.text for row in rows for a in row.answers]
    return Lengths(prompt, max(len(codec.encode_answer(text)) for text in texts))


def peak_bytes():
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def child(args):
    """Run one stage and print what it took; with ``--watch``, also where the peak rose."""
    import psutil
    import torch

    from rlhf_studio.events import Progress, RunFinished, StepMetrics
    from rlhf_studio.jobs.memory import ModelShape, estimate_memory
    from rlhf_studio.jobs.recipes import drive, start_run
    from rlhf_studio.jobs.run_file import stage_settings
    from rlhf_studio.schema import RunSpec
    from rlhf_studio.train.control import RunControl

    torch.set_num_threads(1)
    base, kind = args.base[0], args.child
    idle = psutil.Process().memory_info().rss
    models = {"policy": str(base), "reward": str(args.work / "reward/models/reward")}
    spec = RunSpec(
        kind,
        settings_of(kind, args.batch, args.micro_batch[0], args.precision),
        models if kind == "ppo" else {"base": str(base)},
    )
    folder = start_run(None, spec, args.work / kind, data_of(kind, 2 * args.batch))
    gate, last = None, idle
    for event in drive(folder, RunControl()):
        if args.watch and peak_bytes() > last + 2**20:
            last = peak_bytes()
            where = f"{event.step} {event.phase}" if isinstance(event, Progress) else type(event).__name__
            print(f"  {(last - idle) / 2**20:8.1f} MiB at {where}", file=sys.stderr)
        if isinstance(event, StepMetrics):
            gate = event.values.get("gate/ratio_error", gate)
        if isinstance(event, RunFinished) and event.outcome != "completed":
            sys.exit(f"the {kind} run {event.outcome}: {event.reason}")
    peak = peak_bytes()
    settings = stage_settings(folder.spec)
    estimate = estimate_memory(settings, ModelShape.of_folder(base), lengths_of(base, kind, settings))
    print(json.dumps({"measured": peak - idle, "estimate": estimate.total, **asdict(estimate), "gate": gate}))


def measure(base, kind, work, *, batch, micro_batch, precision="float32", watch=False):
    """What one stage took, in a process of its own; PPO needs the reward model that was trained in ``work`` before."""
    command = [sys.executable, __file__, "--child", kind, "--base", str(base.resolve()), "--work", str(work)]
    command += ["--batch", str(batch), "--micro-batch", str(micro_batch), "--precision", precision]
    command += ["--watch"] if watch else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return json.loads(done.stdout.splitlines()[-1])


PARTS = ("weights", "moments", "gradients", "activations", "logits", "leftovers", "fixed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--base", type=Path, nargs="+", default=[Path("models/tiny"), Path("models/small")])
    add("--batch", type=int, default=4, help="prompts per step")
    add("--micro-batch", type=int, nargs="+", default=[0])
    add("--precision", default="float32", choices=("float32", "bfloat16"))
    add("--within", type=float, default=0.2)
    add("--watch", action="store_true", help="say where the peak rises")
    add("--child", choices=STAGES, help=argparse.SUPPRESS)
    add("--work", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return child(args)
    print(f"{'MiB':<28}{'measured':>9}{'estimate':>9}{'off':>7}   " + "".join(f"{part:>12}" for part in PARTS))
    worst = 0.0
    options = {"batch": args.batch, "precision": args.precision, "watch": args.watch}
    for base in args.base:
        for micro_batch in args.micro_batch:
            with tempfile.TemporaryDirectory() as work:
                for kind in STAGES:
                    row = measure(base, kind, Path(work), micro_batch=micro_batch, **options)
                    off = row["estimate"] / row["measured"] - 1
                    worst = max(worst, abs(off))
                    title = f"{base.name} {kind}, micro-batch {micro_batch}"
                    figures = "".join(f"{row[part] / 2**20:>12.0f}" for part in PARTS)
                    gate = "" if row["gate"] is None else f"   ratio {row['gate']:.1e}"
                    both = f"{row['measured'] / 2**20:>9.0f}{row['estimate'] / 2**20:>9.0f}"
                    print(f"{title:<28}{both}{off:>+7.0%}   {figures}{gate}", flush=True)
    print(f"worst {worst:.0%}, {args.within:.0%} wanted")
    return int(worst > args.within)


if __name__ == "__main__":
    sys.exit(main())
