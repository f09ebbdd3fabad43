"""``evaluate agreement``: how far labelers agree, where one contradicts himself, what the winners have in common."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_studio.cli.parser import LazyParser, one_of

if TYPE_CHECKING:
    from rlhf_studio.jobs.labelers import LabelersFound
    from rlhf_studio.stats.agreement import AgreementFound, Measures
    from rlhf_studio.stats.bias import BiasFound
    from rlhf_studio.stats.intervals import Mean, Share

NUMBERS = "agreement.json"
_NAME = 34  # letters before the figures
_LISTED = 20  # contradictions


def fill_agreement(parser: LazyParser) -> None:
    """Add the options."""
    parser.add_argument("--project", type=Path, required=True, metavar="DIR", help="the project whose rankings to read")
    parser.add_argument(
        "--rankings", **one_of(("people", "simulated")), help="whose rankings: of people (default), or of scripts"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write all numbers there")


def run_agreement(args: argparse.Namespace) -> int:
    """Measure and print; the window's pages show the same numbers."""
    from rlhf_studio.cli.following import quoted
    from rlhf_studio.jobs.labelers import measure_labelers
    from rlhf_studio.report.writing import write_file
    from rlhf_studio.schema import record_json
    from rlhf_studio.store.project import open_project

    with open_project(args.project, read_only=True) as store:
        found = measure_labelers(store, args.rankings)
    assert found is not None  # noqa: S101  nobody gave up
    _print_agreement(found.agreement)
    _print_contradictions(found)
    for name, bias in found.biases:
        _print_bias(name, bias)
    if args.out is not None:
        write_file(args.out / NUMBERS, record_json(found))
        print(f"Numbers: {quoted(args.out / NUMBERS)}")
    return 0


def _print_agreement(found: "AgreementFound") -> None:
    from rlhf_studio.stats.preferences import PAPER_AGREEMENT

    who = ", ".join(f"{name or 'nobody named'} ({count})" for name, count in found.labelers) or "nobody"
    print(f"Ranked by {who}; {found.repeats} silent repeats.")
    (own, own_half), (others, others_half) = PAPER_AGREEMENT
    print("Two labelers of the same answers:")
    _print_measures(found.between)
    for one, other, measures in found.by_pair if len(found.by_pair) > 1 else ():
        print(_line(f"{one or 'nobody named'}, {other or 'nobody named'}", measures.pairs))
    print(
        f"  The paper's labelers (section 3.4): {100 * own:.1f} ± {100 * own_half:.1f} % among each other, "
        f"held-out ones {100 * others:.1f} ± {100 * others_half:.1f} %."
    )
    print("One labeler at two times:")
    _print_measures(found.within)
    for name, measures in found.by_labeler if len(found.by_labeler) > 1 else ():
        print(_line(name or "nobody named", measures.pairs))


def _print_measures(measures: "Measures") -> None:
    if not measures.orders:
        print("  Nothing was ranked twice.")
        return
    print(_line("pairs ordered alike", measures.pairs))
    print(_line("with ties as halves", measures.pairs_with_ties))
    print(_mean("Kendall's tau-b, mean", measures.tau, "comparisons"))
    print(_mean("Krippendorff's alpha, ordinal", measures.alpha, "answers"))


def _print_contradictions(found: "LabelersFound") -> None:
    pairs = [each for each in found.contradictions if len(each.answers) == 2]
    circles = len(found.contradictions) - len(pairs)
    print(f"Contradictions by one labeler: {len(pairs)} pairs ordered both ways, {circles} circles of three.")
    for each in found.contradictions[:_LISTED]:
        ids = ", ".join(map(str, each.ranking_ids))
        words = " > ".join(repr(text[:40]) for text in (*each.answers, each.answers[0]))
        repeat = " (silent repeat)" if each.has_repeat else ""
        print(f"  {each.labeler or 'nobody named'}, prompt {each.prompt_id}, rankings {ids}{repeat}: {words}")


def _print_bias(name: str, found: "BiasFound") -> None:
    print(
        f"What won, of {found.pairs} pairs of {found.rankings} rankings{f' by {name}' if name else ''} (chance 50 %):"
    )
    print(_line("the answer shown earlier", found.earlier))
    for place, share in found.by_place:
        print(_line(f"shown as number {place}", share))
    print(_line("the longer answer", found.longer))
    for model, share in found.by_model:
        print(_line(f"by {model}, against others", share))
    print(_line("the higher temperature", found.hotter))
    for temperature, share in found.by_temperature:
        print(_line(f"temperature {temperature:g}", share))


def _line(name: str, share: "Share | None") -> str:
    if share is None:
        return f"  {name:<{_NAME}} nothing to measure"
    interval = f"{100 * share.value:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"
    return f"  {name:<{_NAME}} {interval}   {share.count:>6} pairs of {share.groups} prompts"


def _mean(name: str, mean: "Mean | None", of: str) -> str:
    if mean is None:
        return f"  {name:<{_NAME}} nothing to measure"
    interval = f"{mean.value:+.3f} [{mean.low:+.3f}, {mean.high:+.3f}]"
    return f"  {name:<{_NAME}} {interval}   {mean.count:>6} {of} of {mean.groups} prompts"
