"""The card of a base model: what it was made from, how, and how well it predicts held-out text."""

from collections.abc import Sequence
from pathlib import Path

from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs.files import write_whole
from rlhf_studio.jobs.run_folder import RunFolder

_CURVE_ROWS = 12


def write_card(folder: RunFolder, parameters: int, path: Path, notes: str = "") -> None:
    """Write README.md; ``notes`` comes first, for what only a person can know."""
    steps = [event for event in folder.events() if isinstance(event, StepMetrics)]
    parts = [
        f"# A base model of {parameters:,} parameters\n",
        "Continues text; it was never shown an instruction. Made by `rlhf-studio pretrain`.\n",
        notes.strip() + "\n" if notes.strip() else "",
        _sources(folder),
        curve_table(steps),
        _settings(folder),
    ]
    write_whole(path, "\n".join(part for part in parts if part).encode())


def _sources(folder: RunFolder) -> str:
    rows = folder.data()["texts"]
    total = sum(row["weight"] for row in rows)
    lines = [
        f"| {row['name']} | {row['weight'] / total:.1%} | {row['cut']} | {row['documents']:,} | "
        f"{row['held_out_documents']:,} | `{row['sha256']}` |"
        for row in rows
    ]
    head = "| source | share of rows | documents end at | to train on | held out | SHA-256 of the file |"
    start = folder.data()["start"]
    went_on = f"\nWent on with a model whose SHA-256 is `{start['sha256']}`.\n" if start else ""
    return "\n".join(["## Text\n", head, "|---|---|---|---|---|---|", *lines, went_on])


def curve_table(steps: Sequence[StepMetrics]) -> str:
    """Held-out figures along the run, a dozen rows of all evaluations."""
    measured = [event for event in steps if "bits_per_byte/mix" in event.values]
    if not measured:
        return ""
    names = [name for name in measured[-1].values if name.startswith("bits_per_byte/")]
    kept = sorted({round(i * (len(measured) - 1) / (_CURVE_ROWS - 1)) for i in range(_CURVE_ROWS)})
    lines = [
        f"| {event.step} | {event.values.get('tokens', 0) / 1e6:.1f}M | "
        + " | ".join(f"{event.values[name]:.3f}" for name in names)
        + f" | {event.values['accuracy/repeat']:.0%} | {event.values['accuracy/pairs']:.0%} |"
        for event in (measured[i] for i in kept)
    ]
    head = (
        "| step | tokens | "
        + " | ".join(name.split("/")[1] for name in names)
        + " | copies random words | looks up random pairs |"
    )
    rule = "|---" * (len(names) + 4) + "|"
    return "\n".join(["## Held-out text, bits per byte (a sample of each source)\n", head, rule, *lines, ""])


def _settings(folder: RunFolder) -> str:
    lines = [f"| {name} | {value} |" for name, value in folder.spec.settings.items()]
    versions = ", ".join(f"{name} {version}" for name, version in folder.run_file.versions.items())
    return "\n".join(["## Settings\n", "| setting | value |", "|---|---|", *lines, "", f"Made with {versions}.", ""])
