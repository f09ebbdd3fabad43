"""Where a model comes from: the models and labels it was made of, settings and code; as JSON and as a page to read.

Needs no torch, so that a window can show it. Nobody is named in it: of people it says how many labels each gave.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rlhf_studio import words
from rlhf_studio.jobs.model_folders import PROVENANCE_FILE, find
from rlhf_studio.jobs.models import LEFT_BY, stage_of
from rlhf_studio.jobs.run_file import RunFile, read_run_file

CARD_FILE = "README.md"
_FORMAT = 1
_PACKAGE = Path(__file__).resolve().parents[1]


def provenance(
    run: Path, run_file: RunFile, model: str, step: int, chosen: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What is known of a model that a run leaves, with what is known of those it began with.

    Args:
        run: The run's folder.
        run_file: What the run is.
        model: The model's name in the run, such as "policy-ema".
        step: After which these were the weights.
        chosen: How it was chosen, if it was one of several.
    """
    spec = run_file.spec
    return {
        "format": _FORMAT,
        "model": model,
        "run": run.name,
        "chosen": dict(chosen or {}),
        "stage": stage_of(run_file),
        "step": step,
        "started": run_file.created,
        "fork": {"run": run_file.fork.run, "step": run_file.fork.step} if run_file.fork else None,
        "made_from": {role: _origin(path, run, run_file.models.get(role, "")) for role, path in spec.models.items()},
        "data": {name: {"rows": part.rows, "sha256": part.sha256} for name, part in run_file.data.items()},
        "data_sha256": run_file.data_sha256,
        "labels": {name: {"by": list(c.by), "simulated": c.simulated} for name, c in run_file.labels.items()},
        "settings": dict(spec.settings),
        "versions": dict(run_file.versions),
        "code_sha256": code_digest(),
    }


def write_provenance(folder: Path, known: Mapping[str, Any], note: str = "") -> None:
    """Put it beside a model's weights; a page that is there already is left as it is.

    Args:
        folder: Of the model.
        known: From ``provenance`` or ``read_provenance``.
        note: What a reader of the weights must know.
    """
    note = " ".join(dict.fromkeys(part for part in (str(known.get("note", "")), note) if part))
    text = json.dumps({**known, "note": note} if note else dict(known), indent=2, ensure_ascii=False)
    (folder / PROVENANCE_FILE).write_text(text + "\n", encoding="utf-8")
    card = folder / CARD_FILE
    if not card.exists():
        card.write_text(card_text(known, note), encoding="utf-8")


def read_provenance(folder: Path) -> Mapping[str, Any] | None:
    """What lies beside a model; None where nothing does that can be read as such."""
    try:
        known = json.loads((folder / PROVENANCE_FILE).read_bytes())
    except (OSError, ValueError):  # a model of another tool, or a card that somebody broke: it is not needed to go on
        return None
    return known if isinstance(known, dict) and known.get("format") == _FORMAT else None


def run_card(run: Path, step: int) -> str:
    """The page of what a run has left; where it has left nothing, of what it would leave after this step.

    Raises:
        RunError: If the run cannot be read.
    """
    run_file = read_run_file(run)
    name = LEFT_BY[run_file.spec.kind]
    left = read_provenance(run / "models" / name)
    return card_text(left if left is not None and left["step"] == step else provenance(run, run_file, name, step))


@cache
def code_digest() -> str:
    """SHA-256 over names and contents of the program's modules: the version alone does not tell a checkout."""
    total = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(_PACKAGE).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def card_text(known: Mapping[str, Any], note: str = "") -> str:
    """The same as a page in Markdown."""
    stage = words.STAGES.get(known["stage"], known["stage"])
    fork = known["fork"]
    branch = f" It was forked from the run {fork['run']} at step {fork['step']}." if fork else ""
    parts = [
        f"# {stage}: {known['model']}\n",
        (
            f"Trained with RLHF Studio by the run {known['run']}, started {known['started']} UTC; "
            f"written after step {known['step']}.{branch}\n"
        ),
        f"{note}\n" if note else "",
        *_chosen(known.get("chosen", {})),  # earlier versions say nothing of it
        "## Made from\n",
        *_lineage(known["made_from"]),
        "\n## Data\n",
        *_table(("part", "rows", "SHA-256"), [(n, f"{p['rows']:,}", p["sha256"]) for n, p in known["data"].items()]),
        *[_label_line(name, count["by"], count["simulated"]) for name, count in known["labels"].items()],
        "\n## Settings\n",
        *_table(("setting", "value"), list(known["settings"].items())),
        "\n## Code\n",
        (
            f"{', '.join(f'{name} {version}' for name, version in known['versions'].items())} when the run began; "
            f"modules of rlhf-studio when this was written: SHA-256 {known['code_sha256']}."
        ),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _origin(path: str, run: Path, sha256: str) -> dict[str, Any]:
    """One of the models a run began with. Its name is no path: those say where a person keeps things."""
    known = read_provenance(find(path, run))
    return {"name": Path(path).name, "sha256": sha256, "provenance": known}


def _lineage(made_from: Mapping[str, Any], depth: int = 0) -> list[str]:
    lines = []
    for role, model in made_from.items():
        known = model["provenance"]
        run = f", of the run {known['run']}" if known else ""
        lines.append(f"{'  ' * depth}- {role}: {model['name']}{run}, SHA-256 {model['sha256'] or 'not known'}")
        lines += _lineage(known["made_from"], depth + 1) if known else []
    return lines or ["- nothing: its weights were drawn at random"]


def own_card(model: Path) -> Mapping[str, Any]:
    """What a trainer itself has said of a model that it has written."""
    path = model / "studio.json"
    card: Mapping[str, Any] = json.loads(path.read_bytes()).get("card", {}) if path.is_file() else {}
    return card


def _chosen(facts: Mapping[str, Any]) -> list[str]:
    return ["## Chosen\n", *_table(("what", "value"), list(facts.items())), ""] if facts else []


def _label_line(name: str, by: Sequence[int], simulated: int) -> str:
    people = f"{sum(by):,} by {len(by)} people ({', '.join(f'{count:,}' for count in by)})" if by else "0 by people"
    return f"\n{name.capitalize()}: {people}, {simulated:,} simulated by a script."


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    return [f"| {' | '.join(str(cell) for cell in line)} |" for line in (head, ["---"] * len(head), *rows)]
