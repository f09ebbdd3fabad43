"""``train sft|reward|rl-start|ppo``: one stage of one project."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_studio.cli.parser import Commands, LazyParser, add_command

if TYPE_CHECKING:
    from rlhf_studio.schema import RunKind
    from rlhf_studio.settings import TrainSettings

_STAGES: tuple[tuple["RunKind", str], ...] = (
    ("sft", "supervised fine-tuning on the project's demonstrations"),
    ("reward", "the reward model, from the SFT model and the project's rankings"),
    ("rl-start", "the model PPO starts from, where that is not the SFT model: a short SFT with pretraining text"),
    ("ppo", "PPO and PPO-ptx, from the SFT model or the RL start, against the reward model"),
)
_BASE = "model to start from: a folder in Hugging Face layout or a bundled one (default: tiny)"
_MODEL = "a folder in Hugging Face layout, or the id of a run of this project"
_JUDGE = (
    f"reward model that scores each epoch's answers to held-out prompts: {_MODEL}, or none "
    "(default: the newest reward-model run, if there is one)"
)
# role -> what it is
_ROLES: dict["RunKind", dict[str, str]] = {
    "sft": {"base": _BASE, "judge": _JUDGE},
    "rl-start": {"base": _BASE, "judge": _JUDGE},
    "reward": {
        "base": f"SFT model to start from: {_MODEL} (default: the newest SFT run)",
        "from": f"reward model to refit to the rankings it has not learned from: {_MODEL} (default: none, afresh)",
    },
    "ppo": {
        "policy": f"model to start from: {_MODEL} (default: the SFT model that the reward model began with, or with "
        "--start rl-start the newest RL start)",
        "reward": f"reward model: {_MODEL} (default: the newest reward-model run)",
        "from": f"policy to go on from; the KL is still measured to --policy: {_MODEL} (default: the SFT model)",
        "value": f"value network to go on from: {_MODEL} (default: a copy of the reward model)",
    },
}


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "train",
        "train one stage: sft, reward, rl-start or ppo",
        description="Trains one stage. 'accelerate launch --num_processes 2 -m rlhf_studio "
        "train ...' trains it in two processes, one for each GPU, to the same end; resume and fork can do that too. On "
        "CPUs it is 'accelerate launch --multi_gpu --num_processes 2 ... --device cpu'.",
        fill=_fill,
    )


def _fill(parser: LazyParser) -> None:
    stages = parser.add_subparsers(metavar="STAGE", required=True, parser_class=LazyParser)
    for kind, summary in _STAGES:
        fill: Callable[[LazyParser], None] = partial(_fill_stage, kind=kind)
        add_command(stages, kind, summary, fill=fill, run=partial(run, kind=kind))


def _fill_stage(parser: LazyParser, kind: "RunKind") -> None:
    from rlhf_studio.cli.options import add_settings
    from rlhf_studio.settings import PRESETS

    parser.add_argument("--project", type=Path, required=True, metavar="DIR", help="the project's folder")
    for role, words in _ROLES[kind].items():
        parser.add_argument(f"--{role}", metavar="MODEL", help=words)
    parser.add_argument(
        "--title", default="", metavar="TEXT", help="what to call the run; a run with a preset is named after it"
    )
    known = "; ".join(f"{preset.name} ({preset.mark})" for preset in PRESETS)
    parser.add_argument(
        "--preset", metavar="NAME", help=f"settings that belong together, see settings.md: {known}; options win over it"
    )
    parser.add_argument(
        "--estimate",
        action="store_true",
        help="say what the run would take (time, memory, disk), measured for a moment, and start nothing",
    )
    parser.add_argument(
        "--save-settings",
        type=Path,
        metavar="FILE.json",
        help="write what differs from the defaults into this file, for --settings and the window, and start nothing",
    )
    add_settings(parser, _settings_class(kind))


def run(args: argparse.Namespace, kind: "RunKind") -> int:
    """Start the run and follow it."""
    from rlhf_studio.cli.options import read_settings
    from rlhf_studio.schema import RunSpec
    from rlhf_studio.store.project import open_project

    settings = read_settings(args, _settings_class(kind), _preset_settings(args.preset, kind))
    _say_changes(settings)
    if args.save_settings is not None:
        return _save(args.save_settings, kind, settings)
    with open_project(args.project) as store:
        from rlhf_studio.cli.choosing import choose_models
        from rlhf_studio.cli.estimates import find_estimate, say_estimate
        from rlhf_studio.cli.one_run import begin, follow_one, stage_key
        from rlhf_studio.jobs.run_names import run_name

        named = {role: getattr(args, role) for role in _ROLES[kind]}
        start: RunKind = "rl-start" if getattr(settings, "start", "") == "rl-start" else "sft"
        models = choose_models(store.folder, kind, named, start)
        spec = RunSpec(kind, settings.model_dump(mode="json"), models, args.title)
        if args.preset and not args.title:
            spec = replace(spec, title=run_name(stage_key(spec), spec.settings, models))
        say_estimate(find_estimate(store, spec), is_all=args.estimate)
        return 0 if args.estimate else follow_one(store, begin(store, spec))


def _say_changes(settings: "TrainSettings") -> None:
    """What differs from the defaults, in one line."""
    from rlhf_studio.cli.options import default_text, value_text
    from rlhf_studio.settings import differences

    changed = differences(type(settings), settings.model_dump(mode="json"))
    told = [f"{row.title} {value_text(value)} (default {default_text(row)})" for row, value in changed]
    print(f"Settings: {', '.join(told) if told else 'the defaults'}.")


def _save(path: Path, kind: "RunKind", settings: "TrainSettings") -> int:
    from rlhf_studio.settings import differences, write_settings_file

    changed = differences(type(settings), settings.model_dump(mode="json"))
    write_settings_file(path, {kind: {row.name: value for row, value in changed}})
    print(f"Saved to {path}; nothing was started.")
    return 0


def _preset_settings(name: str | None, kind: "RunKind") -> "Mapping[str, Any]":
    """What a preset sets in this stage, and a word on what to watch for."""
    from rlhf_studio import words
    from rlhf_studio.settings import find_preset

    if name is None:
        return {}
    preset = find_preset(name)
    chosen = preset.of(kind)
    if chosen:
        print(f"{preset.title}: {preset.changes}\nWatch for: {preset.watch}")
    else:
        stages = ", ".join(words.STAGES[stage] for stage in preset.settings)
        print(f"The preset '{name}' changes nothing in {words.STAGES[kind]}, only in {stages}.")
    return chosen


def _settings_class(kind: "RunKind") -> "type[TrainSettings]":
    from rlhf_studio.settings import STAGE_SETTINGS

    return STAGE_SETTINGS[kind]
