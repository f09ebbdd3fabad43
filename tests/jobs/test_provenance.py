"""A model says where it comes from, down to the base model, and names nobody."""

import json

import pytest

from rlhf_studio.jobs.exporting import export_model
from rlhf_studio.jobs.forking import fork_run
from rlhf_studio.jobs.model_folders import model_digest
from rlhf_studio.jobs.provenance import code_digest, read_provenance, run_card
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_file import LabelCount
from rlhf_studio.schema import RunSpec
from rlhf_studio.train.control import RunControl

SHORT = {"threads": 1, "epochs": 1, "batch_size": 2, "checkpoint_seconds": 1e-6, "keep_checkpoints": 9}


@pytest.fixture
def chain(project, model_folder):
    """SFT on demonstrations of two people, and a reward model on rankings of a person and a script."""
    project.add_demonstration(1, "yes", "Grace")
    ids = [completion.id for completion in project.completions(1)][:2]
    project.add_ranking(1, [ids[:1], ids[1:]], labeler="robot", is_simulated=True)
    runs = []
    for kind, base in (("sft", str(model_folder)), ("reward", "runs/1-sft/models/policy")):
        runs.append(
            start_run(project, RunSpec(kind, SHORT, {"base": base}), project.runs_dir / f"{len(runs) + 1}-{kind}")
        )
        assert list(drive(runs[-1], RunControl()))[-1].outcome == "completed"
    return runs


def test_a_model_tells_its_chain_down_to_the_base(project, chain, model_folder):
    sft, reward = chain
    known = read_provenance(reward.path / "models" / "reward")
    above = known["made_from"]["base"]
    assert (known["model"], known["run"], known["stage"], known["step"]) == ("reward", "2-reward", "reward", 4)
    assert above["sha256"] == model_digest(sft.path / "models" / "policy") == reward.run_file.models["base"]
    root = above["provenance"]["made_from"]["base"]
    assert root == {"name": "base", "sha256": model_digest(model_folder), "provenance": None}
    assert known["data"]["train"] == {"rows": 7, "sha256": reward.run_file.data["train"].sha256}
    assert known["settings"] == reward.spec.settings
    assert known["code_sha256"] == code_digest()
    assert sft.run_file.labels == {"demonstrations": LabelCount((7, 1))}
    assert reward.run_file.labels["rankings"] == LabelCount((7,), 1)


def test_the_page_says_the_same_and_names_nobody(project, chain, model_folder):
    page = (chain[1].path / "models" / "reward" / "README.md").read_text()
    assert page.startswith("# Reward model: reward\n")
    assert f"  - base: base, SHA-256 {model_digest(model_folder)}" in page
    assert "Rankings: 7 by 1 people (7), 1 simulated by a script." in page
    assert "| learning_rate | " in page
    for run in chain:
        for path in (run.path / "models").glob("*/*.*"):
            if path.suffix in {".json", ".md"} and path.name != "tokenizer.json":
                text = path.read_text()
                assert not any(word in text for word in ("Ada", "Grace", "robot", str(project.folder.parent)))


def test_a_card_is_no_part_of_the_model(chain):
    folder = chain[0].path / "models" / "policy"
    before = model_digest(folder)
    (folder / "provenance.json").unlink()
    assert model_digest(folder) == before
    (folder / "provenance.json").write_text("{")
    assert read_provenance(folder) is None


def test_an_export_keeps_the_card_and_a_checkpoint_gets_one(chain, tmp_path):
    sft, reward = chain
    export_model(sft.path, tmp_path / "sft")
    assert read_provenance(tmp_path / "sft") == read_provenance(sft.path / "models" / "policy")
    assert (tmp_path / "sft" / "README.md").read_text() == (sft.path / "models" / "policy" / "README.md").read_text()
    export_model(reward.path, tmp_path / "judge", step=2)
    known = json.loads((tmp_path / "judge" / "provenance.json").read_text())
    assert (known["model"], known["step"]) == ("reward", 2)
    assert "bias" in known["note"]
    assert known["note"] in (tmp_path / "judge" / "README.md").read_text()


def test_a_fork_says_what_it_was_forked_from(chain):
    fork = fork_run(chain[0].path, 1, {"epochs": 2})
    assert fork.run_file.labels == chain[0].run_file.labels
    assert "It was forked from the run 1-sft at step 1." in run_card(fork.path, 1)
