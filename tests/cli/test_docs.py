import re

from rlhf_studio.cli import docs


def test_pages_are_written(tmp_path, capsys):
    assert docs.main([str(tmp_path / "new")]) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["commands.md", "settings.md"]
    assert "commands.md" in capsys.readouterr().out


def test_tables_are_whole():
    rows = [line for line in docs.settings_page().splitlines() if line.startswith("|")]
    assert len(rows) > 60
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_every_command_is_there():
    page = docs.commands_page()
    for command in (
        "demo",
        "train sft",
        "train reward",
        "train ppo",
        "resume RUN",
        "sample",
        "pretrain",
        "project new DIR",
    ):
        assert f"## rlhf-studio {command}" in page
