"""The effects of training, measured over whole runs: what the example project must show, one seed at a time.

``python -m rlhf_studio.report.experiment --base models/tiny --out effects`` trains everything with each seed and writes
``effects.json``; with ``--page FILE`` also the page of tables.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlhf_studio.example.prompts import ExamplePrompt
from rlhf_studio.lm.heads import load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.report.answers import Judge
from rlhf_studio.report.effects import (
    PER_USE_CASE,
    STORIES,
    best_of,
    best_of_kl,
    count_stories,
    effects_of,
    fresh_prompts,
    sample_answers,
    story_prompts,
)
from rlhf_studio.report.effects_page import write_page
from rlhf_studio.report.material import Effects
from rlhf_studio.report.seeds import Variant, measure_seeds, seed_project, train_variants
from rlhf_studio.settings import SftSettings
from rlhf_studio.store.bundle import pretraining_rows
from rlhf_studio.store.project import Store
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.evaluate import greedy_answers

RANKINGS = (25, 50, 100, 200)  # of the curve of the reward model
BEST_OF = (1, 4, 16)
_STORIES_OF_BEST = 48
_TEXTS = 10

VARIANTS: dict[str, Variant] = {
    "sft": ("sft", {}, {"base": "base"}),
    "sft+mix": ("sft", {"pretraining_share": 0.1}, {"base": "base"}),
    **{f"reward-{n}": ("reward", {"max_rankings": n}, {"base": "sft"}) for n in RANKINGS},
    "reward": ("reward", {}, {"base": "sft"}),
    "ppo": ("ppo", {"ptx_coef": 0.0}, {"policy": "sft", "reward": "reward"}),
    "ppo-ptx": ("ppo", {}, {"policy": "sft", "reward": "reward"}),
    "no-kl": ("ppo", {"ptx_coef": 0.0, "kl_coef": 0.0}, {"policy": "sft", "reward": "reward"}),
}
POLICIES = ("base", "sft", "sft+mix", "ppo", "ppo-ptx", "no-kl")


@dataclass
class SeedResult:
    """All figures of one seed."""

    seed: int
    effects: dict[str, Effects] = field(default_factory=dict)
    pair_accuracy: dict[str, float] = field(default_factory=dict)  # by reward run, on the held-out rankings
    best_of: dict[int, dict[str, float]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # of CPU, by run
    texts: list[dict[str, str]] = field(default_factory=list)  # the first prompts by id and each policy's answer


@dataclass(frozen=True)
class Plan:
    """What an experiment is made of."""

    files: Path  # the example project's
    base: Path  # the base model's folder
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what differs from the defaults, by kind
    per_use_case: int = PER_USE_CASE
    stories: int = STORIES


def run_seed(plan: Plan, folder: Path, seed: int, tell: Callable[[str], None]) -> SeedResult:
    """Train and measure everything with one seed.

    Args:
        plan: Everything but the seed.
        folder: Where the project and its runs go. What an earlier call has trained there with the same settings is
            not trained again.
        seed: Of training and sampling. The fresh prompts are the same for every seed.
        tell: Hears what goes on.

    Raises:
        RunError: If a run does not complete.
    """
    result = SeedResult(seed)
    models = {"base": plan.base.absolute()}
    with seed_project(folder, plan.files, f"Effects, seed {seed}") as store:
        runs = train_variants(store, VARIANTS, plan.base, shared=plan.settings, seed=seed, tell=tell)
        for name, run in runs.items():
            models[name], result.seconds[name] = run.model, run.seconds
            if VARIANTS[name][0] == "reward":
                result.pair_accuracy[name] = run.last("accuracy/valid")
        _measure(store, plan, models, result, tell)
    return result


def _measure(
    store: Store, plan: Plan, models: Mapping[str, Path], result: SeedResult, tell: Callable[[str], None]
) -> None:
    compute = Compute(SftSettings(seed=result.seed))
    opened = {name: load_language_model(models[name], device=compute.device) for name in POLICIES}
    judge = Judge(load_scalar_model(models["reward"], device=compute.device), opened["sft"], compute)
    prompts, stories = fresh_prompts(plan.per_use_case), story_prompts(plan.stories)
    texts = pretraining_rows(store.folder, "valid")
    for name, model in opened.items():
        tell(f"measuring {name}")
        result.effects[name] = effects_of(model, prompts, stories, texts, judge=judge, seed=result.seed)
    tell("texts")
    rows = store.prompt_rows("demonstrate", "test")  # no stage has seen them
    first = sorted(rows, key=lambda row: row.prompt_id)[:_TEXTS]
    answers = {name: greedy_answers(model, first, max_new_tokens=48) for name, model in opened.items()}
    for place, row in enumerate(first):
        said = {name: found.texts[place] for name, found in answers.items() if found is not None}
        result.texts.append({"prompt": row.turns[-1].content, **said})
    _best_of(opened["sft"], stories[:_STORIES_OF_BEST], judge, result, tell)


def _best_of(
    model: LanguageModel,
    some: Sequence[ExamplePrompt],
    judge: Judge,
    result: SeedResult,
    tell: Callable[[str], None],
) -> None:
    tell("best of n")
    drawn = [sample_answers(model, some, seed=1000 * result.seed + n, judge=judge) for n in range(max(BEST_OF))]
    texts_of = list(zip(*(one.texts for one in drawn), strict=True))
    scores_of = list(zip(*(one.scores for one in drawn), strict=True))
    for n in BEST_OF:
        happy, topic, distinct, gold = count_stories(some, best_of(texts_of, scores_of, n))
        counted = {"kl": best_of_kl(n), "friendly end": happy, "topic": topic, "distinct-2": distinct}
        result.best_of[n] = counted | {f"gold: {name}": score for name, score in gold.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all seeds and write what was found; what an earlier call has trained with these settings stays."""

    def run(args: argparse.Namespace, folder: Path, seed: int, tell: Callable[[str], None]) -> SeedResult:
        return run_seed(Plan(args.files, args.base), folder, seed, tell)

    program = "python -m rlhf_studio.report.experiment"
    return measure_seeds(program, str(main.__doc__), arguments, run, write_page)


if __name__ == "__main__":
    sys.exit(main())
