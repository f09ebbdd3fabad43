"""A reward model's evaluation as one page, and as sentences: no network, no scripts, light and dark."""

from collections.abc import Mapping
from pathlib import Path

from rlhf_studio.jobs.reward_evaluation import RewardEvaluation, Shares
from rlhf_studio.jobs.targets import NOISE
from rlhf_studio.paths import resources_dir
from rlhf_studio.report.markup import number, picture, section, table, text
from rlhf_studio.report.reward_plots import draw_evaluation, sample_name
from rlhf_studio.report.writing import write_file
from rlhf_studio.schema import record_json
from rlhf_studio.stats.intervals import Share
from rlhf_studio.stats.preferences import PAPER_AGREEMENT

PAGE, NUMBERS = "reward.html", "evaluation.json"
_CAPTIONS = {
    "accuracy": (
        "How often it is right",
        (
            "Share of held-out pairs that score in the labeler's order, with 95 % intervals. Dotted: guessing. The "
            "band is what labelers agree among themselves; dashed are the paper's where this project tells none."
        ),
    ),
    "calibration": (
        "How sure it is",
        (
            "When it says 80 %, does the labeler prefer that answer 8 times of 10? On the line it is as sure as it is "
            "right; below it is too sure."
        ),
    ),
    "scores": (
        "What it gives to whom",
        "Scores of demonstrations and of each model's answers to the held-out prompts, sampled at temperature 1.",
    ),
}
_INTERVALS = (
    "95 % intervals are Wilson's, for as many independent pairs as those in one prompt are worth: eight answers make "
    "28 pairs, which know less than 28 pairs of 28 prompts."
)


def percent(share: Share) -> str:
    """``85.1 % [81.0, 88.4]``."""
    return f"{100 * share.value:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def sentences(found: RewardEvaluation) -> list[str]:
    """What was found, in words."""
    said = []
    if found.accuracy is None:
        said.append(
            "No ranking was held out, so there is nothing to measure it on. Rank some prompts of another split."
        )
    else:
        said.append(
            f"It orders {percent(found.accuracy)} of {found.accuracy.count} pairs of {found.rankings} held-out "
            f"rankings as the labeler did; guessing gives 50 %. Its loss on them is {number(found.loss, '.3f')} nats "
            "per pair (guessing: 0.693)."
        )
    said.append(ceiling(found))
    if found.rankings and found.simulated == found.rankings:
        said.append(
            f"A script made all of these rankings. It gets about {100 * NOISE:.0f} % of pairs wrong by design, which "
            "no reward model can foresee."
        )
    if found.calibration_error is not None:
        said.append(
            f"What it predicts is {100 * found.calibration_error:.1f} points from what was observed, mean over pairs "
            "(expected calibration error)."
        )
    said.append(
        f"A bias of {number(found.bias, '+.3f')} is part of every score, so that the demonstrations of the training "
        "split score 0 on average."
        if found.bias
        else "No bias was added: its scores have no zero that means anything."
    )
    return [*said, *found.notes]


def ceiling(found: RewardEvaluation) -> str:
    """What labelers agree among themselves, or why that is not known."""
    said = []
    between, within = found.agreement.between, found.agreement.within
    if between is not None:
        said.append(f"Labelers agree with each other on {percent(between)} of {between.count} pairs: the ceiling.")
    if within is not None:
        said.append(
            f"A labeler who ranked the same answers twice gave them the same order in {percent(within)} of pairs."
        )
    if between is None:
        (own, own_half), (held_out, held_out_half) = PAPER_AGREEMENT
        said.append(
            "No two labelers ranked the same answers here, so the ceiling of this project is not known. The paper's "
            f"training labelers agreed with each other on {100 * own:.1f} ± {100 * own_half:.1f} % of pairs, held-out "
            f"labelers on {100 * held_out:.1f} ± {100 * held_out_half:.1f} %."
        )
    return " ".join(said)


def write_evaluation_page(out: Path, found: RewardEvaluation) -> Path:
    """Write page, pictures and numbers into a folder and return the page's path.

    Raises:
        OSError: If something cannot be written.
    """
    pictures = draw_evaluation(found)
    for name, (light, _) in pictures.items():
        write_file(out / "plots" / f"{name}.png", light)
    write_file(out / NUMBERS, record_json(found))
    write_file(out / PAGE, build_page(found, pictures).encode())
    return out / PAGE


def build_page(found: RewardEvaluation, pictures: Mapping[str, tuple[bytes, bytes]]) -> str:
    """The whole page; pictures by name, for light and dark readers."""
    style = (resources_dir() / "report" / "report.css").read_text(encoding="utf-8")
    title = "A reward model on rankings it has not seen"
    lead = "".join(f"<p>{text(sentence)}</p>" for sentence in sentences(found))
    body = _plots(pictures) + _accuracy(found) + _calibration(found) + _scores(found)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} - RLHF Studio</title><style>{style}</style></head><body>"
        f'<header class="top"><p class="brand">RLHF Studio · {text(found.run)}</p><h1>{title}</h1></header>'
        f'<main><section class="lede">{lead}</section>{body}</main>'
        f"<footer>Measured {text(found.created)}, after step {found.step} of the run. This page is one file and loads "
        "nothing.</footer></body></html>\n"
    )


def _plots(pictures: Mapping[str, tuple[bytes, bytes]]) -> str:
    figures = []
    for name, (light, dark) in pictures.items():
        title, caption = _CAPTIONS[name]
        image = picture(light, dark, title)
        figures.append(
            f'<figure class="card"><h3>{text(title)}</h3>{image}<figcaption>{text(caption)}</figcaption></figure>'
        )
    return section("In pictures", "", f'<div class="plots">{"".join(figures)}</div>') if figures else ""


def _accuracy(found: RewardEvaluation) -> str:
    if found.accuracy is None:
        return ""
    heads = [("Pairs", ""), ("In the labeler's order", "number"), ("Pairs", "number"), ("Prompts", "number")]
    groups: tuple[tuple[str, Shares], ...] = (
        ("all {}", (("", found.accuracy),)),
        ("of K = {} answers", found.by_size),
        ("{} tiers apart", found.by_distance),
        ("ranked by {}", found.by_labeler),
    )
    rows = [
        [text(form.format(name or "pairs" if form == "all {}" else name or "nobody named")), *_cells(share)]
        for form, by in groups
        for name, share in by
    ]
    return section("How often it is right", _INTERVALS, table(heads, rows))


def _cells(share: Share) -> list[str]:
    return [text(percent(share)), f"{share.count:,}", f"{share.groups:,}"]


def _calibration(found: RewardEvaluation) -> str:
    if not found.calibration:
        return ""
    heads = [("Predicted", ""), ("Observed", "number"), ("Pairs", "number"), ("Prompts", "number")]
    rows = [[f"{100 * each.predicted:.1f} %", *_cells(each.observed)] for each in found.calibration]
    lead = "sigmoid(r(i) - r(j)) for the answer i that scores higher, in steps of ten percent; means of each step."
    return section("How sure it is", lead, table(heads, rows))


def _scores(found: RewardEvaluation) -> str:
    if not found.samples:
        return ""
    heads = [
        ("Answers of", ""),
        ("Mean score", "number"),
        ("Before the bias", "number"),
        ("Answers", "number"),
        ("Run", ""),
    ]
    rows = [
        [
            text(sample_name(sample.key)),
            number(sample.mean, "+.3f"),
            number(sample.mean - found.bias, "+.3f"),
            f"{len(sample.scores):,}",
            text(sample.run),
        ]
        for sample in found.samples
    ]
    lead = "Demonstrations are those of the training split; all others answered the held-out prompts."
    return section("What it gives to whom", lead, table(heads, rows))
