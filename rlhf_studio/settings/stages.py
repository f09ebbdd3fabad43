"""Which settings belong to which stage: the one list of them."""

from collections.abc import Mapping

from rlhf_studio.settings.base import TrainSettings
from rlhf_studio.settings.ppo import PpoSettings
from rlhf_studio.settings.reward import RewardSettings
from rlhf_studio.settings.rl_start import RlStartSettings
from rlhf_studio.settings.sft import SftSettings

STAGE_SETTINGS: Mapping[str, type[TrainSettings]] = {
    "sft": SftSettings,
    "reward": RewardSettings,
    "rl-start": RlStartSettings,
    "ppo": PpoSettings,
}
