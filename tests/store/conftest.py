"""Projects to write into, and a way to make one unwritable even for root."""

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project

NOBODY = 65534


@pytest.fixture
def store(tmp_path):
    with create_project(tmp_path / "project", "A test") as made:
        made._db.execute("PRAGMA synchronous = OFF")  # waits for no disk; test_crash and test_project keep it on
        yield made


@pytest.fixture
def ask():
    """Make a prompt out of its text."""

    def make(text, **fields):
        return NewPrompt((Turn("user", text),), **fields)

    return make


@pytest.fixture
def answered(store, ask):
    """A prompt with four answers: (store, prompt id, completion ids)."""
    prompt_id = store.add_prompts([ask("Where do bears live?", split="train")]).ids[0]
    answers = [NewCompletion(prompt_id, f"answer {i}", "tiny", token_ids=(i, 7)) for i in range(4)]
    return store, prompt_id, store.add_completions(answers).ids


@pytest.fixture
def public_dir():
    """A folder that every user may enter; pytest's own lets in its owner only."""
    folder = Path(tempfile.mkdtemp(prefix="rlhf-studio-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def unwritable():
    if sys.platform == "win32":
        pytest.skip("folders have no such permissions here")

    @contextmanager
    def forbid(folder):
        """Take away the right to write below ``folder``; root gives up being root meanwhile."""
        modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
        for path in modes:
            path.chmod(0o555 if path.is_dir() else 0o444)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(user)
            for path, mode in modes.items():
                path.chmod(mode)

    return forbid
