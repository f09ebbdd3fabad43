"""The runs of an experiment: each is trained once, and what an earlier call has trained is found again."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_studio.errors import RunError, StudioError
from rlhf_studio.events import RunFinished, StepMetrics
from rlhf_studio.jobs.recipes import drive, start_project_run
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.paths import resources_dir
from rlhf_studio.schema import RunKind, RunSpec
from rlhf_studio.store.bundle import import_example
from rlhf_studio.store.project import DATABASE, Store, create_project, open_project
from rlhf_studio.train.control import RunControl

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# kind, what differs from the defaults, models by role as the names of variants or "base"
Variant = tuple[RunKind, Mapping[str, Any], Mapping[str, str]]
Curves = Mapping[str, list[tuple[int, float]]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A run that completed.

    Attributes:
        model: Folder of its model.
        curves: Every metric as (step, value).
        seconds: Of CPU, of this process alone, so that two seeds can run side by side.
    """

    model: Path
    curves: Curves
    seconds: float

    def last(self, metric: str) -> float:
        """The last value of a metric."""
        return self.curves[metric][-1][1]


def seed_project(folder: Path, files: Path, title: str) -> Store:
    """The project of a seed: opened if it is there, else made from the example's files."""
    if (folder / DATABASE).exists():
        return open_project(folder)
    store = create_project(folder, title)
    import_example(store, files)
    return store


def train_variants(
    store: Store,
    variants: Mapping[str, Variant],
    base: Path,
    *,
    shared: Mapping[str, Mapping[str, Any]],
    seed: int,
    tell: Callable[[str], None],
) -> dict[str, Trained]:
    """Train all variants in their order, except those that stand in the project's ``done.json`` with equal settings.

    Args:
        store: The project.
        variants: By name.
        base: Folder of the base model.
        shared: By kind, what differs from the defaults in all of them.
        seed: Of all runs.
        tell: Hears the name of a run that begins.

    Raises:
        RunError: If a run does not complete.
    """
    done = _Done(store.folder / "done.json")
    models = {"base": base.absolute()}
    found = {}
    for name, (kind, settings, roles) in variants.items():
        options = {**shared.get(kind, {}), "seed": seed, **settings}
        spec = RunSpec(kind, options, {role: str(models[of]) for role, of in roles.items()}, name)
        if not done.holds(spec):
            tell(name)
            began = time.process_time()
            model, curves = _train(store, spec)
            done.add(spec, Trained(model, curves, time.process_time() - began))
        found[name] = done.trained(name)
        models[name] = found[name].model
    return found


class _Done:
    """What was trained in a project, by name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._runs: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def holds(self, spec: RunSpec) -> bool:
        """Say whether the same was trained already: same settings, from models that are the same folders."""
        return self._runs.get(spec.title, {}).get("spec") == _plain(spec)

    def add(self, spec: RunSpec, run: Trained) -> None:
        self._runs[spec.title] = {
            "spec": _plain(spec),
            "model": str(run.model),
            "curves": run.curves,
            "seconds": run.seconds,
        }
        self._path.write_text(json.dumps(self._runs) + "\n", encoding="utf-8")

    def trained(self, name: str) -> Trained:
        run = self._runs[name]
        return Trained(Path(run["model"]), run["curves"], run["seconds"])


def _plain(spec: RunSpec) -> dict[str, Any]:
    """The run with all its settings, so that a changed default is seen."""
    settings = stage_settings(spec).model_dump(mode="json")
    return {"kind": spec.kind, "settings": settings, "models": dict(spec.models)}


def _train(store: Store, spec: RunSpec) -> tuple[Path, dict[str, list[tuple[int, float]]]]:
    run = start_project_run(store, spec)
    curves: dict[str, list[tuple[int, float]]] = {}
    for event in drive(run, RunControl()):
        if isinstance(event, StepMetrics):
            for metric, value in event.values.items():
                curves.setdefault(metric, []).append((event.step, value))
        if isinstance(event, RunFinished) and event.outcome != "completed":
            raise RunError(f"The run '{spec.title}' did not complete: {event.message}")
    return run.path / "models" / ("reward" if spec.kind == "reward" else "policy"), curves


def measure_seeds(
    program: str,
    about: str,
    arguments: Sequence[str] | None,
    run: "Callable[[argparse.Namespace, Path, int, Callable[[str], None]], DataclassInstance]",
    write: Callable[[Path, str, Sequence[Mapping[str, Any]]], None],
) -> int:
    """The command of an experiment: every seed once, its result as a file beside its project, then the page.

    Args:
        program: How the command is called.
        about: What it does.
        arguments: Of the command line; None takes the program's.
        run: Measures one seed; is given ``base`` and ``files``, the folder of its project, the seed, and who listens.
        write: Writes the page from the base model's name and all results.
    """
    parser = argparse.ArgumentParser(prog=program, description=about)
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument("--out", type=Path, required=True, help="folder for projects and figures")
    parser.add_argument("--files", type=Path, default=resources_dir() / "example", help="the example project's files")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--page", type=Path, help="write the tables here, as Markdown")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    found = []
    try:
        for seed in args.seeds:
            kept = args.out / f"seed-{seed}.json"
            if not kept.exists():
                result = asdict(run(args, args.out / f"project-{seed}", seed, _teller(seed)))
                kept.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            found.append(json.loads(kept.read_text(encoding="utf-8")))
    except StudioError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if args.page:
        write(args.page, args.base.name, found)
    return 0


def _teller(seed: int) -> Callable[[str], None]:
    def tell(what: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} seed {seed}: {what}\n")

    return tell
