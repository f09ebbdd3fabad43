import json

import pytest

from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.bundle import PRETRAINING
from rlhf_studio.store.project import create_project

SHORT = {
    "sft": {"epochs": 1, "batch_size": 4},
    "reward": {"epochs": 1, "batch_size": 4},
    "ppo": {"steps": 2, "batch_size": 4, "minibatch_size": 4, "epochs": 1, "max_new_tokens": 6, "ptx_window": 8},
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Commands run in an empty folder with a data folder of their own."""
    monkeypatch.setenv("RLHF_STUDIO_DATA", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.fixture
def base(tiny_lm, tmp_path):
    """A tiny base model on disk."""
    save_language_model(tiny_lm, tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def project(tmp_path):
    """A closed project with a little of everything."""
    folder = tmp_path / "project"
    with create_project(folder, "Little <b>tales</b>") as store:
        uses = frozenset({"demonstrate", "rank", "ppo"})
        prompts = [NewPrompt((Turn("user", f"Say {i}."),), purposes=uses, split="train") for i in range(1, 6)]
        prompts.append(NewPrompt((Turn("user", "Say 6."),), purposes=uses, split="valid"))
        prompts.append(NewPrompt((Turn("user", "<i>Say 7.</i>"),), purposes=frozenset({"probe"}), split="test"))
        for prompt_id in store.add_prompts(prompts).ids[:6]:
            store.add_demonstration(prompt_id, "yes", "Ada")
            ids = store.add_completions([NewCompletion(prompt_id, text, "m") for text in ("yes", "no", "why")]).ids
            store.add_ranking(prompt_id, [ids[:1], ids[1:]], is_simulated=True, labeler="script")
    rows = [{"text": "the sea is blue and wide " * 8, "source": "sea", "split": split} for split in ("train", "valid")]
    (folder / PRETRAINING).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def short(tmp_path):
    """Settings of a very short demo."""
    path = tmp_path / "short.json"
    path.write_text(json.dumps(SHORT))
    return path


@pytest.fixture
def demo_words(project, base, short):
    """A very short demo; ``--out`` is added by the test."""
    return ["demo", "--project", str(project), "--base", str(base), "--settings", str(short), "--threads", "1"]
