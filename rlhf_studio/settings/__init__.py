"""Typed, bounded, documented settings of every stage; form, command line and docs are made from them."""

from rlhf_studio.settings.base import (
    NO_UNIT,
    NOT_IN_PAPER,
    Option,
    StageSettings,
    TrainSettings,
    differences,
    option,
    options,
    parse_settings,
)
from rlhf_studio.settings.files import read_settings_file, read_stage_settings, write_settings_file
from rlhf_studio.settings.groups import FIELD_GROUPS, MORE, group_of, grouped
from rlhf_studio.settings.loop import LoopSettings
from rlhf_studio.settings.ppo import STEERABLE, PpoSettings
from rlhf_studio.settings.presets import (
    DEFAULT_TITLE,
    GROUPS,
    PRESETS,
    Preset,
    PresetStage,
    find_preset,
    presets_in,
    presets_of,
)
from rlhf_studio.settings.pretrain import PretrainSettings
from rlhf_studio.settings.reward import RewardSettings
from rlhf_studio.settings.rl_start import RlStartSettings
from rlhf_studio.settings.sft import SftSettings
from rlhf_studio.settings.stages import STAGE_SETTINGS

__all__ = [
    "DEFAULT_TITLE",
    "FIELD_GROUPS",
    "GROUPS",
    "MORE",
    "NOT_IN_PAPER",
    "NO_UNIT",
    "PRESETS",
    "STAGE_SETTINGS",
    "STEERABLE",
    "LoopSettings",
    "Option",
    "PpoSettings",
    "Preset",
    "PresetStage",
    "PretrainSettings",
    "RewardSettings",
    "RlStartSettings",
    "SftSettings",
    "StageSettings",
    "TrainSettings",
    "differences",
    "find_preset",
    "group_of",
    "grouped",
    "option",
    "options",
    "parse_settings",
    "presets_in",
    "presets_of",
    "read_settings_file",
    "read_stage_settings",
    "write_settings_file",
]
