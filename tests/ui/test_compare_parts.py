import pytest
from window_material import add_all_runs, add_run

from rlhf_studio.jobs.inference import InferredAnswer
from rlhf_studio.paths import models_dir
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.ui.compare.changes import changed_spans
from rlhf_studio.ui.compare.figures import Scales, common_scales, signed
from rlhf_studio.ui.compare.lineup import read_lineup
from rlhf_studio.ui.compare.prompt_panel import listed_prompts


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("The cat sat.", "The cat sat.", []),
        ("The cat sat.", "The dog sat.", ["dog"]),
        ("The cat sat.", "The cat sat down again.", ["down again"]),
        ("The cat sat down.", "The cat sat.", []),
        ("", "All new.", ["All new."]),
        ("\u4eca\u5929\u5f88\u597d", "\u6628\u5929\u5f88\u597d", ["\u6628"]),
        ("a\n b", "a b", []),
    ],
)
def test_parts_that_differ(before, after, parts):
    assert [after[start:end] for start, end in changed_spans(before, after)] == parts


def test_scales_hold_zero_and_every_number():
    answers = [
        InferredAnswer("a", (1,), True, -1.0, score, kl) for score, kl in ((1.5, 2.0), (0.5, -0.25), (None, None))
    ]
    assert common_scales(answers) == Scales((0.0, 1.5), (-0.25, 2.0))
    assert common_scales([]) == Scales()


@pytest.mark.parametrize(("value", "text"), [(0.004, "0.00"), (-0.004, "0.00"), (1.0, "+1.00"), (-2.345, "-2.35")])
def test_a_zero_has_no_sign(value, text):
    assert signed(value) == text


def test_a_reward_model_that_is_whole_wins_over_a_newer_checkpoint(store):
    whole = add_run(store.folder, "20260101-100000-reward", "reward", {"base": "x"})
    add_run(store.folder, "20260102-100000-reward", "reward", {"base": "x"}, outcome=None)
    checkpoint = store.runs_dir / "20260102-100000-reward" / "checkpoints" / "step-00000005"
    checkpoint.mkdir(parents=True)
    assert read_lineup(store.folder, models_dir()).reward.path == whole
    add_run(store.folder, "20260103-100000-sft", "sft", {"base": "gone"})
    lineup = read_lineup(store.folder, models_dir())
    assert lineup.base.key == "base:tiny"  # the one that SFT learned from is gone
    assert lineup.reference.run_id == "20260103-100000-sft"


def test_kl_is_measured_to_the_model_that_reinforcement_learning_began_with(store):
    add_all_runs(store, 2)
    add_run(store.folder, "20260103-100000-sft", "sft", {"base": "x"})  # newer, but PPO did not start there
    lineup = read_lineup(store.folder, models_dir())
    assert lineup.reference.run_id == "20260101-100000-sft"
    assert lineup.default_keys() == ("base:tiny", "newest:sft", "newest:ppo", "newest:ppo-ptx")
    assert lineup.find("newest:sft").run_id == "20260103-100000-sft"
    assert lineup.find("run:none") is None


def test_a_new_column_shows_what_no_other_shows(store):
    add_all_runs(store, 2)
    lineup = read_lineup(store.folder, models_dir())
    assert lineup.next_key(("base:tiny", "newest:ppo-ptx")).endswith("ppo")
    assert lineup.next_key(lineup.default_keys()) == "base:small"
    assert lineup.next_key((*lineup.default_keys(), "base:small")).endswith("ptx")
    assert read_lineup(store.folder, store.folder / "nowhere").default_keys()[0].endswith("sft")


def test_prompts_are_listed_from_probes_to_what_was_trained_on(store):
    held_out = NewPrompt((Turn("user", "Held out?"),), "chat", split="test")
    training = NewPrompt((Turn("user", "Trained on?"),), "chat", split="train", purposes=frozenset({"demonstrate"}))
    probe = NewPrompt((Turn("user", "Probe?"),), "chat", split="test", purposes=frozenset({"probe"}))
    store.add_prompts([training, held_out, probe])
    texts = [prompt.text for prompt in listed_prompts(store)]
    assert texts.index("Probe?") < texts.index("Held out?") < texts.index("Trained on?")
    assert len(texts) == len(set(texts)) == 6
