"""The process that trains and is killed. In a module of its own, so that a fork server can load it ahead."""

import threading
from pathlib import Path

import torch

from rlhf_studio.events import RunFinished
from rlhf_studio.jobs.recipes import drive
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.generate import collect, generate, uniforms
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.schema import Sampling
from rlhf_studio.train.control import RunControl


class ToldFolder(RunFolder):
    """Tells its parent when a checkpoint is about to be written."""

    tell = None

    def save(self, checkpoint):
        self.tell(("save", checkpoint.step))
        return super().save(checkpoint)


def train(path, connection, sampled_model=None):
    """Drive a run to its end and tell of every event.

    Args:
        path: Of the run folder.
        connection: Gets ("save" or the event's name, step).
        sampled_model: A model folder to sample from all the time on another thread, which draws from torch's global
            generator too.
    """
    torch.set_num_threads(1)
    if sampled_model is not None:
        threading.Thread(target=_sample_on, args=(Path(sampled_model),), daemon=True).start()
    folder = ToldFolder.open(Path(path))
    folder.tell = connection.send
    for event in drive(folder, RunControl()):
        connection.send((type(event).__name__, event.step))
        if isinstance(event, RunFinished) and event.outcome != "completed":
            raise SystemExit(event.message)
    connection.close()


def _sample_on(folder):
    torch.set_num_threads(1)
    model = load_language_model(folder)
    for round_number in range(1_000_000):
        torch.rand(10)
        noise = uniforms(1, round_number, range(2), 8)
        collect(generate(model, [[5, 6, 7]] * 2, Sampling(max_new_tokens=8), noise))
