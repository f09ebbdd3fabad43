"""The same thing has the same colour everywhere: Okabe and Ito's palette, which colour-blind people can tell apart."""

from dataclasses import dataclass
from typing import Literal

ModelKey = Literal["base", "sft", "reward", "ppo", "ppo-ptx"]

NAMES: dict[ModelKey, str] = {
    "base": "Base",
    "sft": "SFT",
    "reward": "Reward model",
    "ppo": "PPO",
    "ppo-ptx": "PPO-ptx",
}


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a figure; the page's style sheet holds the same ones."""

    background: str
    text: str
    grid: str
    models: dict[ModelKey, str]


LIGHT = Theme(
    background="#ffffff",
    text="#1d2430",
    grid="#dfe3ea",
    models={"base": "#4b5563", "sft": "#0072b2", "reward": "#d55e00", "ppo": "#009e73", "ppo-ptx": "#a8508b"},
)
DARK = Theme(
    background="#1b2130",
    text="#e8ebf1",
    grid="#343c4e",
    models={"base": "#c8ced8", "sft": "#56b4e9", "reward": "#e69f00", "ppo": "#2cc79b", "ppo-ptx": "#e08fc0"},
)
