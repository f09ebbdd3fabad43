import io
import sys

import pytest
import torch

from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.schema import DemonstrationRow, NewCompletion, NewPrompt, RunSpec, SftData, Turn
from rlhf_studio.store.bundle import PRETRAINING
from rlhf_studio.store.project import create_project
from rlhf_studio.train.run import Checkpoint

DATA = SftData(train=(DemonstrationRow(7, (Turn("user", "Say\u2028hi."),), "Hi, \u00fc!"),))
SPEC = RunSpec("sft", {"batch_size": 32}, {"base": "/models/tiny"}, "First")


@pytest.fixture
def folder(tmp_path):
    """A fresh run; what trains in it is up to the test."""
    folder = RunFolder.create(tmp_path / "runs" / "20260101-000000-sft", SPEC, DATA)
    yield folder
    folder.close()


@pytest.fixture
def checkpoint_of():
    """A checkpoint whose numbers tell its step."""

    def make(step):
        return Checkpoint(step, {"weights": torch.full((3, 4), float(step))}, {"seen": step})

    return make


@pytest.fixture
def model_folder(tiny_lm, tmp_path):
    """A tiny language model on disk."""
    folder = tmp_path / "base"
    save_language_model(tiny_lm, folder)
    return folder


@pytest.fixture
def project(tmp_path):
    """A project with a little of everything; prompts 1 to 6 train, 7 is held out, 8 is a probe."""
    with create_project(tmp_path / "project", "Little") as store:
        uses = frozenset({"demonstrate", "rank", "ppo"})
        prompts = [NewPrompt((Turn("user", f"Say {i}."),), purposes=uses, split="train") for i in range(1, 7)]
        prompts.append(NewPrompt((Turn("user", "Say 7."),), purposes=uses, split="valid"))
        prompts.append(NewPrompt((Turn("user", "Say 8."),), purposes=frozenset({"probe"}), split="test"))
        with store.transaction():
            for prompt_id in store.add_prompts(prompts).ids[:7]:
                store.add_demonstration(prompt_id, "yes", "Ada")
                ids = store.add_completions([NewCompletion(prompt_id, text, "m") for text in ("yes", "no", "why")]).ids
                store.add_ranking(prompt_id, [ids[:1], ids[1:]])
        line = '{"text": "%s", "source": "sea", "split": "%s"}\n'
        texts = [line % ("the sea is blue and wide " * 8, split) for split in ("train", "train", "valid")]
        (store.folder / PRETRAINING).write_text("".join(texts))
        yield store


class Crash(BaseException):
    """The machine stops here."""


class FailingWrites:
    """Counts every call that writes, and raises instead of the one numbered ``at``.

    Works by the interpreter's own report of calls into C, so that no write can be forgotten.
    """

    _POSIX = frozenset({"replace", "fsync", "mkdir", "ftruncate", "unlink", "rmdir", "rename"})

    def __init__(self, at, error):
        self.at, self.error, self.count = at, error, 0

    def __enter__(self):
        sys.setprofile(self._watch)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    @property
    def has_failed(self):
        return self.count >= self.at

    def _watch(self, _frame, event, function):
        if event == "c_call" and self._is_write(function):
            self.count += 1
            if self.count == self.at:
                raise self.error

    def _is_write(self, function):
        name, owner = function.__name__, getattr(function, "__self__", None)
        if isinstance(owner, io.IOBase):
            return name in {"write", "truncate"}
        return name == "serialize_file" or (function.__module__ == "posix" and name in self._POSIX)


@pytest.fixture
def failing_writes():
    return FailingWrites


@pytest.fixture
def crash():
    return Crash
