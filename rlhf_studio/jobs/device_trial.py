"""Before a run first trains on a device that is not the CPU, its models are tried there; the run says how it went."""

from collections.abc import Mapping

from rlhf_studio.events import Notice, RunStarted
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.loading import resolve_device
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.settings import TrainSettings
from rlhf_studio.train.device_check import demand, move_and_compare


def try_device(folder: RunFolder, settings: TrainSettings, models: Mapping[str, LanguageModel | ScalarModel]) -> None:
    """Compare what models say on the run's device with what they say on the CPU; they stay on the device.

    A run that has trained there before does not ask again. What was found becomes a notice of the run.

    Args:
        folder: Of the run.
        settings: Name device and precision.
        models: On the CPU, by role.

    Raises:
        RunError: If there is no such device, or it computes something else.
    """
    device = resolve_device(settings.device)
    if device.type == "cpu" or _has_trained_on(folder, device.type):
        return
    for role, model in models.items():
        agreement = move_and_compare(model, device, settings.precision)
        demand(agreement, device, role)
        values: dict[str, str | float] = {
            "device": str(device),
            "model": role,
            "difference": agreement.difference,
            "limit": agreement.limit * agreement.scale,
            "precision": settings.precision,
        }
        folder.tell(Notice(0, "run.device_agrees", values))


def _has_trained_on(folder: RunFolder, device: str) -> bool:
    """Whether the run, as far as its checkpoint goes, has begun there; its events after that are cut already."""
    return any(isinstance(event, RunStarted) and event.device.startswith(device) for event in folder.events())
