"""How the defaults of the loop were chosen: a few rankings of another taste, and what a refit makes of them.

    python tests/bench/loop_defaults.py --project DIR [--configurations '[[10, 8, 5e-4, 1], ...]']

Takes a trained copy of the example project, whose rankings prefer friendly ends. Sets from its queue are ranked by the
script "brief"; the newest reward model is refitted to the first of them with each configuration (new rankings, passes,
rate, old rankings beside each new one) and asked for the order of three groups: those sets, the held-out sets ranked
"brief", and the held-out sets as they are. Prints a row for each, with the processor's seconds. Nothing is written into
the project. ``resources/docs/LOG.md`` has the rows that the defaults were chosen by.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from fakes import MemoryRun
from rlhf_studio.events import ModelSaved
from rlhf_studio.example.prompts import read_rules
from rlhf_studio.example.rubric import RUBRICS, scripted_rankings
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.loop_answers import ordered_pairs
from rlhf_studio.jobs.refit import DEMONSTRATIONS, drawn
from rlhf_studio.lm.heads import load_scalar_model
from rlhf_studio.paths import resources_dir
from rlhf_studio.schema import Answer, RankedRow, RewardData
from rlhf_studio.settings import RewardSettings
from rlhf_studio.store.project import open_project
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.reward import train_reward

CONFIGURATIONS = [
    [1, 8, 5e-4, 1],
    [3, 8, 5e-4, 1],
    [10, 8, 5e-4, 1],
    [10, 4, 5e-4, 4],
    [10, 4, 1e-3, 4],
    [20, 5, 5e-4, 1],
]
BATCH = 8
TASTE = "brief"


class Kept(MemoryRun):
    """Keeps the model that is saved."""

    def save_model(self, step, name, write):
        self.model = write.__self__
        return ModelSaved(step, name, name)


def ranks_of(turns, texts, key, rules):
    """By the script, without its mistakes."""
    asked = turns[-1].content
    plain = {"prompt": key, "text": asked, "answers": texts, "rule": rules.get(asked)}
    (row,) = scripted_rankings([plain], RUBRICS[TASTE], 0.0)
    place = {answer: tier for tier, answers in enumerate(row["tiers"], start=1) for answer in answers}
    return tuple(place[answer] for answer in range(len(texts)))


def queued(store, rules):
    """The sets that wait, ranked; those without a preference left out."""
    rows = []
    for answers in store.answer_sets("waiting"):
        prompt, completions = store.prompt(answers.prompt_id), store.set_answers(answers.id)
        ranks = ranks_of(prompt.turns, [one.text for one in completions], str(answers.id), rules)
        if prompt.split == "train" and len(set(ranks)) > 1:
            known = tuple(Answer(one.text, one.token_ids) for one in completions)
            rows.append(RankedRow(prompt.id, prompt.turns, known, ranks, TASTE))
    return tuple(rows)


def share(judge, compute, rows):
    right, pairs = ordered_pairs(judge, compute, rows)
    return right / pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a trained copy of the example project")
    parser.add_argument("--configurations", type=json.loads, default=CONFIGURATIONS)
    args = parser.parse_args()
    rules = read_rules(resources_dir() / "example")
    done = [run for run in list_runs(args.project).runs if run.kind == "reward" and run.outcome == "completed"]
    with open_project(args.project, read_only=True) as store:
        old, valid, new = store.ranked_rows("train"), store.ranked_rows("valid"), queued(store, rules)
        demonstrations = drawn(store.demonstration_rows("train"), DEMONSTRATIONS, 0)
    other = [
        replace(row, ranks=ranks_of(row.turns, [a.text for a in row.answers], str(i), rules))
        for i, row in enumerate(valid)
    ]
    other = [row for row in other if len(set(row.ranks)) > 1]
    judge, compute = load_scalar_model(done[-1].path / "models" / "reward"), Compute(RewardSettings(threads=1))
    print(f"before: held-out {TASTE} {share(judge, compute, other):.3f}, held-out {share(judge, compute, valid):.3f}")
    for count, epochs, rate, replay in args.configurations:
        data = RewardData(new[:count], (), demonstrations, drawn(old, replay * count, 0) if replay else ())
        settings = RewardSettings(epochs=epochs, learning_rate=rate, batch_size=BATCH, threads=1)
        run, began = Kept(), time.process_time()
        list(train_reward(settings, judge, data, run, RunControl()))
        seconds = time.process_time() - began
        figures = [share(model, compute, new[:count]) for model in (judge, run.model)]
        print(
            f"new {count} passes {epochs} rate {rate:g} replay {replay}: {seconds:.1f} s, "
            f"new {figures[0]:.3f} -> {figures[1]:.3f}, held-out {TASTE} {share(run.model, compute, other):.3f}, "
            f"held-out {share(run.model, compute, valid):.3f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
