"""Settings that a person keeps in a file, and what is said when it holds something wrong."""

import json

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.settings import (
    FIELD_GROUPS,
    STAGE_SETTINGS,
    SftSettings,
    differences,
    grouped,
    options,
    read_settings_file,
    read_stage_settings,
    write_settings_file,
)


def test_what_was_saved_is_loaded_and_other_stages_stay(tmp_path):
    path = tmp_path / "mine.json"
    write_settings_file(path, {"sft": {"epochs": 5}, "ppo": {"kl_coef": 0.02}})
    write_settings_file(path, {"sft": {"epochs": 7, "packing": False}})
    assert read_settings_file(path) == {"sft": {"epochs": 7, "packing": False}, "ppo": {"kl_coef": 0.02}}
    assert read_stage_settings(path, "ppo") == {"kl_coef": 0.02}
    assert read_stage_settings(path, "reward") == {}
    assert [one.name for one in tmp_path.iterdir()] == ["mine.json"]


def test_a_file_may_hold_one_stage_without_its_name(tmp_path):
    path = tmp_path / "flat.json"
    path.write_text('{"epochs": 5}')
    assert read_stage_settings(path, "sft") == {"epochs": 5}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"sft": {"epoch": 5}}', r"There is no setting 'epoch' in this stage\. Did you mean epochs"),
        ('{"sft": {"qqq": 5}}', r"There is no setting 'qqq' in this stage\. There are: "),
        ('{"sft": {"epochs": 0}}', r"'epochs' cannot be 0: .*greater than or equal to 1.*Stage 'sft' in the file"),
        ('{"sfd": {"epochs": 5}}', r"has 'sfd' where a stage with its settings is wanted"),
        ('{"sft": 3}', r"has 'sft' where a stage with its settings is wanted"),
        ("[1]", "holds a list where one JSON object is wanted"),
        ("{", "is not JSON"),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(tmp_path, content, told):
    path = tmp_path / "wrong.json"
    path.write_text(content)
    with pytest.raises(DataError, match=told):
        read_settings_file(path)
    with pytest.raises(DataError):  # and is not written over
        write_settings_file(path, {"sft": {"epochs": 5}})
    assert path.read_text() == content


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_settings_file(tmp_path / "none.json")
    with pytest.raises(DataError, match="cannot be written"):
        write_settings_file(tmp_path / "no" / "folder.json", {})


def test_differences_are_those_from_the_defaults():
    changed = differences(SftSettings, SftSettings(epochs=5, packing=False).model_dump(mode="json"))
    assert {option.name: value for option, value in changed} == {"epochs": 5, "packing": False}


def test_groups_name_each_setting_once_and_none_that_there_is_not():
    names = [name for group in FIELD_GROUPS.values() for name in group]
    known = {option.name for settings in STAGE_SETTINGS.values() for option in options(settings)}
    assert len(names) == len(set(names))
    assert set(names) <= known
    for settings in STAGE_SETTINGS.values():
        rows = options(settings)
        assert sorted(o.name for group in grouped(rows).values() for o in group) == sorted(o.name for o in rows)


def test_the_file_is_json_for_people(tmp_path):
    write_settings_file(tmp_path / "a.json", {"ppo": {"reward_source": "happy"}})
    assert json.loads((tmp_path / "a.json").read_text()) == {"ppo": {"reward_source": "happy"}}
    assert "\n  " in (tmp_path / "a.json").read_text()
