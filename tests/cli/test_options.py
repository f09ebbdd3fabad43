import json

import pytest

from rlhf_studio.cli.options import add_settings, allowed, default_text, flag, read_settings
from rlhf_studio.cli.parser import LazyParser
from rlhf_studio.errors import DataError
from rlhf_studio.settings import PpoSettings, PretrainSettings, RewardSettings, SftSettings, options

STAGES = [SftSettings, RewardSettings, PpoSettings, PretrainSettings]


def parse(settings, *words):
    parser = LazyParser()
    add_settings(parser, settings)
    return read_settings(parser.parse_args(words), settings)


@pytest.mark.parametrize("settings", STAGES)
def test_without_options_every_setting_keeps_its_default(settings):
    assert parse(settings) == settings()


@pytest.mark.parametrize("settings", STAGES)
def test_every_setting_has_an_option_with_help(settings):
    parser = LazyParser()
    add_settings(parser, settings)
    shown = " ".join(parser.format_help().split())
    for option in options(settings):
        assert flag(option) in shown
        assert f"default {default_text(option)}" in shown


def test_numbers_words_and_switches_are_read():
    settings = parse(PpoSettings, "--steps", "7", "--kl-coef=0.1", "--no-whiten-advantages", "--device", "cpu")
    assert (settings.steps, settings.kl_coef, settings.whiten_advantages, settings.device) == (7, 0.1, False, "cpu")


def test_options_win_over_the_file(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"epochs": 3, "dropout": 0.2}))
    settings = parse(SftSettings, "--settings", str(path), "--epochs", "5")
    assert (settings.epochs, settings.dropout) == (5, 0.2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--epochs", "0"], "'epochs' cannot be '0'"),
        (["--epochs", "many"], "'epochs' cannot be 'many'"),
        (["--learning-rate", "nan"], "'learning_rate'"),
        (["--device", "tpu"], "'device' cannot be 'tpu'"),
    ],
)
def test_a_wrong_value_is_named(words, said):
    with pytest.raises(DataError, match=said):
        parse(SftSettings, *words)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "holds a list"),
        ('{"epoch": 3}', "no setting 'epoch' in this stage"),
        (None, "cannot be read"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_named(tmp_path, content, said):
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=said):
        parse(SftSettings, "--settings", str(path))


def test_bounds_in_words():
    by_name = {option.name: option for option in options(SftSettings)}
    assert allowed(by_name["learning_rate"]) == "> 0 and <= 1"
    assert allowed(by_name["packing"]) == "on or off"
    assert allowed(by_name["precision"]) == "float32 or bfloat16"
