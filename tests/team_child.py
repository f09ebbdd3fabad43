"""A process as ``accelerate launch`` starts it. In a module of its own, so that a fork server can load it ahead."""

import os
import signal
import sys
from pathlib import Path

import torch

from rlhf_studio.cli import entry
from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs import recipes
from rlhf_studio.train import ppo_update


def run(rank, size, port, words, output, mishap):
    """Run a command as process ``rank`` of ``size``; what it says goes into the file ``output``.

    Args:
        rank: From 0.
        size: How many processes there are.
        port: Where they meet.
        words: Of the command line.
        output: Gets everything that is said.
        mishap: "stop" asks this process to stop after the first step, "kill" ends it in the middle of the second,
            "break" makes it fail there; "" lets it be.
    """
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(size),
        LOCAL_WORLD_SIZE=str(size),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        OMP_NUM_THREADS="1",
    )
    torch.set_num_threads(1)
    sys.stdout = sys.stderr = Path(output).open("w", encoding="utf-8")  # noqa: SIM115  until the process ends
    if mishap == "stop":
        _stop_after_a_step()
    elif mishap:
        _fail_in_the_second_step(mishap)
    code = entry.main(words)
    sys.stdout.flush()
    raise SystemExit(code)


def _stop_after_a_step():
    true = recipes.record

    def record(source, folder, control):
        for event in true(source, folder, control):
            if isinstance(event, StepMetrics) and event.step == 1:
                control.request_stop()
            yield event

    recipes.record = record


def _fail_in_the_second_step(mishap):
    true = ppo_update._ptx_gradient

    def gradient(stage, step, *more):
        if step == 2:
            if mishap == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ZeroDivisionError("no such number")
        return true(stage, step, *more)

    ppo_update._ptx_gradient = gradient
