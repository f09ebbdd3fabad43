"""Train a reward model on rankings that people made, and say how often it agrees with people on held-out prompts.

    python tests/bench/human_rankings.py --data FOLDER --base MODEL --work FOLDER [--page FILE.md] ...

FOLDER holds oasst_siblings.jsonl and finegrained_qa_k4.jsonl: one object a line with prompt, completions, ranks (1 is
best, equal numbers are ties), source and license. The run lies in --work/run; the same command goes on with it after an
interruption, and writes the page anew once it is complete. Conversations of one tree are on one side of the split.
"""

import argparse
import hashlib
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import torch

from rlhf_studio.events import Progress, RunFinished, StepMetrics
from rlhf_studio.jobs.memory import ModelShape
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import load_scalar_model
from rlhf_studio.lm.loading import load_language_model, load_tokenizer
from rlhf_studio.lm.padding import right_pad
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.schema import Answer, RankedRow, RewardData, RunSpec, Turn
from rlhf_studio.stats.intervals import bootstrap_share
from rlhf_studio.train.control import RunControl

FILES = {"Open-Assistant": "oasst_siblings.jsonl", "FineGrainedRLHF": "finegrained_qa_k4.jsonl"}
HELD_OUT = 0.3  # of the trees
RESAMPLES, LEVEL = 10_000, 0.95
LONGEST_CUT = "longest answer wins (as cut)"


def parse_turns(prompt):
    """A conversation out of "User: ... Assistant: ..."; other text is one user's turn."""
    parts = re.split(r"(?:^|\n\n)(User|Assistant): ", prompt)
    if parts[0]:
        return (Turn("user", prompt),)
    return tuple(Turn(role.lower(), text) for role, text in zip(parts[1::2], parts[2::2], strict=True))


def tree_of(turns):
    """Sibling answers of one conversation tree share its first message."""
    return hashlib.sha256(turns[0].content.encode()).hexdigest()


def is_held_out(tree, seed):
    """The split depends on the tree and the seed alone, so no prompt is on both sides."""
    place = int(hashlib.sha256(f"{seed} {tree}".encode()).hexdigest()[:12], 16) / 16**12
    return place < HELD_OUT


class Scissors:
    """Cuts texts at a number of the trunk's tokens."""

    def __init__(self, tokenizer, prompt_tokens, answer_tokens):
        self.tokenizer, self.prompt_tokens, self.answer_tokens = tokenizer, prompt_tokens, answer_tokens
        self.cut_answers = 0

    def answer(self, text):
        cut = self._cut(text, self.answer_tokens)
        self.cut_answers += cut != text
        return cut

    def turns(self, turns):
        """The last user's turn, and as many whole turns before it as fit; the conversation begins with a user."""
        last = self._cut(turns[-1].content, self.prompt_tokens)
        kept, room = [Turn("user", last)], self.prompt_tokens - self._count(last)
        for earlier in range(len(turns) - 3, -1, -2):  # question and answer together
            pair = turns[earlier : earlier + 2]
            room -= sum(self._count(turn.content) for turn in pair)
            if room < 0:
                break
            kept = [*pair, *kept]
        return tuple(kept)

    def _count(self, text):
        return len(self.tokenizer.encode(text, add_special_tokens=False))

    def _cut(self, text, most):
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        return text if len(ids) <= most else self.tokenizer.decode(ids[:most]).rstrip("\ufffd")


def read_rows(folder, name, most):
    """The first ``most`` sets of a file (0: all) that prefer one answer to another."""
    lines = (folder / FILES[name]).read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if len(set(row["ranks"])) > 1]
    return rows[:most] if most else rows


def split_rows(args):
    """Ranked rows of both sides; of the held-out ones also the source and the whole answers."""
    scissors = Scissors(load_tokenizer(args.base), args.prompt_tokens, args.answer_tokens)
    train, held_out, about = [], [], {"answers": 0, "sources": {}}
    for name, most in (("Open-Assistant", 0), ("FineGrainedRLHF", args.questions)):
        for number, row in enumerate(read_rows(args.data, name, most)):
            turns = parse_turns(row["prompt"])
            answers = tuple(Answer(scissors.answer(text)) for text in row["completions"])
            ranked = RankedRow(number, scissors.turns(turns), answers, tuple(row["ranks"]))
            about["sources"][name] = f"{row['source']}, {row['license']}"
            about["answers"] += len(answers)
            tree = tree_of(turns)
            if is_held_out(tree, args.seed):
                held_out.append({"row": ranked, "name": name, "tree": tree, "whole": row["completions"]})
            else:
                train.append((name, ranked))
    return train, held_out, {**about, "cut": scissors.cut_answers}


def settings_of(args):
    return {
        "epochs": 1,
        "batch_size": args.batch,
        "learning_rate": args.learning_rate,
        "center": False,  # there are no demonstrations
        "micro_batch": args.micro_batch,
        "precision": args.precision,
        "seed": args.seed,
        "head_seed": args.seed,
        "threads": args.threads,
        "device": "cpu",
    }


def train(args, rows):
    """Start the run or go on with it; say where it is every minute."""
    path = args.work / "run"
    if (path / "run.json").exists():
        folder = RunFolder.open(path)
    else:
        spec = RunSpec("reward", settings_of(args), {"base": str(args.base.resolve())}, "Human rankings")
        folder = start_run(None, spec, path, RewardData(train=tuple(row for _, row in rows)))
    last = 0.0
    for event in drive(folder, RunControl()):
        if isinstance(event, StepMetrics):
            print(event.step, {name: round(value, 4) for name, value in event.values.items()}, flush=True)
        elif isinstance(event, Progress) and time.monotonic() - last > 60:
            last = time.monotonic()
            print(f"{event.phase} {event.step}/{event.total}: {event.done:.0%}", flush=True)
        elif isinstance(event, RunFinished) and event.outcome != "completed":
            sys.exit(f"The run {event.outcome}: {event}")
    return folder


@torch.no_grad()
def reward_scores(folder, rows):
    """Scores of every answer in float32, one prompt at a time."""
    model = load_scalar_model(folder.path / "models" / "reward")
    for row in rows:
        prompt = model.codec.encode_prompt(row.turns)
        sequences = [[*prompt, *model.codec.encode_answer(answer.text)] for answer in row.answers]
        yield model.scores(right_pad(sequences, model.codec.pad_id)).tolist()


@torch.no_grad()
def likelihoods(base, rows):
    """Mean log-probability per token of every answer under the trunk itself."""
    model = load_language_model(base)
    for row in rows:
        prompt = model.codec.encode_prompt(row.turns)
        answers = [model.codec.encode_answer(answer.text) for answer in row.answers]
        batch = right_pad([[*prompt, *answer] for answer in answers], model.codec.pad_id)
        logprobs = token_logprobs(model.logits(batch)[:, :-1], batch.tokens[:, 1:])
        begin = len(prompt) - 1
        yield [float(logprobs[i, begin : begin + len(answer)].mean()) for i, answer in enumerate(answers)]


def agreement(scores, ranks):
    """Pairs of one prompt in which the better rank has the higher score (equal scores count half), and all pairs."""
    pairs = [(i, j) for i in range(len(ranks)) for j in range(len(ranks)) if ranks[i] < ranks[j]]
    return sum((scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j]) for i, j in pairs), len(pairs)


def evaluate(args, folder, held_out):
    """Scores of all judges on the held-out answers; kept, since they take minutes."""
    path = args.work / "scores.json"
    if not path.exists():
        rows = [item["row"] for item in held_out]
        began = time.process_time()
        scores = {"reward": list(reward_scores(folder, rows)), "likelihood": list(likelihoods(args.base, rows))}
        path.write_text(json.dumps({**scores, "seconds": time.process_time() - began}))
    return json.loads(path.read_text())


def judges(scores, held_out, seed):
    """Name of each judge -> scores of the answers, prompt by prompt."""
    generator = np.random.default_rng(seed)
    return {
        "reward model": scores["reward"],
        "longest answer wins (as people saw it)": [[len(text) for text in item["whole"]] for item in held_out],
        LONGEST_CUT: [[len(a.text) for a in item["row"].answers] for item in held_out],
        "likeliest answer wins (mean log-probability under the trunk)": scores["likelihood"],
        "random scores": [generator.random(len(item["whole"])).tolist() for item in held_out],
    }


def by_tree(scores, held_out, name):
    """Agreeing pairs and all pairs of each tree; ``name`` of a source, or empty for both."""
    hits, counts = {}, {}
    for numbers, item in zip(scores, held_out, strict=True):
        if name in {"", item["name"]}:
            right, pairs = agreement(numbers, item["row"].ranks)
            hits[item["tree"]] = hits.get(item["tree"], 0.0) + right
            counts[item["tree"]] = counts.get(item["tree"], 0) + pairs
    return list(hits.values()), list(counts.values())


def shares(scores, held_out, name):
    """Share of agreeing pairs, and the ends of its interval over trees."""
    hits, counts = by_tree(scores, held_out, name)
    return sum(hits) / sum(counts), *bootstrap_share(hits, counts, resamples=RESAMPLES, level=LEVEL)


def difference(ours, theirs, held_out, name):
    """How many pairs more ``ours`` gets right than ``theirs``, as a share, and its interval over the same trees."""
    (a, counts), (b, _) = by_tree(ours, held_out, name), by_tree(theirs, held_out, name)
    more = [x - y for x, y in zip(a, b, strict=True)]
    return sum(more) / sum(counts), *bootstrap_share(more, counts, resamples=RESAMPLES, level=LEVEL)


NOTE = "<!-- Written by tests/bench/human_rankings.py: run it again instead of changing this page. -->"


def page(args, folder, rows, held_out, about, judged):
    """The result as Markdown, every figure from this run."""
    parameters = ModelShape.of_folder(args.base).parameters
    beginning = (
        f"A reward model on {trunk_name(args.base)}, {parameters:,} weights, trained by the program's own run on "
        "rankings that people made, and asked about prompts it has not seen. One seed, one setting, no choice among "
        "several."
    )
    explanation = (
        "Each pair is two answers to one prompt that people ranked apart; equal scores count half. In brackets "
        f"{LEVEL:.0%} intervals: {RESAMPLES:,} bootstrap resamples of whole conversation trees. Chance is 50 %."
    )
    cut = (
        "Split by the first message of a conversation, so that no tree is on both sides; each tree is held out with a "
        f"chance of {HELD_OUT:.0%}. Prompts are cut at {args.prompt_tokens} tokens (the last user's turn, and whole "
        f"turns before it as far as they fit), answers at {args.answer_tokens}: {about['cut']} of {about['answers']} "
        "answers were cut, and an end-of-text token closes cut ones too."
    )
    parts = (
        NOTE,
        "# A reward model of human rankings",
        beginning,
        "## Held-out pairs on which a judge agrees with people",
        results_table(held_out, judged),
        explanation,
        comparison(held_out, judged),
        "## Data",
        data_table(rows, held_out, about),
        cut,
        "## Settings",
        settings_text(args, folder),
    )
    return "\n\n".join(parts) + "\n"


def trunk_name(base):
    """The folder's name, and the file it was converted from if its card tells."""
    path = base / "studio.json"
    card = json.loads(path.read_text(encoding="utf-8"))["card"] if path.is_file() else {}
    return f"{base.name} (made of {card['from']})" if "from" in card else base.name


def in_percent(value, low, high):
    return f"{100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def in_points(value, low, high):
    return f"{100 * value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"


def results_table(held_out, judged):
    names = ["", *FILES]
    lines = ["| judge | both | " + " | ".join(FILES) + " |", "|---|" + "---|" * len(names)]
    for judge, scores in judged.items():
        cells = (in_percent(*shares(scores, held_out, name)) for name in names)
        lines.append(f"| {judge} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def comparison(held_out, judged):
    """What the intervals allow to say, and no more."""
    ours = judged["reward model"]
    sentences = []
    for name in FILES:
        _, low, high = shares(ours, held_out, name)
        verdict = "better than" if low > 0.5 else "worse than" if high < 0.5 else "not to be told from"
        more = difference(ours, judged[LONGEST_CUT], held_out, name)
        sentences.append(
            f"On {name} the reward model is {verdict} chance. Beside the rule that the longer answer (as cut) "
            f"wins, its share of right pairs differs by {in_points(*more)}."
        )
    return " ".join(sentences)


def data_table(rows, held_out, about):
    lines = ["| source | sets to train on | held out | trees held out | pairs held out |", "|---|---|---|---|---|"]
    for name in FILES:
        kept = [item for item in held_out if item["name"] == name]
        pairs = sum(agreement([0] * len(i["row"].ranks), i["row"].ranks)[1] for i in kept)
        trees = len({item["tree"] for item in kept})
        count = sum(source == name for source, _ in rows)
        lines.append(f"| {name} ({about['sources'][name]}) | {count} | {len(kept)} | {trees} | {pairs} |")
    answers = [len(row.answers) for _, row in rows] + [len(item["row"].answers) for item in held_out]
    return "\n".join(lines) + f"\n\nA set has {min(answers)} to {max(answers)} answers, {sum(answers)} in all."


def settings_text(args, folder):
    """What was run, and how the loss went."""
    steps = [event for event in folder.events() if isinstance(event, StepMetrics) and event.step]
    losses = [event.values["loss/train"] for event in steps]
    quarter = max(1, len(losses) // 4)
    beginning, end = (sum(part) / len(part) for part in (losses[:quarter], losses[-quarter:]))
    command = (
        f"python tests/bench/human_rankings.py --data FOLDER --base {args.base.name} --work FOLDER "
        f"--page resources/docs/{args.page.name} --questions {args.questions} --seed {args.seed}"
    )
    told = ", ".join(f"`{name}` {value}" for name, value in settings_of(args).items())
    return (
        f"{told}; everything else as by default. {len(steps)} updates on one core, weights and optimizer in float32, "
        f"passes in {args.precision}, held-out scores in float32. Mean training loss of the first {quarter} updates "
        f"{beginning:.3f}, of the last {end:.3f} nats per pair (ln 2 = 0.693 is knowing nothing).\n\n"
        f"```\n{command}\n```"
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True)
    add("--base", type=Path, required=True, help="trunk of the reward model, a folder in Hugging Face layout")
    add("--work", type=Path, required=True, help="the run and what it left")
    add("--page", type=Path, default=None, help="write the result here, as Markdown")
    add("--questions", type=int, default=150, help="sets of FineGrainedRLHF; 0 takes all")
    add("--prompt-tokens", type=int, default=96)
    add("--answer-tokens", type=int, default=192)
    add("--batch", type=int, default=8, help="prompts per update")
    add("--micro-batch", type=int, default=8, help="answers per forward pass")
    add("--learning-rate", type=float, default=5e-5)
    add("--precision", default="bfloat16", choices=("float32", "bfloat16"))
    add("--threads", type=int, default=1)
    add("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    rows, held_out, about = split_rows(args)
    print(f"{len(rows)} sets to train on, {len(held_out)} held out, {about}", flush=True)
    folder = train(args, rows)
    scores = evaluate(args, folder, held_out)
    judged = judges(scores, held_out, args.seed)
    for name, numbers in judged.items():
        print(name, shares(numbers, held_out, ""), flush=True)
    if args.page is not None:
        text = page(args, folder, rows, held_out, about, judged)
        args.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
