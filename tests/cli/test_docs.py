import re
from itertools import groupby

from rlhf_studio.cli import docs


def test_pages_are_written(tmp_path, capsys):
    assert docs.main([str(tmp_path / "new")]) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["commands.md", "settings.md"]
    assert "commands.md" in capsys.readouterr().out


def test_tables_are_whole():
    lines = [len(re.findall(r"(?<!\\)\|", line)) for line in docs.settings_page().splitlines()]
    tables = [list(rows) for has_bars, rows in groupby(lines, key=bool) if has_bars]
    assert sum(len(rows) for rows in tables) > 60
    assert all(len(set(rows)) == 1 for rows in tables)
    assert [rows[0] for rows in tables] == [7, 7, 7, 7, 7, 7, 5, 7]  # the presets' table is narrower


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
