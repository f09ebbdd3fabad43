import pytest

from rlhf_studio.cli.choosing import choose_models
from rlhf_studio.cli.following import exit_code, quoted
from rlhf_studio.cli.places import bundled_model, model_folder
from rlhf_studio.errors import DataError, ModelError
from rlhf_studio.events import RunFinished
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.schema import DemonstrationRow, RunSpec, SftData, Turn

DATA = SftData((DemonstrationRow(1, (Turn("user", "Hi"),), "Hello"),))


def add_run(project, name, kind, models, outcome="completed"):
    """A run that is over, as far as the catalog can tell."""
    with RunFolder.create(project / "runs" / name, RunSpec(kind, {}, models), DATA) as run:
        run.append(RunFinished(1, outcome))
        (run.path / "models").mkdir()
    return run.path


@pytest.fixture
def runs(tmp_path):
    """Two SFT runs and a reward model of the first."""
    add_run(tmp_path, "1-sft", "sft", {"base": "models/tiny"})
    add_run(tmp_path, "2-reward", "reward", {"base": "runs/1-sft/models/policy"})
    add_run(tmp_path, "3-sft", "sft", {"base": "models/tiny"})
    add_run(tmp_path, "4-sft", "sft", {"base": "models/tiny"}, outcome="stopped")
    return tmp_path


def test_the_newest_complete_run_is_taken(runs):
    assert choose_models(runs, "reward", {"base": None}) == {"base": str(runs / "runs/3-sft/models/policy")}


def test_ppo_begins_where_its_reward_model_began(runs):
    assert choose_models(runs, "ppo", {"policy": None, "reward": None}) == {
        "policy": str(runs / "runs/1-sft/models/policy"),
        "reward": str(runs / "runs/2-reward/models/reward"),
    }


def test_a_run_may_be_named_by_the_beginning_of_its_id(runs):
    models = choose_models(runs, "ppo", {"policy": "3", "reward": "2-"})
    assert models["policy"] == str(runs / "runs/3-sft/models/policy")
    assert models["reward"] == str(runs / "runs/2-reward/models/reward")


def test_a_folder_may_be_named(runs, base):
    assert choose_models(runs, "ppo", {"policy": str(base), "reward": None})["policy"] == str(base)
    assert choose_models(runs, "sft", {"base": str(base)}) == {"base": str(base)}


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(DataError, match="rlhf-studio train sft --project"):
        choose_models(tmp_path, "reward", {"base": None})
    with pytest.raises(ModelError, match="There is no model folder 'nothing'"):
        choose_models(tmp_path, "reward", {"base": "nothing"})


def test_bundled_models_go_by_their_name():
    assert bundled_model() == model_folder("tiny")
    with pytest.raises(ModelError, match=r"or a bundled model \(.*tiny"):
        model_folder("huge")


def test_a_program_without_models_says_what_to_name(monkeypatch):
    def fail():
        raise DataError("nothing ships")

    monkeypatch.setattr("rlhf_studio.cli.places.models_dir", fail)
    with pytest.raises(ModelError, match=r"Name a folder in Hugging Face layout\.$"):
        model_folder("tiny")


class Said:
    def __init__(self):
        self.sentences = []

    def say(self, sentence):
        self.sentences.append(sentence)


@pytest.mark.parametrize(
    ("ending", "code"),
    [(RunFinished(1, "completed"), 0), (RunFinished(1, "stopped"), 130), (RunFinished(1, "failed"), 5), (None, 130)],
)
def test_an_early_end_says_how_to_go_on(ending, code):
    view = Said()
    assert exit_code(ending, view, "the command") == code
    assert view.sentences == ([] if code == 0 else ["To go on from the last checkpoint: the command"])


def test_paths_with_blanks_are_quoted():
    assert quoted("a/b") == "a/b"
    assert quoted("a b") == '"a b"'
