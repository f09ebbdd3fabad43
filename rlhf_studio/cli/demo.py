"""``demo``: the three stages on one project, and a report about them."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_studio import words
from rlhf_studio.cli.demo_folder import DemoState, choose_folder, read_state, write_state
from rlhf_studio.cli.parser import Commands, LazyParser, add_command
from rlhf_studio.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rlhf_studio.cli.progress import RunView
    from rlhf_studio.events import TrainEvent
    from rlhf_studio.jobs.pipeline import InstructPipeline
    from rlhf_studio.report.material import Report
    from rlhf_studio.schema import PromptRow
    from rlhf_studio.store.project import Store
    from rlhf_studio.train.control import RunControl

_MOST_PROMPTS = 96  # held-out prompts that every model answers at the end


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "demo",
        "the three stages on the example project, and a report",
        description="Trains SFT, the reward model, PPO and PPO-ptx on a project and writes models, metrics, plots and "
        "a one-page report. Interrupted, it goes on with the same --out.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, metavar="DIR", help="where the results go (default: the next free rlhf-studio-demo here)")
    add("--project", type=Path, metavar="DIR", help="a project of your own (default: the example project)")
    add("--base", metavar="MODEL", help="base model: a folder in Hugging Face layout or a bundled one (default: tiny)")
    add(
        "--settings",
        type=Path,
        metavar="FILE.json",
        help='settings by stage: {"sft": {"epochs": 2}, "reward": {}, "ppo": {"steps": 10}, "ppo-ptx": {}}; '
        "those of ppo hold for ppo-ptx too",
    )
    add("--device", metavar="{auto,cpu,cuda,mps}", help="where the models live, in all stages (default: auto)")
    add(
        "--threads", metavar="N", help="threads for tensor work, in all stages (default: one less than there are cores)"
    )
    add(
        "--window",
        action="store_true",
        help="train in the window by itself, for talks; without a screen the demo runs here (not with --out, --base)",
    )


def run(args: argparse.Namespace) -> int:
    """Run what is not done yet, then write the report."""
    if args.window:
        code = _in_window(args)
        if code is not None:
            return code
    folder = choose_folder(args.out)
    before = read_state(folder)
    settings = _settings(args)
    with _open_project(args.project, before) as store:
        state = before or DemoState(str(store.folder.absolute()), _base(args.base), settings)
        _check_same(args, settings, before)
        write_state(folder, state)
        _introduce(store, state, folder)
        return _run_stages(store, state, folder)


def _in_window(args: argparse.Namespace) -> int | None:
    """Play the demo in the window; None where no window can open."""
    from rlhf_studio.cli.window import NoWindowError, open_window

    if args.out or args.base:
        name = "--out" if args.out else "--base"
        raise DataError(
            f"{name} cannot be combined with --window, which trains the project itself. Leave one of them out."
        )
    settings = _settings(args)
    with _open_project(args.project, None) as store:
        folder = store.folder
    try:
        return open_window(folder, ("sft", "reward", "ppo", "ppo-ptx"), settings)
    except NoWindowError as error:
        print(f"{error} The demo runs here instead.", file=sys.stderr)
        return None


def _run_stages(store: "Store", state: DemoState, folder: Path) -> int:
    from rlhf_studio.cli.following import exit_code, follow, quoted
    from rlhf_studio.cli.interrupts import interruptible
    from rlhf_studio.cli.progress import open_view
    from rlhf_studio.jobs.pipeline import InstructPipeline
    from rlhf_studio.train.control import RunControl

    pipeline = InstructPipeline(store, Path(state.base), state.settings, state.runs)
    control = RunControl()
    with open_view() as view:
        with interruptible(control) as interruption:
            events = _remembered(pipeline, control, state, folder)
            _, ending = follow(events, view, interruption)
        code = exit_code(ending, view, f"rlhf-studio demo --out {quoted(folder)}")
        if code == 0:
            report = _write(store, pipeline, folder, view)
    if code == 0:
        _conclude(report, folder)
    return code


def _remembered(
    pipeline: "InstructPipeline", control: "RunControl", state: DemoState, folder: Path
) -> "Iterator[tuple[str, TrainEvent]]":
    """The events of all stages; a stage that begins is written down before anything else happens."""
    for stage, event in pipeline.run(control):
        if stage not in state.runs:
            state = state.with_run(stage, pipeline.runs[stage])
            write_state(folder, state)
        yield stage, event


def _write(store: "Store", pipeline: "InstructPipeline", folder: Path, view: "RunView") -> "Report":
    from rlhf_studio.paths import data_dir
    from rlhf_studio.report.gathering import Runs, gather
    from rlhf_studio.report.writing import write_report
    from rlhf_studio.store.bundle import EXAMPLE

    runs = Runs(*(pipeline.folder(stage) for stage in ("sft", "reward", "ppo", "ppo-ptx")))
    device = str(pipeline.folder("sft").spec.settings.get("device", "auto"))
    is_example = store.folder.absolute() == (data_dir() / EXAMPLE).absolute()
    report = gather(runs, store.title, _held_out(store), is_example=is_example, device=device, tell=view.work)
    view.work("Writing the report")
    write_report(folder, report, runs.models())
    return report


def _held_out(store: "Store") -> "tuple[PromptRow, ...]":
    """Prompts like those of PPO that no stage trained on; the probes where there are none."""
    rows = (*store.prompt_rows("ppo", "valid"), *store.prompt_rows("ppo", "test"))
    if not rows:
        rows = store.prompt_rows("probe")
    return rows[:: -(-len(rows) // _MOST_PROMPTS)] if rows else ()


def _settings(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Settings by stage, checked before anything is made."""
    from rlhf_studio.cli.options import read_json_object
    from rlhf_studio.settings import STAGE_SETTINGS, parse_settings

    classes = {**STAGE_SETTINGS, "ppo-ptx": STAGE_SETTINGS["ppo"]}
    given = read_json_object(args.settings)
    shared = {name: getattr(args, name) for name in ("device", "threads") if getattr(args, name) is not None}
    for stage, values in given.items():
        if stage not in classes or not isinstance(values, Mapping):
            raise DataError(
                f"The settings file '{args.settings}' has no settings of a stage under '{stage}'. "
                f"Give an object of settings for each of: {', '.join(classes)}."
            )
    merged = {stage: {**given.get(stage, {}), **shared} for stage in classes}
    return {stage: _checked(parse_settings, classes[stage], values) for stage, values in merged.items() if values}


def _checked(parse: Any, cls: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values given, as the settings object understands them."""
    parsed = parse(cls, values).model_dump(mode="json")
    return {name: parsed[name] for name in values}


def _open_project(project: Path | None, before: DemoState | None) -> "Store":
    from rlhf_studio.paths import data_dir, resources_dir
    from rlhf_studio.store.bundle import open_or_create_example
    from rlhf_studio.store.project import open_project

    folder = project or (Path(before.project) if before else None)
    return open_project(folder) if folder else open_or_create_example(data_dir(), resources_dir())


def _base(named: str | None) -> str:
    from rlhf_studio.cli.places import bundled_model, model_folder

    return str((model_folder(named) if named else bundled_model()).absolute())


def _check_same(args: argparse.Namespace, settings: Mapping[str, Any], before: DemoState | None) -> None:
    """A demo goes on with what it was started with."""
    if before is None:
        return
    now = {
        "project": str(args.project.absolute()) if args.project else before.project,
        "base": _base(args.base) if args.base else before.base,
        "settings": settings or before.settings,
    }
    for name, value in now.items():
        if value != getattr(before, name):
            raise DataError(
                f"The demo in '{args.out}' was started with another --{name} ({getattr(before, name)}). "
                f"Leave --{name} out to go on with it, or choose a new --out."
            )


def _introduce(store: "Store", state: DemoState, folder: Path) -> None:
    counts = store.counts()
    rankings = counts.rankings_by_people + counts.rankings_simulated
    simulated = f", {counts.rankings_simulated} of them simulated" if counts.rankings_simulated else ""
    print(
        f"Project '{words.plain(store.title)}': {counts.demonstrations} demonstrations, {rankings} rankings{simulated}."
    )
    print(f"Base model '{Path(state.base).name}'. Results go to {folder}. Ctrl+C stops with a checkpoint.")
    if store.is_read_only:
        print(f"{store.read_only_reason} Runs are kept all the same, only the project's index is not.")


def _conclude(report: "Report", folder: Path) -> None:
    from rlhf_studio.report.colours import NAMES
    from rlhf_studio.report.markup import number

    rows = [
        (NAMES[model.key], number(model.score, "+.2f"), number(model.kl, ".1f"), number(model.text_loss))
        for model in report.models
    ]
    _print_table(("reward", "KL from SFT", "natural-text loss"), rows)
    answers, prompts = max(model.answers for model in report.models), report.held_out_prompts
    print(f"\nMeans over {answers} answers to {prompts} held-out prompts; KL in nats per answer, loss per token.")
    if report.effects:
        _print_effects(report)
    print(f"Open {(folder / 'report.html').absolute()}")


def _print_effects(report: "Report") -> None:
    """What the example project is made to show."""
    from rlhf_studio.report.colours import NAMES

    rows = [
        (NAMES[key], *(f"{share:.0%}" for share in (found.accuracy, found.happy, found.topic, found.distinct_2)))
        for key, found in report.effects.items()
    ]
    _print_table(("right by rule", "friendly ends", "topic kept", "different word pairs"), rows)
    first = next(iter(report.effects.values()))
    print(f"\nCounted by rule: {first.asked} fresh prompts of each use case, and {first.told} sampled stories.")


def _print_table(heads: "Sequence[str]", rows: "Sequence[Sequence[str]]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    for head in heads:
        table.add_column(head, justify="right")
    for first, *cells in rows:
        table.add_row(first, *(cell.replace("\u2212", "-") for cell in cells))
    print()
    Console(highlight=False).print(table)
