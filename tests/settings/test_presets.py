import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.settings import GROUPS, PRESET_STAGES, PRESETS, PpoSettings, find_preset, parse_settings, presets_in


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_names_settings_that_exist_validates_and_changes_something(preset):
    assert preset.group in GROUPS
    assert preset.settings
    for stage, given in preset.settings.items():
        cls = PRESET_STAGES[stage]
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
    assert len(str(rate)) < 8  # 0.00045, not 0.00045000000000000004
    assert find_preset("no-kl").of("sft") == {}


def test_a_preset_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(DataError, match=r"no preset 'nokl'\. Choose one of: no-kl, triple-rate, few-rankings"):
        find_preset("nokl")


def test_presets_are_recognised_in_settings():
    assert presets_in({}) == ()
    assert presets_in({"ppo": PpoSettings().model_dump()}) == ()
    assert presets_in({"ppo": PpoSettings(kl_coef=0, steps=3).model_dump()}) == (find_preset("no-kl"),)
    assert presets_in({"sft": {"kl_coef": 0.0}}) == ()
    both = {"ppo": {"kl_coef": 0.0}, "reward": {"max_rankings": 20}}
    assert [preset.name for preset in presets_in(both)] == ["no-kl", "few-rankings"]
