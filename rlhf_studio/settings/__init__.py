"""Typed, bounded, documented settings of every stage; form, command line and docs are made from them."""

from rlhf_studio.settings.base import Option, StageSettings, TrainSettings, option, options, parse_settings
from rlhf_studio.settings.ppo import PpoSettings
from rlhf_studio.settings.pretrain import PretrainSettings
from rlhf_studio.settings.reward import RewardSettings
from rlhf_studio.settings.sft import SftSettings

__all__ = [
    "Option",
    "PpoSettings",
    "PretrainSettings",
    "RewardSettings",
    "SftSettings",
    "StageSettings",
    "TrainSettings",
    "option",
    "options",
    "parse_settings",
]
