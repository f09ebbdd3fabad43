"""One command in several processes, as ``accelerate launch`` and ``torchrun`` start them: the first runs it as ever,
the others train along in silence.
"""

import sys
from collections.abc import Sequence

from rlhf_studio.cli.interrupts import interruptible
from rlhf_studio.errors import RunError, StudioError
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.launch import asked_in_vain, place

_TOGETHER = frozenset({"train", "resume", "fork"})


def check_launch(words: Sequence[str]) -> None:
    """Refuse what several processes cannot do, or a launch that did not come about.

    Raises:
        RunError: With the command to use instead.
    """
    command = next((word for word in words if not word.startswith("-")), "")
    if place().size > 1 and command not in _TOGETHER:
        raise RunError(
            f"'{command}' runs in one process and was started in {place().size}. Several processes can do "
            f"{', '.join(sorted(_TOGETHER))}; start this one without 'accelerate launch'."
        )
    if command in _TOGETHER and asked_in_vain():
        raise RunError(
            "'accelerate launch --cpu' was asked for several processes and started one: without MPI it can do no more. "
            "Use 'accelerate launch --multi_gpu --num_processes 2 -m rlhf_studio ... --device cpu', which needs no GPU."
        )


def train_along() -> int:
    """Train what the first process trains, to its end; what there is to say, the first says."""
    from rlhf_studio.jobs.recipes import drive
    from rlhf_studio.jobs.team_run import FollowedRun, await_run

    try:
        run = await_run()  # whoever ends the launch ends this wait: signals are not ours yet
        control = RunControl()
        with interruptible(control):
            for _event in drive(FollowedRun.open(run.path), control, run.changes):
                pass
    except StudioError as error:
        print(f"Process {place().rank + 1} of {place().size}: {error}", file=sys.stderr)
        return error.exit_code
    return 0
