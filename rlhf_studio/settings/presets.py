"""Settings that belong together under a name, and what to watch for: plain data for form and command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rlhf_studio.errors import DataError
from rlhf_studio.settings.base import StageSettings
from rlhf_studio.settings.ppo import PpoSettings

PresetStage = Literal["sft", "reward", "rl-start", "ppo"]
PresetGroup = Literal["whole", "break"]

GROUPS: Mapping[PresetGroup, str] = {"whole": "All stages", "break": "Break it"}
DEFAULT_TITLE = "Small and safe"  # what the defaults are called, beside Paper and Toy


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings that belong together.

    Attributes:
        name: As it is typed on the command line.
        title: As it is shown; with a small first letter it is part of a run's name.
        group: Where lists put it.
        changes: What is different with it, in words.
        watch: Which curves to look at, and what they show.
        settings: By stage, what differs from the defaults.
    """

    name: str
    title: str
    group: PresetGroup
    changes: str
    watch: str
    settings: Mapping[PresetStage, Mapping[str, Any]]

    @property
    def mark(self) -> str:
        """What a run's name says of it."""
        return self.title[0].lower() + self.title[1:]

    def of(self, stage: str) -> Mapping[str, Any]:
        """What it sets in a stage; empty where that is nothing."""
        return next((values for known, values in self.settings.items() if known == stage), {})


def _times(settings: type[StageSettings], name: str, factor: float) -> float:
    """A multiple of a default, without the last digits of floating point."""
    return float(f"{factor * settings.model_fields[name].default:.6g}")


_PAPER: Mapping[PresetStage, Mapping[str, Any]] = {
    "sft": {"epochs": 16, "learning_rate": 9.65e-6, "dropout": 0.2},
    "reward": {"learning_rate": 9e-6, "batch_size": 64},
    "rl-start": {"learning_rate": 5e-6},
    "ppo": {
        "start": "rl-start",
        "batch_size": 128,
        "steps": 100,
        "minibatch_size": 64,
        "epochs": 1,
        "learning_rate": 8.05e-6,
        "value_learning_rate": 9e-6,
        "kl_coef": 0.02,
        "ptx_coef": 27.8,
        "ptx_ratio": 8.0,
    },
}

PRESETS: tuple[Preset, ...] = (
    Preset(
        "paper",
        "Paper",
        "whole",
        "Kept, as the paper states it for 1.3B: 16 epochs of SFT, of which the reward model's score chooses one; an RL "
        "start of its own; the rates of SFT, RL start, reward model and value network; the batches of SFT, RL start "
        "and reward model; minibatch, one inner epoch, beta 0.02, eight pretraining windows per episode. Scaled: PPO's "
        "batch (512) to 128, its 256k episodes to 12,800. Ours: a policy rate of 8.05e-6, the largest of the paper's "
        "sweep that did not diverge without ptx. Gamma is 27.8, but it multiplies a mean over tokens here; what it "
        "multiplies in the paper is not stated.",
        "These rates were chosen for a model a thousand times as large as the bundled ones: look whether Loss still "
        "falls when SFT ends. Pretraining text has 139 times its usual weight here: KL to the start tells whether the "
        "policy moves at all. Measured once on the bundled tiny: after 16 epochs SFT's held-out loss was 0.90 and "
        "still fell (with the defaults 0.49 after three), and a reward model from it ordered 59 % of held-out pairs as "
        "the rankings do (with the defaults 73 %).",
        _PAPER,
    ),
    Preset(
        "toy",
        "Toy",
        "whole",
        "One pass over the demonstrations, 160 rankings and ten small steps of PPO.",
        "It is there to see quickly how everything works, not for good answers. Measured once on the bundled tiny, on "
        "a busy machine with two cores: SFT 50 s, reward model 25, PPO 21, PPO-ptx 26. SFT answers 59 % right by rule "
        "(base 25 %); 52 % of PPO's stories end friendly, of SFT's 28 % and of PPO-ptx's 27 %.",
        {
            "sft": {"epochs": 1, "learning_rate": 1e-3},
            "reward": {"max_rankings": 160},
            "ppo": {"steps": 10, "warmup_steps": 2, "batch_size": 32, "learning_rate": 2e-4},
        },
    ),
    Preset(
        "no-kl",
        "No KL penalty",
        "break",
        "PPO may leave the SFT model as far as it likes: only the reward model's score counts.",
        "Reward climbs several times as high while KL to the start passes 30 and goes on; Answer length runs to its "
        "limit. Read the answers: they forget what was asked and repeat what scores well.",
        {"ppo": {"kl_coef": 0.0}},
    ),
    Preset(
        "triple-rate",
        "Triple learning rate",
        "break",
        "Every update of PPO's policy is three times as large.",
        "KL to the start jumps within the first steps, before the penalty pulls it back, and Entropy ends lower: the "
        "answers become alike. Those that the rankings hardly reward, such as facts and lists, go wrong first.",
        {"ppo": {"learning_rate": _times(PpoSettings, "learning_rate", 3)}},
    ),
    Preset(
        "few-rankings",
        "Only 20 rankings",
        "break",
        "The reward model learns from 20 rankings instead of all. PPO, trained after it, believes its scores.",
        "Pairs ordered as people did stays near 50 % on held-out rankings, which is guessing. In PPO, Reward rises all "
        "the same, even higher than with a good reward model, and the answers get no better.",
        {"reward": {"max_rankings": 20}},
    ),
)


def find_preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        DataError: Naming those that there are.
    """
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise DataError(f"There is no preset '{name}'. Choose one of: {', '.join(p.name for p in PRESETS)}.")


def presets_in(settings: Mapping[str, Mapping[str, Any]]) -> tuple[Preset, ...]:
    """The presets whose every setting is as they say.

    Args:
        settings: By stage; what is not named is at its default.
    """
    return tuple(preset for preset in PRESETS if all(_holds(preset, stage, settings) for stage in preset.settings))


def presets_of(stage: str, settings: Mapping[str, Any]) -> tuple[Preset, ...]:
    """The presets that set something in this stage, all of it as these settings have it."""
    return tuple(
        preset
        for preset in PRESETS
        for known in preset.settings
        if known == stage and _holds(preset, known, {stage: settings})
    )


def _holds(preset: Preset, stage: PresetStage, settings: Mapping[str, Mapping[str, Any]]) -> bool:
    given = settings.get(stage, {})
    return all(name in given and given[name] == value for name, value in preset.of(stage).items())
