"""``evaluate``: how good a reward model is on rankings and people it has not seen, and how good the people are."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_studio.cli.agreement import fill_agreement, run_agreement
from rlhf_studio.cli.parser import Commands, LazyParser, add_command, add_run

if TYPE_CHECKING:
    from rlhf_studio.jobs.reward_evaluation import Fold, RewardEvaluation
    from rlhf_studio.stats.intervals import Share


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(commands, "evaluate", "say how good a reward model is, in numbers and pictures", fill=_fill)


def _fill(parser: LazyParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=LazyParser)
    add_command(
        actions,
        "reward",
        "measure a reward model on the rankings that its run held out",
        description="Measures accuracy with intervals by K, by distance in rank and by labeler, beside the labelers' "
        "own agreement; how well its certainty fits; and the scores of demonstrations and of answers by the base "
        "model, SFT and the newest policies trained with it. The window shows the same.",
        fill=_fill_reward,
        run=run_reward,
    )
    add_command(
        actions,
        "labelers",
        "train again without each group of labelers, and test on them",
        description="The paper's cross-validation: splits the labelers into groups, trains the run's recipe on all but "
        "one, and tests on held-out prompts of that one. It takes the rankings of at least two labelers. The window "
        "shows the result beside the run's evaluation.",
        fill=_fill_labelers,
        run=run_labelers,
    )
    add_command(
        actions,
        "agreement",
        "measure how far labelers agree, with each other and with themselves",
        description="Measures how far people agree who ranked the same answers, and one who ranked them twice: pairs "
        "ordered alike, Kendall's tau-b and Krippendorff's alpha, with 95 %% intervals and the paper's values beside; "
        "lists orders by one person that contradict each other; and says how often the place, the length, the model "
        "or the temperature won. The window shows the same on the pages Agreement and Bias.",
        fill=fill_agreement,
        run=run_agreement,
    )


def _fill_reward(parser: LazyParser) -> None:
    add_run(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="write a page, its pictures and all numbers there")
    parser.add_argument(
        "--device", default="auto", metavar="{auto,cpu,cuda,mps}", help="where to compute (default auto)"
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0 leaves one core free")


def _fill_labelers(parser: LazyParser) -> None:
    add_run(parser)
    parser.add_argument("--folds", type=int, default=5, metavar="N", help="groups of labelers (default 5, the paper's)")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="models for each group (default 1)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write all numbers there")


def run_reward(args: argparse.Namespace) -> int:
    """Measure, keep the figures in the run, print them, and write the page if asked to."""
    from rlhf_studio.cli.following import quoted
    from rlhf_studio.cli.places import run_folder
    from rlhf_studio.jobs.reward_evaluation import write_evaluation
    from rlhf_studio.jobs.torch_loading import load_torch
    from rlhf_studio.report.reward_page import sentences, write_evaluation_page

    path = run_folder(args.name, args.project)
    load_torch(args.threads)
    found = _evaluated(path, args.device)
    write_evaluation(path, found)
    for sentence in sentences(found):
        print(sentence)
    _print_groups(found)
    if args.out is not None:
        print(f"Page: {quoted(write_evaluation_page(args.out, found))}")
    return 0


def _evaluated(path: Path, device: str) -> "RewardEvaluation":
    from rlhf_studio.jobs.model_reading import ModelShelf
    from rlhf_studio.jobs.reward_scoring import driven, evaluate_reward
    from rlhf_studio.lm.loading import resolve_device

    return driven(evaluate_reward(path, ModelShelf(resolve_device(device)), lambda _: None))


def _print_groups(found: "RewardEvaluation") -> None:
    groups = (("K = {}", found.by_size), ("{} tiers apart", found.by_distance), ("ranked by {}", found.by_labeler))
    for form, by in groups:
        for name, share in by:
            print(f"  {form.format(name or 'nobody named'):<28} {_percent(share)}   {share.count:>6} pairs")
    for each in found.calibration:
        predicted = f"predicted {100 * each.predicted:.1f} %"
        print(f"  {predicted:<28} {_percent(each.observed)}   {each.observed.count:>6} pairs")
    for sample in found.samples:
        print(f"  score of {sample.key:<19} {sample.mean:+.3f}   {len(sample.scores):>21} answers")


def run_labelers(args: argparse.Namespace) -> int:
    """Cross-validate and print each fold when it is done."""
    from rlhf_studio.cli.places import run_folder
    from rlhf_studio.errors import DataError
    from rlhf_studio.jobs.labeler_folds import PAPER, cross_validate
    from rlhf_studio.jobs.reward_evaluation import FOLDS_FILE, write_folds
    from rlhf_studio.jobs.reward_scoring import driven
    from rlhf_studio.report.writing import write_file
    from rlhf_studio.schema import record_json

    if args.seeds < 1:
        raise DataError(f"--seeds cannot be {args.seeds}. Ask for at least 1.")
    path = run_folder(args.name, args.project)
    found = driven(
        cross_validate(path, folds=args.folds, seeds=args.seeds, tell=lambda fold: print(_line(fold), flush=True))
    )
    write_folds(path, found)
    (others, others_half), (own, own_half) = PAPER["others"], PAPER["own"]
    print(f"Labelers it did not learn from: {_percent(found.others)} of pairs on unseen prompts.")
    print(f"Labelers that it learned from:  {_percent(found.own)}.")
    print(
        f"The paper (section 4.1): {100 * others:.1f} ± {100 * others_half:.1f} % and "
        f"{100 * own:.1f} ± {100 * own_half:.1f} %."
    )
    if args.out is not None:
        write_file(args.out / FOLDS_FILE, record_json(found))
        print(f"Numbers: {args.out / FOLDS_FILE}")
    return 0


def _line(fold: "Fold") -> str:
    who = ", ".join(name or "nobody named" for name in fold.labelers)
    return (
        f"Without {who} (seed {fold.seed}, {fold.rankings} rankings): {_percent(fold.others)} of their pairs, "
        f"{_percent(fold.own)} of the others'"
    )


def _percent(share: "Share | None") -> str:
    from rlhf_studio.report.reward_page import percent

    return "nothing to measure" if share is None else percent(share)
