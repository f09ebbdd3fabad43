"""``python -m rlhf_studio.cli.docs``: the reference of settings and commands, written from the program itself."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlhf_studio import words
from rlhf_studio.cli.entry import build_parser
from rlhf_studio.cli.options import SETTING, allowed, default_text
from rlhf_studio.cli.parser import LazyParser
from rlhf_studio.settings import (
    GROUPS,
    PRESETS,
    STAGE_SETTINGS,
    LoopSettings,
    Option,
    PretrainSettings,
    StageSettings,
    TrainSettings,
    options,
)

_NOTE = "<!-- Written by 'python -m rlhf_studio.cli.docs': change the program, not this page. -->"
_STAGES: tuple[tuple[str, type[StageSettings]], ...] = (*STAGE_SETTINGS.items(), ("pretrain", PretrainSettings))


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages into a folder."""
    parser = argparse.ArgumentParser(prog="python -m rlhf_studio.cli.docs", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("resources/docs"), metavar="FOLDER")
    folder = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="utf-8")
        print(folder / name)
    return 0


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    return {"settings.md": settings_page(), "commands.md": commands_page()}


def settings_page() -> str:
    """All settings with their units, bounds, defaults and the paper's values."""
    parts = [
        _NOTE,
        "# Settings",
        (
            "Every stage has its own settings and those that all stages share. Each is an option of the command line "
            "(`kl_coef` is `--kl-coef`) and a key of the file that `--settings` reads. "
            "'Paper' is Ouyang et al. 2022, *Training language models to follow instructions with human feedback*, "
            "with the section that states the value."
        ),
    ]
    for kind, settings in _STAGES:
        own = [option for option in options(settings) if option.name not in TrainSettings.model_fields]
        parts += [f"## {words.STAGES[kind]}", (settings.__doc__ or "").strip(), _settings_table(own)]
    parts += ["## The loop", (LoopSettings.__doc__ or "").strip(), _settings_table(options(LoopSettings))]
    parts += ["## Presets", *_presets()]
    parts += ["## All stages", (TrainSettings.__doc__ or "").strip(), _settings_table(options(TrainSettings))]
    return "\n\n".join(parts) + "\n"


def _presets() -> Iterator[str]:
    """What ``--preset`` and the Train tab's list offer."""
    yield (
        "A preset is a name for settings that belong together: `--preset NAME` of `rlhf-studio train`, or the list "
        "above the stages in the window. Options and files win over it."
    )
    table = ["| preset | sets | what is different | watch for |", "|---|---|---|---|"]
    for preset in PRESETS:
        given = [(name, value) for values in preset.settings.values() for name, value in values.items()]
        sets = ", ".join(f"`{name}` = {value if isinstance(value, str) else f'{value:g}'}" for name, value in given)
        table.append(f"| `{preset.name}` ({GROUPS[preset.group]}) | {sets} | {preset.changes} | {preset.watch} |")
    yield "\n".join(table)


def _settings_table(rows: Sequence[Option]) -> str:
    table = ["| setting | default | unit | may be | paper | |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = (f"`{row.name}`", default_text(row), row.unit, allowed(row), row.source, f"**{row.title}.** {row.help}")
        table.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(table)


def commands_page() -> str:
    """All commands, their arguments and options."""
    parts = [
        _NOTE,
        "# Commands",
        (
            "What `--help` says, in one place. Without a command, `rlhf-studio` is `rlhf-studio window --or-demo`: "
            "the window opens, or the demo runs where there is no screen. "
            "Exit codes: 0 done, 1 unexpected, 2 misused, 3 data, 4 model, 5 run, 130 interrupted."
        ),
    ]
    for parser in _commands(build_parser()):
        usage = " ".join([parser.prog, *(_name(a) for a in parser.actions if not a.option_strings)])
        parts += [f"## {usage}", parser.description or "", _options_list(parser)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _options_list(parser: LazyParser) -> str:
    plain = [a for a in parser.actions if not a.dest.startswith(SETTING) and not _inner(a)]
    lines = [f"- `{_name(action)}`: {_help(action)}" for action in plain]
    if len(plain) < len(parser.actions):
        lines.append("- and one option per setting, see [settings](settings.md)")
    return "\n".join(lines)


def _commands(parser: LazyParser) -> Iterator[LazyParser]:
    """The parsers of all commands that do something, depth first."""
    parser.fill()
    inner = [command for action in parser.actions for command in _inner(action)]
    for command in inner:
        yield from _commands(command)
    if not inner:
        yield parser


def _inner(action: argparse.Action) -> list[LazyParser]:
    choices = action.choices if isinstance(action.choices, dict) else {}
    return [parser for parser in choices.values() if isinstance(parser, LazyParser)]


def _name(action: argparse.Action) -> str:
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    return " ".join(str(part) for part in (*action.option_strings[:1], value) if part)


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%").replace("%(default)s", str(action.default))


if __name__ == "__main__":
    sys.exit(main())
