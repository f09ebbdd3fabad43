"""Does a reward model overfit when pairs are shuffled instead of kept together by prompt? (InstructGPT, section 3.5)

    python tests/bench/overfit_pairs.py --base models/tiny --work FOLDER [--page resources/docs/pairs.md] ...

Trains on the same rankings of the example project in three ways: all pairs of a prompt as one element of a batch;
single pairs, as many a batch as the prompts had together; single pairs, as many a batch as there were prompts. For each
seed other rankings are drawn, and the same ones for all ways. Held out is the project's validation split. Starts from
one SFT model, trained here for one epoch. The same command goes on with FOLDER after an interruption. Writes the page
from what it measured there.
"""

import argparse
import io
import json
import math
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rlhf_studio.events import CheckpointSaved, ModelSaved, StepMetrics
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.paths import resources_dir
from rlhf_studio.report.colours import LIGHT
from rlhf_studio.report.effects import interval
from rlhf_studio.schema import RewardData, SftData
from rlhf_studio.settings import RewardSettings, SftSettings
from rlhf_studio.store.bundle import import_example
from rlhf_studio.store.project import DATABASE, create_project, open_project
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.sft import train_sft

WAYS = {
    "prompt": "all pairs of a prompt together (the paper's way)",
    "shuffled, large": "single pairs, batches of as many pairs",
    "shuffled, small": "single pairs, as many a batch as there were prompts",
}
LOSS, ACCURACY = "loss/valid", "accuracy/valid"
PAGE = """\
<!-- Written by tests/bench/overfit_pairs.py: run it again instead of changing this page. -->

# Pairs of a prompt together, or shuffled

InstructGPT (section 3.5) trains on all C(K,2) pairs of a prompt as one element of a batch, because a single pass over
shuffled pairs overfits: each answer then pulls at up to K-1 updates. The setting `pair_batches` has both. Here both
learn from the same rankings.

{seeds} seeds; each draws {rankings} of {there} rankings (K = {k}, {pairs} pairs) and a start of the head, the same for
all ways. Held out: {held_out} rankings of other prompts, {held_pairs} pairs. The labeler is a script that gets one pair
of tiers in ten wrong on purpose. Model: `models/{base}` after one epoch of SFT. Mean ± half the 95 % interval over
seeds (Student's t); few seeds make it wide.

## At the end

{results}

Loss in nats per pair, the mean over prompts of the mean over their pairs, for all ways alike (guessing: 0.693).

## Held-out loss on the way

{epochs}

![Held-out loss over epochs, a line for each seed]({picture})

## What can be said

{verdicts}

{single_pass}

Differences are taken seed by seed, so that they do not depend on which rankings were drawn. 'shuffled, large' differs
from the paper's way in the shuffling alone, and in that every pair weighs the same; 'shuffled, small' makes several
times as many updates at the same rate besides, so what it adds is not due to the shuffling alone.

## How it was run

Elements a batch, by seed: {batches}. Learning rate {rate} with the same cosine for all ways; everything else as by
default. {seconds:.0f} s of CPU on one core in all, {sft_seconds:.0f} s of them for SFT.

```
{command}
```
"""


@dataclass
class Result:
    """One way with one seed: what was measured along the way, and the training rankings themselves at the end."""

    way: str
    seed: int
    batch: int
    updates: int = 0
    seconds: float = 0.0  # of CPU
    points: list = field(default_factory=list)  # (epochs, held-out loss, held-out accuracy)
    train_loss: float = 0.0
    train_accuracy: float = 0.0

    def at(self, epoch):
        """The evaluation nearest to the end of an epoch."""
        return min(self.points, key=lambda point: abs(point[0] - epoch))


class Kept:
    """A run that keeps its model in memory and nothing else."""

    def __init__(self):
        self.model = None

    def latest(self):
        return None

    def save(self, checkpoint):
        return CheckpointSaved(checkpoint.step, "")

    def save_model(self, step, name, write):
        self.model = getattr(write, "__self__", None)
        return ModelSaved(step, name, "")


def read_project(folder):
    """The example's rankings to train on and those held out, and its demonstrations."""
    if not (folder / DATABASE).exists():
        with create_project(folder, "Pairs") as store:
            import_example(store, resources_dir() / "example")
    with open_project(folder, read_only=True) as store:
        return store.ranked_rows("train"), store.ranked_rows("valid"), store.demonstration_rows("train")


def sft_model(base, demonstrations, folder):
    """The base model after one epoch of SFT, and the seconds of CPU that it took."""
    clock = folder / "seconds.json"
    if clock.exists():
        return load_language_model(folder), json.loads(clock.read_text())
    model, began = load_language_model(base), time.process_time()
    settings = SftSettings(epochs=1, learning_rate=1e-3, threads=torch.get_num_threads(), device="cpu")
    for _ in train_sft(settings, model, SftData(demonstrations), Kept(), RunControl()):
        pass
    seconds = time.process_time() - began
    save_language_model(model, folder)
    clock.write_text(json.dumps(seconds))
    return model, seconds


def train(args, model, rows, held_out, way, seed):
    """Train one reward model and measure it at the end on the rankings it learned from."""
    pairs = sum(row.pair_count for row in rows)
    updates = math.ceil(len(rows) / args.batch)
    batch = math.ceil(pairs / updates) if way == "shuffled, large" else args.batch
    settings = RewardSettings(
        pair_batches="prompt" if way == "prompt" else "shuffled",
        batch_size=batch,
        epochs=args.epochs,
        learning_rate=args.learning_rate,
        seed=seed,
        head_seed=seed,
        center=False,
        threads=torch.get_num_threads(),
        device="cpu",
    )
    result, run, began = Result(way, seed, batch), Kept(), time.process_time()
    data = RewardData(rows, held_out)
    for event in train_reward(settings, model, data, run, RunControl()):
        if isinstance(event, StepMetrics):
            result.updates = event.step
            if LOSS in event.values:
                epoch = event.values.get("epoch", 0.0)
                result.points.append((epoch, event.values[LOSS], event.values[ACCURACY]))
    result.seconds = time.process_time() - began
    result.train_loss, result.train_accuracy = measure(run.model, settings, rows)
    return result


def once(args, model, rows, held_out, way, seed):
    """What was measured with these settings before, or is now."""
    told = [args.rankings, args.epochs, args.batch, args.learning_rate, way, seed]
    path = args.work / "results.json"
    kept = json.loads(path.read_text()) if path.exists() else []
    for settings, values in kept:
        if settings == told:
            return Result(**values)
    found = train(args, model, rows, held_out, way, seed)
    path.write_text(json.dumps([*kept, [told, asdict(found)]], indent=1))
    return found


def measure(model, settings, rows):
    """Loss and accuracy on rankings without training: the same formula as for held-out ones."""
    from rlhf_studio.rl.ranking import ranking_loss
    from rlhf_studio.train.compute import Compute
    from rlhf_studio.train.reward import encode_rankings, score_examples

    compute = Compute(settings)
    loss = right = pairs = 0.0
    ranked, _ = encode_rankings(model.codec, rows, model.context_length)
    for item in ranked:
        scores, ranks = score_examples(model, compute, item.answers), torch.tensor(item.ranks)
        part = ranking_loss(scores, ranks, torch.zeros_like(ranks), tie_divisor="pairs")
        loss += part.loss.item()
        right += part.accuracy.item() * part.pairs.item()
        pairs += part.pairs.item()
    return loss / len(ranked), right / pairs


def said(values, form=".3f"):
    mean, half = interval(values)
    return f"{mean:{form}} ± {half:{form}}"


def of(results, way):
    return sorted((r for r in results if r.way == way), key=lambda r: r.seed)


def differences(results, way, figure):
    """What a way adds to the paper's, seed by seed: the same rankings on both sides."""
    return [figure(a) - figure(b) for a, b in zip(of(results, way), of(results, "prompt"), strict=True)]


def best(result):
    """The lowest held-out loss along the way, and after how many epochs it was reached."""
    epoch, loss, _ = min(result.points, key=lambda point: point[1])
    return loss, epoch


def results_table(results, epochs):
    heads = ["way", "held-out loss", "held-out accuracy", "training loss", "training accuracy", "gap of the losses"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for way, words in WAYS.items():
        rows = of(results, way)
        cells = [
            f"{way}: {words}",
            said([r.at(epochs)[1] for r in rows]),
            said([100 * r.at(epochs)[2] for r in rows], ".1f") + " %",
            said([r.train_loss for r in rows]),
            said([100 * r.train_accuracy for r in rows], ".1f") + " %",
            said([r.at(epochs)[1] - r.train_loss for r in rows]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def epochs_table(results, epochs):
    heads = ["way", *(f"after epoch {n}" for n in range(1, epochs + 1)), "lowest", "reached after", "updates", "CPU"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for way in WAYS:
        rows = of(results, way)
        cells = [way, *(said([r.at(n)[1] for r in rows]) for n in range(1, epochs + 1))]
        cells += [said([best(r)[0] for r in rows]), said([best(r)[1] for r in rows], ".1f") + " epochs"]
        cells += [f"{rows[0].updates}", said([r.seconds for r in rows], ".0f") + " s"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdict(results, way, epochs):
    """What the intervals allow to say of one way beside the paper's, and no more."""
    one, last, gap = (
        differences(results, way, figure)
        for figure in (
            lambda r: r.at(1)[1],
            lambda r: r.at(epochs)[1],
            lambda r: r.at(epochs)[1] - r.train_loss,
        )
    )
    sentences = []
    for values, when, what in (
        (one, "After one epoch", "held-out loss"),
        (last, f"After {epochs} epochs", "held-out loss"),
        (gap, "At the end", "gap between held-out and training loss"),
    ):
        mean, half = interval(values)
        word = "larger than" if mean > half else "smaller than" if mean < -half else "not to be told from"
        sentences.append(f"{when} its {what} is {word} the paper's way's ({mean:+.3f} ± {half:.3f}).")
    return f"- **{way}**: " + " ".join(sentences)


def single_pass(results, epochs):
    """What became of the paper's own claim."""
    found = []
    for epoch in (1, epochs):
        values = {way: interval(differences(results, way, lambda r, e=epoch: r.at(e)[1])) for way in list(WAYS)[1:]}
        found.append([f"'{way}'" for way, (mean, half) in values.items() if mean > half])
    first, last = found
    said = "The paper reports that a single pass over shuffled pairs overfits. "
    if first:
        return f"{said}So it does here: {' and '.join(first)} after one epoch."
    said += "Within one pass that cannot be told apart here, with this model, these rankings and so few seeds"
    return f"{said}; after {epochs} epochs it can, for {' and '.join(last)}." if last else f"{said}, nor later."


def draw(results, path):
    """Held-out loss over epochs, one thin line a seed."""
    figure = Figure(figsize=(6.4, 3.6), dpi=125, layout="constrained", facecolor=LIGHT.background)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    looks = {"prompt": ("reward", "-"), "shuffled, large": ("sft", "--"), "shuffled, small": ("ppo-ptx", ":")}
    for way, (model, dash) in looks.items():
        for place, result in enumerate(of(results, way)):
            x, y = [p[0] for p in result.points], [p[1] for p in result.points]
            label = way if place == 0 else None
            axes.plot(x, y, dash, color=LIGHT.models[model], linewidth=1.3, label=label)
    axes.axhline(math.log(2), color=LIGHT.models["base"], linewidth=0.8)
    axes.set_xlabel("epochs")
    axes.set_ylabel("held-out loss (nats per pair)")
    axes.legend(frameon=False, fontsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": "RLHF Studio"})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue())


def page(args, results, facts):
    """The page, from this run's numbers alone."""
    command = (
        f"python tests/bench/overfit_pairs.py --base models/{args.base.name} --work FOLDER "
        f"--page resources/docs/pairs.md "
        f"--rankings {args.rankings} --epochs {args.epochs} --batch {args.batch} "
        f"--learning-rate {args.learning_rate:g} --seeds {args.seeds}"
    )
    batches = "; ".join(f"'{way}' {' / '.join(str(r.batch) for r in of(results, way))}" for way in WAYS)
    return PAGE.format(
        seeds=args.seeds,
        rankings=args.rankings,
        base=args.base.name,
        picture=f"images/{args.page.stem}.png",
        results=results_table(results, args.epochs),
        epochs=epochs_table(results, args.epochs),
        verdicts="\n".join(verdict(results, way, args.epochs) for way in list(WAYS)[1:]),
        single_pass=single_pass(results, args.epochs),
        batches=batches,
        rate=f"{args.learning_rate:g}",
        command=command,
        **facts,
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--base", type=Path, required=True)
    add("--work", type=Path, required=True, help="what was done already is kept here")
    add("--page", type=Path, default=None, help="write the result here, as Markdown, and its picture beside it")
    add("--rankings", type=int, default=120, help="drawn anew for each seed")
    add("--epochs", type=int, default=2)
    add("--batch", type=int, default=8, help="prompts an update, and pairs where few are shuffled")
    add("--learning-rate", type=float, default=RewardSettings().learning_rate)
    add("--seeds", type=int, default=5)
    add("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    there, held_out, demonstrations = read_project(args.work / "project")
    model, sft_seconds = sft_model(args.base, demonstrations, args.work / "sft")
    print(f"SFT: {sft_seconds:.0f} s", flush=True)
    results, pairs = [], []
    for seed in range(args.seeds):
        rows = tuple(random.Random(seed).sample(there, args.rankings))
        pairs.append(sum(row.pair_count for row in rows))
        for way in WAYS:
            found = once(args, model, rows, held_out, way, seed)
            results.append(found)
            print(seed, way, found.at(args.epochs), found.train_loss, f"{found.seconds:.0f} s", flush=True)
    sizes = sorted({len(row.ranks) for row in there})
    facts = {
        "there": len(there),
        "k": f"{sizes[0]} to {sizes[-1]}",
        "pairs": " / ".join(map(str, pairs)),
        "held_out": len(held_out),
        "held_pairs": sum(row.pair_count for row in held_out),
        "sft_seconds": sft_seconds,
        "seconds": sft_seconds + sum(result.seconds for result in results),
    }
    if args.page is not None:
        draw(results, args.page.parent / "images" / f"{args.page.stem}.png")
        args.page.write_text(page(args, results, facts), encoding="utf-8")
    print(
        results_table(results, args.epochs), *(verdict(results, way, args.epochs) for way in list(WAYS)[1:]), sep="\n"
    )


if __name__ == "__main__":
    sys.exit(main())
