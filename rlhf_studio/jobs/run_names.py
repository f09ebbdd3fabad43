"""What a run is called: its stage, and what about its settings a person should know who sees only the name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlhf_studio import words
from rlhf_studio.errors import RunError
from rlhf_studio.jobs.run_file import RUN_FILE, read_run_file
from rlhf_studio.settings import presets_of

_MARK = ": "


def run_name(stage: str, settings: Mapping[str, Any], models: Mapping[str, str]) -> str:
    """A stage's name, and the presets that its settings, or those of its reward model, hold.

    Args:
        stage: Of the run, a ``StageKey``.
        settings: Of the run; what is not named is at its default.
        models: Folders by role; only a reward model's run is looked at.
    """
    kind = "ppo" if stage == "ppo-ptx" else stage
    marks = [preset.mark for preset in presets_of(kind, settings)]
    if "reward" in models:
        marks += [preset.mark for preset in presets_of("reward", _settings_behind(Path(models["reward"])))]
    return words.STAGES[stage] + (_MARK + ", ".join(dict.fromkeys(marks)) if marks else "")


def name_note(name: str) -> str:
    """What a run's name tells besides its stage; empty where that is nothing."""
    head, _, note = name.partition(_MARK)
    return note if head in words.STAGES.values() else name


def _settings_behind(model: Path) -> Mapping[str, Any]:
    """Settings of the run that left a model; none where it is of no run, or nobody can tell any more."""
    run = model.parent.parent
    try:
        return read_run_file(run).spec.settings if (run / RUN_FILE).is_file() else {}
    except RunError:  # whoever reads the model says what is wrong with it
        return {}
