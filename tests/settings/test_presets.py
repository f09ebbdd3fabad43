import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.settings import (
    GROUPS,
    PRESETS,
    STAGE_SETTINGS,
    PpoSettings,
    SftSettings,
    find_preset,
    parse_settings,
    presets_in,
    presets_of,
)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_names_settings_that_exist_validates_and_changes_something(preset):
    assert preset.group in GROUPS
    assert preset.settings
    for stage, given in preset.settings.items():
        cls = STAGE_SETTINGS[stage]
        assert given
        assert set(given) <= set(cls.model_fields)
        parsed, defaults = parse_settings(cls, given), cls()
        for name, value in given.items():
            assert getattr(parsed, name) == value
            assert value != getattr(defaults, name)
    for words in (preset.changes, preset.watch):
        assert words.endswith(".")
    assert find_preset(preset.name) is preset


def test_presets_have_names_of_their_own():
    assert len({preset.name for preset in PRESETS}) == len({preset.title for preset in PRESETS}) == len(PRESETS)


def test_the_breaking_presets_are_the_three_of_the_course():
    assert find_preset("no-kl").of("ppo") == {"kl_coef": 0}
    assert find_preset("few-rankings").of("reward") == {"max_rankings": 20}
    rate = find_preset("triple-rate").of("ppo")["learning_rate"]
    assert rate == pytest.approx(3 * PpoSettings().learning_rate)
    assert len(str(rate)) < 8  # 0.0003, not 0.00030000000000000003
    assert find_preset("no-kl").of("sft") == {}


def test_the_papers_preset_keeps_what_the_paper_states():
    paper = find_preset("paper")
    assert paper.of("sft") == {"epochs": 16, "learning_rate": 9.65e-6, "dropout": 0.2}  # C.1
    assert SftSettings().batch_size == 32  # the paper's is our default
    assert paper.of("reward") == {"learning_rate": 9e-6, "batch_size": 64}  # C.2; one epoch is our default
    stated = {"minibatch_size": 64, "epochs": 1, "value_learning_rate": 9e-6, "kl_coef": 0.02, "ptx_coef": 27.8}  # C.4
    assert stated.items() <= paper.of("ppo").items()
    assert paper.of("ppo")["batch_size"] * paper.of("ppo")["steps"] == 12_800  # as its words say
    defaults = PpoSettings()
    assert (defaults.clip, defaults.gamma, defaults.ema_decay, defaults.warmup_steps) == (0.2, 1, 0.992, 10)  # C.4


def test_a_stage_is_recognised_by_its_own_part_of_a_preset():
    toy = find_preset("toy")
    assert presets_in({"sft": toy.of("sft")}) == ()  # the other stages are at their defaults
    assert presets_of("sft", SftSettings(**toy.of("sft")).model_dump()) == (toy,)
    assert presets_of("ppo", {}) == ()


def test_a_preset_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(
        DataError, match=r"no preset 'nokl'\. Choose one of: paper, toy, no-kl, triple-rate, few-rankings"
    ):
        find_preset("nokl")


def test_presets_are_recognised_in_settings():
    assert presets_in({}) == ()
    assert presets_in({"ppo": PpoSettings().model_dump()}) == ()
    assert presets_in({"ppo": PpoSettings(kl_coef=0, steps=3).model_dump()}) == (find_preset("no-kl"),)
    assert presets_in({"sft": {"kl_coef": 0.0}}) == ()
    both = {"ppo": {"kl_coef": 0.0}, "reward": {"max_rankings": 20}}
    assert [preset.name for preset in presets_in(both)] == ["no-kl", "few-rankings"]
