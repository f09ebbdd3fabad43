"""From finished runs to a report: reads the run folders, asks every model, and gathers where things come from."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rlhf_studio import __version__
from rlhf_studio.errors import RunError
from rlhf_studio.events import RunStarted
from rlhf_studio.jobs.model_folders import find
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.report.answers import Judge, compare_answers, measure
from rlhf_studio.report.colours import NAMES, ModelKey
from rlhf_studio.report.curves import read_changes, read_curves
from rlhf_studio.report.effects import effects_of, fresh_prompts, story_prompts
from rlhf_studio.report.material import Effects, Provenance, Report, StageFacts
from rlhf_studio.schema import PpoData, PromptRow, RunKind
from rlhf_studio.settings import PpoSettings, SftSettings, parse_settings
from rlhf_studio.train.compute import Compute

STAGES: Mapping[ModelKey, RunKind] = {"sft": "sft", "reward": "reward", "ppo": "ppo", "ppo-ptx": "ppo"}

_EFFECT_PROMPTS, _EFFECT_STORIES = 24, 64  # of each use case; stories

# what the parts of a run's data are called, by kind of run
_COUNTED: Mapping[RunKind, Mapping[str, str]] = {
    "sft": {"train": "demonstrations", "valid": "held out"},
    "reward": {"train": "rankings", "valid": "held out"},
    "ppo": {"prompts": "prompts", "pretraining": "documents of text"},
}


@dataclass(frozen=True, slots=True)
class Runs:
    """The four runs that a report is about."""

    sft: RunFolder
    reward: RunFolder
    ppo: RunFolder
    ppo_ptx: RunFolder

    def by_key(self) -> dict[ModelKey, RunFolder]:
        return {"sft": self.sft, "reward": self.reward, "ppo": self.ppo, "ppo-ptx": self.ppo_ptx}

    @property
    def base_model(self) -> Path:
        """The folder of the model that SFT began with."""
        return find(self.sft.spec.models["base"], self.sft.path)

    def models(self) -> dict[ModelKey, Path]:
        """The folder of the model that each run left.

        Raises:
            RunError: If one is missing.
        """
        folders: dict[ModelKey, Path] = {
            key: run.path / "models" / ("reward" if key == "reward" else "policy") for key, run in self.by_key().items()
        }
        for key, folder in folders.items():
            if not folder.is_dir():
                raise RunError(
                    f"The {NAMES[key]} run {folder.parent.parent} has no model yet. Resume it until it is done."
                )
        return folders


def gather(
    runs: Runs,
    project: str,
    held_out: Sequence[PromptRow],
    *,
    is_example: bool = False,
    device: str = "auto",
    tell: Callable[[str], None],
) -> Report:
    """Everything the page shows.

    Args:
        runs: Complete ones.
        project: What it is called.
        held_out: Prompts that no stage practised on; the figures of the models are measured on them.
        is_example: Whether the project is the example, whose effects can be counted by rule.
        device: Where to compute.
        tell: Hears which model is being asked.

    Raises:
        RunError: If a run left no model.
        ModelError: If a model cannot be opened.
    """
    stages = tuple(stage_facts(key, run) for key, run in runs.by_key().items())
    folders = runs.models()
    compute = Compute(SftSettings.model_validate({"device": device}))
    data: PpoData = runs.ppo_ptx.data()
    length = parse_settings(PpoSettings, runs.ppo_ptx.spec.settings).max_new_tokens
    policies: dict[ModelKey, Path] = {"base": runs.base_model, **{k: v for k, v in folders.items() if k != "reward"}}
    models = {key: load_language_model(folder, device=compute.device) for key, folder in policies.items()}
    judge = Judge(load_scalar_model(folders["reward"], device=compute.device), models["sft"], compute)
    figures = []
    for key, model in models.items():
        tell(f"Asking {NAMES[key]}")
        figures.append(measure(key, model, judge, held_out, data.pretraining_valid, max_new_tokens=length))
    effects = _effects(models, data, tell) if is_example else {}
    tell("Answering the probe prompts")
    probes = compare_answers(models, judge, data.probes, max_new_tokens=length)
    return Report(
        stages,
        tuple(figures),
        probes,
        provenance(runs, project, models["base"].parameter_count),
        held_out_prompts=len(held_out),
        probes_left_out=len(data.probes) - len(probes),
        effects=effects,
    )


def _effects(
    models: Mapping[ModelKey, LanguageModel], data: PpoData, tell: Callable[[str], None]
) -> dict[ModelKey, Effects]:
    """What rules count on fresh prompts; fewer of them than the experiment over seeds asks."""
    prompts, stories = fresh_prompts(_EFFECT_PROMPTS), story_prompts(_EFFECT_STORIES)
    found: dict[ModelKey, Effects] = {}
    for key, model in models.items():
        tell(f"Counting what {NAMES[key]} does")
        found[key] = effects_of(model, prompts, stories, data.pretraining_valid)
    return found


def stage_facts(key: ModelKey, run: RunFolder) -> StageFacts:
    """What a run did, from its folder alone."""
    events = run.events()
    started = next((event for event in reversed(events) if isinstance(event, RunStarted)), None)
    curves = read_curves(events)
    seconds = curves.get("time/step_seconds")
    names = dict(_COUNTED.get(run.spec.kind, {}))
    if not run.spec.settings.get("ptx_coef"):
        names.pop("pretraining", None)
    counts = {name: run.run_file.data[part].rows for part, name in names.items() if part in run.run_file.data}
    return StageFacts(
        key,
        run.spec.kind,
        curves,
        run.spec.settings,
        {name: count for name, count in counts.items() if count},
        steps=started.total if started else 0,
        seconds=sum(seconds.values) if seconds else 0.0,
        device=started.device if started else "",
        precision=started.precision if started else "",
        data_digest=run.run_file.data_sha256,
        run=run.id,
        changes=read_changes(events),
    )


def provenance(runs: Runs, project: str, parameters: int) -> Provenance:
    """Hashes, versions and who labeled."""
    rewards = runs.reward.data()
    rankings = (*rewards.train, *rewards.valid)
    hashes = {f"{NAMES[key]} data": run.run_file.data_sha256 for key, run in runs.by_key().items()}
    hashes["Base model files"] = runs.sft.run_file.models.get("base", "")
    return Provenance(
        project=project,
        base_model=f"{runs.base_model.name} ({parameters:,} parameters)",
        hashes={name: value for name, value in hashes.items() if value},
        versions={**runs.ppo_ptx.run_file.versions, "rlhf-studio": __version__, "Python": platform.python_version()},
        simulated_rankings=sum(row.is_simulated for row in rankings),
        rankings=len(rankings),
        created=f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC",
    )
