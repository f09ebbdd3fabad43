"""``resume``: goes on with a run from its last checkpoint."""

import argparse

from rlhf_studio.cli.parser import Commands, LazyParser, add_command, add_run

# what may change once a run has begun: how it is computed, and what steers PPO (``jobs.recipes.CHANGEABLE``)
CHANGEABLE = (
    "micro_batch",
    "threads",
    "device",
    "checkpoint_seconds",
    "keep_checkpoints",
    "keep_best",
    "max_grad_norm",
    "checkpoint_steps",
    "fork_points",
    "learning_rate",
    "value_learning_rate",
    "kl_coef",
    "ptx_coef",
    "clip",
    "kl_stop",
)


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "resume",
        "go on with a run from its last checkpoint",
        description="Goes on with a run from its last checkpoint. The settings below may differ from before; "
        "the last eight only for PPO. With some of them a PPO run goes on, too, that ended at its limit of the KL.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    from rlhf_studio.cli.options import add_options
    from rlhf_studio.settings import PpoSettings, options

    add_run(parser)
    by_name = {option.name: option for option in options(PpoSettings)}
    add_options(parser.add_argument_group("settings to go on with"), [by_name[name] for name in CHANGEABLE])


def run(args: argparse.Namespace) -> int:
    """Find the run and follow it."""
    from rlhf_studio.cli.options import given_settings
    from rlhf_studio.cli.places import run_folder
    from rlhf_studio.store.project import open_project

    path = run_folder(args.name, args.project)
    with open_project(path.absolute().parent.parent) as store:
        from rlhf_studio.cli.one_run import follow_one
        from rlhf_studio.jobs.run_folder import RunFolder

        return follow_one(store, RunFolder.open(path), given_settings(args))
