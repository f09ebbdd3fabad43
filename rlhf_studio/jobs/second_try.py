"""A loss or gradient that is not finite: back to the last good state with half the learning rates, once."""

from collections.abc import Callable, Iterator, Mapping

from rlhf_studio.errors import DivergedError, RunError
from rlhf_studio.events import CheckpointSaved, Notice, SettingChanged, TrainEvent
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.team_run import cut_together
from rlhf_studio.train.control import RunControl

Recipe = Callable[[RunFolder, RunControl], Iterator[TrainEvent]]
Apply = Callable[[RunFolder, RunControl, Mapping[str, float]], None]

_RATES = ("learning_rate", "value_learning_rate")


def with_second_try(recipe: Recipe, folder: RunFolder, control: RunControl, apply: Apply) -> Iterator[TrainEvent]:
    """The events of a recipe. Where it diverges, the run goes back to its last checkpoint and on more slowly.

    Args:
        recipe: Begins at the folder's newest checkpoint, or anew without one.
        folder: Its events after that checkpoint are forgotten, as when a run is resumed.
        control: Gets again what a person has changed since the checkpoint.
        apply: Makes the run go on with other settings.

    Raises:
        RunError: With the cause, if it diverges a second time.
    """
    first = ""
    while True:
        steered: dict[str, float] = {}  # since the checkpoint
        try:
            for event in recipe(folder, control):
                if isinstance(event, SettingChanged):
                    steered[event.name] = event.value
                elif isinstance(event, CheckpointSaved):
                    steered.clear()
                yield event
        except DivergedError as error:
            if first:
                raise RunError(f"{error} {first}") from error
            cause = error.cause
        else:
            return
        # here, where the models of the first try are gone
        step = cut_together(folder)
        rates = _halved(folder, steered)
        for name, value in steered.items():
            if name not in rates:
                control.change(name, value)
        apply(folder, control, rates)
        first = f"It was {cause} before; half the learning rate ({rates['learning_rate']:g}) did not help."
        folder.tell(Notice(step, "run.went_back", {"cause": cause, "step": step, "rate": rates["learning_rate"]}))


def _halved(folder: RunFolder, steered: Mapping[str, float]) -> dict[str, float]:
    """Half of the rates that the run had: those of its settings, unless a checkpoint or a person knew better."""
    settings, state = stage_settings(folder.spec), folder.state()
    known = {name: getattr(settings, name) for name in _RATES if hasattr(settings, name)}
    return {name: float(steered.get(name, state.get(name, rate))) / 2 for name, rate in known.items()}
