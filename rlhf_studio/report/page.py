"""The report as one page: no network, no scripts, light and dark."""

from collections.abc import Mapping
from typing import Any

from rlhf_studio.paths import resources_dir
from rlhf_studio.report import headline
from rlhf_studio.report.colours import NAMES, ModelKey
from rlhf_studio.report.markup import NOTHING, duration, model_name, number, picture, section, table, tag, text
from rlhf_studio.report.material import NATURAL, ModelFigures, ProbeAnswer, ProbeComparison, Report, StageFacts
from rlhf_studio.report.plots import available_plots
from rlhf_studio.schema import RunKind
from rlhf_studio.settings import STAGE_SETTINGS, options

_FINAL_FIGURES: Mapping[RunKind, tuple[tuple[str, str, str], ...]] = {
    "sft": (("loss/train", "train loss", ".2f"), ("loss/valid", "held-out loss", ".2f")),
    "reward": (
        ("accuracy/valid", "of held-out pairs in order", ".0%"),
        ("loss/valid", "held-out loss", ".2f"),
    ),
    "ppo": (
        ("objective/scores", "reward", "+.2f"),
        ("objective/kl", "nats of KL", ".1f"),
        ("loss/text_valid", "natural-text loss", ".2f"),
    ),
}


def build_page(report: Report, light: Mapping[str, bytes], dark: Mapping[str, bytes]) -> str:
    """The whole page.

    Args:
        report: What to show.
        light: PNG pictures of the plots by name, for readers with a light theme.
        dark: The same for a dark theme.
    """
    style = (resources_dir() / "report" / "report.css").read_text(encoding="utf-8")
    parts = [
        _models(report),
        _effects(report),
        _probes(report),
        _plots(report, light, dark),
        _stages(report),
        _settings(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(headline.title(report))} - RLHF Studio</title><style>{style}</style></head><body>"
        f"{_top(report)}<main>{''.join(parts)}{_provenance(report)}</main>"
        f"<footer>Written by RLHF Studio {text(report.provenance.versions.get('rlhf-studio', ''))} "
        f"on {text(report.provenance.created)}. This page is one file and loads nothing.</footer></body></html>\n"
    )


def _top(report: Report) -> str:
    sentences = " ".join(headline.story(report))
    return (
        f'<header class="top"><p class="brand">RLHF Studio · {text(report.provenance.project)}</p>'
        f'<h1>{text(headline.title(report))}</h1><p class="lede">{text(sentences)}</p>'
        f'<p class="care">{text(headline.caution(report))} {_simulated(report)}</p>{_warning(report)}</header>'
    )


def _warning(report: Report) -> str:
    signs = headline.signs_of_hacking(report)
    return f'<p class="warning card">{text(" ".join(signs))}</p>' if signs else ""


def _simulated(report: Report) -> str:
    simulated = report.provenance.simulated_rankings
    return tag(f"simulated: {simulated} of {report.provenance.rankings} rankings") if simulated else ""


def _models(report: Report) -> str:
    if not report.models:
        return ""
    heads = [
        ("Model", ""),
        ("Mean reward", "number"),
        ("KL from SFT <small>nats/answer</small>", "number"),
        ("Natural-text loss <small>nats/token</small>", "number"),
        ("Answer <small>tokens</small>", "number"),
        ("Ended by itself", "number"),
    ]
    scores = [0.0, *(model.score for model in report.models if model.score is not None)]
    rows = [_model_row(model, min(scores), max(scores)) for model in report.models]
    answers = max(model.answers for model in report.models)
    lead = (
        f"Means over {answers} answers of each model to {report.held_out_prompts} prompts that PPO did not "
        "practise on, sampled at temperature 1."
    )
    return section("Before and after, in numbers", lead, table(heads, rows))


def _effects(report: Report) -> str:
    if not report.effects:
        return ""
    first = next(iter(report.effects.values()))
    heads = [
        ("Model", ""),
        ("Right by rule", "number"),
        ("Friendly ends", "number"),
        ("Topic kept", "number"),
        ("Different word pairs", "number"),
        ("Natural text <small>bits/byte</small>", "number"),
    ]
    rows = [
        [
            model_name(key),
            number(found.accuracy, ".0%"),
            number(found.happy, ".0%"),
            number(found.topic, ".0%"),
            number(found.distinct_2, ".0%"),
            number(found.bits_per_byte.get(NATURAL), ".2f"),
        ]
        for key, found in report.effects.items()
    ]
    lead = (
        f"Counted by rule: {first.asked} fresh prompts of each use case, answered with the likeliest words, and "
        f"stories about {first.told} topics that no stage has seen, sampled at temperature 1."
    )
    return section("What changed, counted", lead, table(heads, rows))


def _model_row(model: ModelFigures, low: float, high: float) -> list[str]:
    return [
        model_name(model.key),
        _bar(model, low, high),
        number(model.kl, ".1f"),
        number(model.text_loss),
        number(model.answer_tokens, ".0f"),
        number(model.ended, ".0%"),
    ]


def _bar(model: ModelFigures, low: float, high: float) -> str:
    """A bar from zero, to the left for a negative reward."""
    if model.score is None or high == low:
        return number(model.score, "+.2f")
    left = 100 * (min(model.score, 0.0) - low) / (high - low)
    width = 100 * abs(model.score) / (high - low)
    return (
        f'<span class="bar {model.key}"><span class="track">'
        f'<i style="margin-left:{left:.1f}%;width:{width:.1f}%"></i></span>'
        f'<span class="figure">{number(model.score, "+.2f")}</span></span>'
    )


def _probes(report: Report) -> str:
    if not report.probes:
        return ""
    body = "".join(_probe(probe) for probe in report.probes)
    left_out = f"except {report.probes_left_out} too long for the model" if report.probes_left_out else "none left out"
    return section(
        "The same prompts, answered by every model",
        f"All the project's probe prompts, {left_out}; each model's most likely answer. "
        "The reward is the reward model's, the KL is that of this answer from the SFT model.",
        body,
    )


def _probe(probe: ProbeComparison) -> str:
    *before, last = probe.turns
    turns = "".join(f'<p class="turn">{text(turn.role)}: {text(turn.content)}</p>' for turn in before)
    answers = "".join(_answer(key, answer) for key, answer in probe.answers.items())
    chip = f'<span class="chip">{text(probe.use_case.replace("_", " "))}</span>'
    return (
        f'<article class="card probe">{turns}<div class="prompt"><p>{text(last.content)}</p>{chip}</div>'
        f'<div class="answers" style="--columns:{len(probe.answers)}">{answers}</div></article>'
    )


def _answer(key: ModelKey, answer: ProbeAnswer) -> str:
    said = f"<p>{text(answer.text)}</p>" if answer.text.strip() else '<p class="none">(an empty answer)</p>'
    facts = []
    if answer.score is not None:
        facts.append(f"reward <b>{number(answer.score, '+.2f')}</b>")
    if answer.kl is not None and key != "sft":
        facts.append(f"KL <b>{number(answer.kl, '.1f')}</b>")
    if not answer.is_finished:
        facts.append("cut at the length limit")
    return f'<div class="answer {key}"><h4>{model_name(key)}</h4>{said}<footer>{" · ".join(facts)}</footer></div>'


def _plots(report: Report, light: Mapping[str, bytes], dark: Mapping[str, bytes]) -> str:
    figures = []
    for plot in available_plots(report.stages):
        image = picture(light[plot.name], dark[plot.name], f"{plot.title}: {plot.y_label} over {plot.x_label}s")
        words = f"<figcaption>{text(plot.caption)}</figcaption>"
        figures.append(f'<figure class="card"><h3>{text(plot.title)}</h3>{image}{words}</figure>')
    if not figures:
        return ""
    return section(
        "How training went",
        "Dots mark the steps at which a figure was measured; curves with many steps go without them.",
        _grid(figures),
    )


def _grid(figures: list[str]) -> str:
    return f'<div class="plots">{"".join(figures)}</div>'


def _stages(report: Report) -> str:
    heads = [("Stage", ""), ("Learned from", ""), ("Steps", "number"), ("Time", "number"), ("At the end", "")]
    rows = [
        [
            model_name(stage.key),
            text(", ".join(f"{count:,} {what}" for what, count in stage.counts.items()) or NOTHING),
            f"{stage.steps:,}",
            duration(stage.seconds),
            _final_figures(stage),
        ]
        for stage in report.stages
    ]
    total = sum(stage.seconds for stage in report.stages)
    return section("The stages", f"{len(rows)} runs, {duration(total)} of training together.", table(heads, rows))


def _final_figures(stage: StageFacts) -> str:
    figures = [
        f"{number(value, form)} {text(label)}"
        for name, label, form in _FINAL_FIGURES.get(stage.kind, ())
        if (value := stage.last(name)) is not None
    ]
    return ", ".join(figures) or NOTHING


def _settings(report: Report) -> str:
    body = "".join(_stage_settings(stage) for stage in report.stages)
    lead = "What was used, beside the values of Ouyang et al. 2022 (InstructGPT). Bold: not our default."
    return section("Settings", lead, body)


def _stage_settings(stage: StageFacts) -> str:
    heads = [("Setting", ""), ("Used", ""), ("Default", ""), ("InstructGPT", "")]
    rows, changed = [], 0
    for option in options(STAGE_SETTINGS[stage.kind]):
        used = stage.settings.get(option.name, option.default)
        is_changed = used != option.default
        changed += is_changed
        shown = f"{_value(used)} <small>{text(option.unit)}</small>"
        rows.append(
            [
                f"{text(option.title)} <small><code>{text(option.name)}</code></small>",
                f'<span class="changed">{shown}</span>' if is_changed else shown,
                _value(option.default),
                text(option.paper),
            ]
        )
    note = f"{changed} changed" if changed else "all at their defaults"
    inner = table(heads, rows).replace('class="card scroll"', 'class="scroll"')
    return f'<details class="card"><summary>{text(NAMES[stage.key])}<small>{note}</small></summary>{inner}</details>'


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return text(f"{value:g}" if isinstance(value, float) else value)


def _provenance(report: Report) -> str:
    provenance = report.provenance
    labels = f"{provenance.rankings:,} rankings, {provenance.simulated_rankings:,} of them simulated"
    rows = [("Project", text(provenance.project)), ("Base model", text(provenance.base_model))]
    rows.append(("Labels", f"{text(labels)} {tag('simulated') if provenance.simulated_rankings else ''}"))
    rows += [
        (f"{NAMES[stage.key]} run", f"{text(stage.run)}, {text(stage.device)}, {text(stage.precision)}")
        for stage in report.stages
    ]
    rows += [(name, f"<code>{text(value)}</code>") for name, value in provenance.hashes.items()]
    rows.append(("Programs", text(", ".join(f"{name} {value}" for name, value in provenance.versions.items()))))
    body = "".join(f"<dt>{text(name)}</dt><dd>{value}</dd>" for name, value in rows)
    return section("Where this comes from", "", f'<dl class="card">{body}</dl>')
