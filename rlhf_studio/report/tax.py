"""The alignment tax: what PPO costs on natural text, what ptx gives back, and whether a larger beta does it as well.

``python -m rlhf_studio.report.tax --base models/tiny --out tax --page resources/docs/tax.md`` trains every arm with
three seeds and writes the page. InstructGPT, section 4.2 and appendix E.6 (figures 33 and 34).
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.paths import resources_dir
from rlhf_studio.report.effects import text_bits
from rlhf_studio.report.material import NATURAL
from rlhf_studio.report.seeds import Trained, Variant, measure_seeds, seed_project, train_variants
from rlhf_studio.report.tax_page import ARMS, write_tax_page
from rlhf_studio.settings import PpoSettings, PretrainSettings
from rlhf_studio.store.bundle import pretraining_rows
from rlhf_studio.train.compute import Compute

_BETA: float = PpoSettings.model_fields["kl_coef"].default
_FROM_START = {"policy": "start", "reward": "reward"}
# held-out prompts are answered with each probe only where a best policy is kept; no policy is too far for that here
_PROBED = {"probe_every": 3, "best_kl": 1e6, "alarm": False}


def _arm(**settings: float) -> Variant:
    return "ppo", {**_PROBED, **settings}, _FROM_START


# the start is the paper's RL start: two epochs from the base with a tenth of pretraining text (C.3)
VARIANTS: dict[str, Variant] = {
    "start": ("sft", {"epochs": 2, "pretraining_share": 0.1}, {"base": "base"}),
    "reward": ("reward", {}, {"base": "start"}),
    "ppo": _arm(ptx_coef=0.0),
    "ppo-ptx": _arm(),
    "beta x 2": _arm(ptx_coef=0.0, kl_coef=2 * _BETA),
    "beta x 4": _arm(ptx_coef=0.0, kl_coef=4 * _BETA),
}


@dataclass(frozen=True, slots=True)
class TaxResult:
    """One seed.

    Attributes:
        seed: Of training and sampling.
        bits: Of held-out natural text, per byte, of base, start and every arm at its end.
        curves: By arm: (step, mean score of held-out prompts, nats per token of held-out text, KL in nats per answer).
        start_loss: Nats per token of held-out text before PPO.
        seconds: Of CPU, by run.
        cpu: Seconds of CPU of the whole seed, with what was measured.
    """

    seed: int
    bits: Mapping[str, float]
    curves: Mapping[str, list[tuple[int, float, float, float]]]
    start_loss: float
    seconds: Mapping[str, float]
    cpu: float


def run_tax_seed(
    folder: Path,
    base: Path,
    seed: int,
    tell: Callable[[str], None],
    *,
    files: Path | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> TaxResult:
    """Train and measure every arm with one seed.

    Args:
        folder: Where the project and its runs go; what was trained there with the same settings is not trained again.
        base: The base model's folder.
        seed: Of training and sampling.
        tell: Hears what goes on.
        files: The example project's, by default those that ship.
        settings: By kind, what differs from the defaults in every run.

    Raises:
        RunError: If a run does not complete.
    """
    began = time.process_time()
    with seed_project(folder, files or resources_dir() / "example", f"The tax, seed {seed}") as store:
        runs = train_variants(store, VARIANTS, base, shared=settings or {}, seed=seed, tell=tell)
        texts = pretraining_rows(store.folder, "valid")
    tell("measuring")
    natural = [row for row in texts if row.source == NATURAL]
    device = Compute(PretrainSettings()).device
    models = {"base": base, "start": runs["start"].model, **{arm: runs[arm].model for arm in ARMS}}
    bits = {
        name: text_bits(load_language_model(model, device=device), natural)[NATURAL] for name, model in models.items()
    }
    return TaxResult(
        seed,
        bits,
        {arm: curve(runs[arm]) for arm in ARMS},
        runs["ppo"].curves["loss/text_valid"][0][1],
        {name: run.seconds for name, run in runs.items()},
        time.process_time() - began,
    )


def curve(run: Trained) -> list[tuple[int, float, float, float]]:
    """What the probes of an arm have measured."""
    loss, kl = (dict(run.curves[name]) for name in ("loss/text_valid", "valid/kl"))
    return [(step, score, loss[step], kl[step]) for step, score in run.curves["valid/scores"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train every arm with every seed and write the page; what an earlier call has trained stays."""

    def run(args: argparse.Namespace, folder: Path, seed: int, tell: Callable[[str], None]) -> TaxResult:
        return run_tax_seed(folder, args.base, seed, tell, files=args.files)

    program = "python -m rlhf_studio.report.tax"
    return measure_seeds(program, str(main.__doc__), arguments, run, write_tax_page)


if __name__ == "__main__":
    sys.exit(main())
