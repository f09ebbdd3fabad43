"""What is estimated before a run beside what it took: time, memory and disk, at three sizes of model.

    python tests/bench/probe.py [--case tiny-sft ...] [--smollm2 FOLDER] [--out resources/docs/estimates.md]

For each case one process makes the estimate and another one runs the same settings on the same data to the end. With
``--clock cpu`` both count the process's own CPU seconds, for a machine that others use too; it is one thread, so that
on an idle machine they are the seconds of the clock. Memory is the growth of the resident set, from the moment when
all libraries are imported to its peak. Exits with 1 if a figure is further off than it may be.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from memory import peak_bytes

ROOT = Path(__file__).parents[2]
WITHIN = {"seconds": 0.30, "memory": 0.20, "disk": 0.05}
FEW = 24  # demonstrations, prompts and rankings for the large model
# base, kind, settings: whole runs where they are short, fewer steps elsewhere
CASES = {
    "tiny-sft": ("tiny", "sft", {}),
    "tiny-reward": ("tiny", "reward", {}),
    "tiny-ppo": ("tiny", "ppo", {"ptx_coef": 0.0}),
    "tiny-ppo-ptx": ("tiny", "ppo", {}),
    "small-sft": ("small", "sft", {"epochs": 1}),
    "small-reward": ("small", "reward", {"max_rankings": 160}),
    "small-ppo-ptx": ("small", "ppo", {"steps": 6}),
    "smollm2-sft": ("smollm2", "sft", {"epochs": 2, "batch_size": 8, "micro_batch": 4}),
    "smollm2-reward": ("smollm2", "reward", {"micro_batch": 8}),
    "smollm2-ppo-ptx": (
        "smollm2",
        "ppo",
        {"steps": 3, "batch_size": 8, "minibatch_size": 8, "epochs": 1, "micro_batch": 4},
    ),
}
PARAMETERS = {"tiny": "1.3M", "small": "5.7M", "smollm2": "135M"}
NAMES = {"sft": "SFT", "reward": "reward model", "ppo": "PPO", "ppo-ptx": "PPO-ptx"}
INTRODUCTION = (
    "What `rlhf-studio train` and the Train tab say before the start, beside what the run took. Estimate and run are "
    "processes of their own with the same settings and data, on one thread, device cpu. Time is in {clock}; memory is "
    "the growth of the process over its idle state; disk is the run's folder at its end, "
    "with as many checkpoints as it had then, since those fall by the clock. Wanted: time within "
    "{seconds:.0%}, memory within {memory:.0%}, disk within {disk:.0%}. Figures that miss this are bold. The large "
    "model learns from a few rows of the example and measures no natural text. Two constants of the memory, for texts "
    "and for what a long run leaves on the heap, were fitted to tiny's SFT and reward model."
)
HEAD = (
    "| model | stage | settings that differ from the defaults | steps | time, s: said, took | off "
    "| memory, MiB: said, took | off | disk, MiB: said, took | off | probe, CPU s |"
)
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}


def spec_of(base, kind, settings, work):
    from rlhf_studio.schema import RunSpec

    policy, judge = str(work / "runs/sft/models/policy"), str(work / "runs/reward/models/reward")
    models = {"policy": policy, "reward": judge} if kind == "ppo" else {"base": str(base) if kind == "sft" else policy}
    gentle = {"learning_rate": 1e-5} if base.name == "smollm2" else {}
    return RunSpec(kind, {"threads": 1, "device": "cpu", **gentle, **settings}, models)


def data_of(store, spec, is_large):
    """The example project's; for the large model a few rows of it."""
    from rlhf_studio.jobs.data import prepare

    data = prepare(store, spec)
    if not is_large:
        return data
    some = {"valid": data.valid[:4]} if spec.kind != "ppo" else {}
    some |= {"pretraining_valid": ()} if spec.kind != "reward" else {}
    some |= {"prompts": data.prompts[:FEW]} if spec.kind == "ppo" else {"train": data.train[:FEW]}
    some |= {"demonstrations": data.demonstrations[:FEW]} if spec.kind == "reward" else {"probes": data.probes[:2]}
    return replace(data, **some)


def example(work):
    """The example project, made once for a model."""
    from rlhf_studio.paths import resources_dir
    from rlhf_studio.store.bundle import open_or_create_example

    return open_or_create_example(work / "data", resources_dir())


def estimated(args, base, kind, settings):
    """What is said before the start."""
    from rlhf_studio.jobs.estimating import Subject, estimate_run
    from rlhf_studio.lm.loading import load_language_model

    clock = CLOCKS[args.clock]
    spec = spec_of(base, kind, settings, args.work)
    folder = Path(next(iter(spec.models.values())))
    with example(args.work) as store:
        began = clock()
        model = load_language_model(folder)
        data = data_of(store, spec, base.name == "smollm2")
        before_s = clock() - began
        rows = store.demonstration_rows("train")
    subject = Subject(spec, data, model, folder, args.work, rows, is_trained=kind != "sft", before_s=before_s)
    began, cpu = time.perf_counter(), time.process_time()
    steps = estimate_run(subject, clock)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found = end.value
            break
    probe = {"probe_wall": time.perf_counter() - began, "probe_cpu": time.process_time() - cpu}
    parts = {name: round(value, 2) for name, value in found.parts.items()}
    disk = {"disk": found.disk, "checkpoint": found.checkpoint, "kept": found.kept}
    return {"seconds": found.seconds, "memory": found.memory.total, **disk, "parts": parts, **probe}


def run(args, base, kind, settings):
    """What it took."""
    import psutil

    from rlhf_studio.events import RunFinished, StepMetrics
    from rlhf_studio.jobs.recipes import drive, start_run
    from rlhf_studio.train.control import RunControl

    idle, clock = psutil.Process().memory_info().rss, CLOCKS[args.clock]
    spec = spec_of(base, kind, settings, args.work)
    began, wall, steps = clock(), time.perf_counter(), 0
    with example(args.work) as store:
        data = data_of(store, spec, base.name == "smollm2")
    folder = start_run(None, spec, args.work / "runs" / args.case[0].partition("-")[2], data)
    for event in drive(folder, RunControl()):
        if isinstance(event, StepMetrics):
            steps = event.step
        if isinstance(event, RunFinished) and event.outcome != "completed":
            sys.exit(f"the {kind} run {event.outcome}: {event.message}")
    seconds = clock() - began
    size = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
    found = {"seconds": seconds, "memory": peak_bytes() - idle, "disk": size, "steps": steps}
    return {**found, "wall": time.perf_counter() - wall}


def child(args, what):
    """One half of a case in a process of its own."""
    command = [sys.executable, __file__, "--child", what, "--case", *args.case, "--work", str(args.work)]
    command += ["--clock", args.clock, "--smollm2", str(args.smollm2)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return json.loads(done.stdout.splitlines()[-1])


def measure(args, case):
    """Both halves, and how far they are apart; a run that was made before is not made again."""
    one = argparse.Namespace(**{**vars(args), "case": [case]})
    kept = args.work / f"{case}-{args.clock}.json"
    said = child(one, "estimate")
    took = json.loads(kept.read_text()) if kept.is_file() else child(one, "run")
    kept.write_text(json.dumps(took))
    # checkpoints fall by the clock, which runs on while others have the machine: so many as there are
    there = len(list((args.work / "runs" / case.partition("-")[2] / "checkpoints").iterdir()))
    said["disk"] += (there - said["kept"]) * said["checkpoint"]
    off = {name: said[name] / took[name] - 1 for name in WITHIN}
    row = {"case": case, "said": said, "took": took, "off": off}
    figures = ", ".join(f"{name} {said[name]:.3g} for {took[name]:.3g} ({off[name]:+.0%})" for name in WITHIN)
    print(f"{case}: {figures}; probe {said['probe_cpu']:.1f} CPU s; {said['parts']}", flush=True)
    return row


def page_of(rows, clock):
    """The table, in Markdown."""
    counted = {
        "cpu": "CPU seconds of the process (one thread; others used the machine, so its clock tells nothing)",
        "wall": "seconds of the clock",
    }
    lines = [
        "<!-- Written by 'python tests/bench/probe.py --out FILE'. -->",
        "# Estimates before a run",
        "",
        INTRODUCTION.format(clock=counted[clock], **WITHIN),
        "",
        f"Measured on {platform.system()}, {os.cpu_count()} cores.",
        "",
        HEAD,
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name, kind, settings = CASES[row["case"]]
        said, took = row["said"], row["took"]
        stage = NAMES["ppo-ptx" if kind == "ppo" and settings.get("ptx_coef", 1) else kind]
        given = ", ".join(f"`{key}` {value:g}" for key, value in settings.items()) or "none"
        cells = [f"{name} ({PARAMETERS[name]})", stage, given, str(took["steps"])]
        for figure, unit in (("seconds", 1), ("memory", 2**20), ("disk", 2**20)):
            off = row["off"][figure]
            cells.append(f"{said[figure] / unit:,.0f}, {took[figure] / unit:,.0f}")
            cells.append(f"{off:+.0%}" if abs(off) <= WITHIN[figure] else f"**{off:+.0%}**")
        lines.append("| " + " | ".join([*cells, f"{said['probe_cpu']:.1f}"]) + " |")
    missing = [case for case in CASES if case not in {row["case"] for row in rows}]
    if missing:
        lines += ["", f"Not measured yet: {', '.join(missing)} (cases of the script)."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--case", nargs="+", choices=CASES, default=list(CASES))
    add("--smollm2", type=Path, default=ROOT / "smollm2", help="the converted model, see README.md")
    add("--clock", choices=CLOCKS, default="wall")
    add("--out", type=Path, help="write the table here, too")
    add("--work", type=Path, help="keep the runs here, and take those that are there for measured")
    add("--child", choices=("estimate", "run"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        name, kind, settings = CASES[args.case[0]]
        base = args.smollm2 if name == "smollm2" else ROOT / "models" / name
        print(json.dumps((estimated if args.child == "estimate" else run)(args, base, kind, settings)))
        return 0
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        whole = (args.work or Path(folder)).absolute()
        for case in args.case:
            args.work = whole / CASES[case][0]
            args.work.mkdir(exist_ok=True, parents=True)
            rows.append(measure(args, case))
    page = page_of(rows, args.clock)
    if args.out:
        args.out.write_text(page, encoding="utf-8")
    print(page)
    return int(any(abs(row["off"][name]) > limit for row in rows for name, limit in WITHIN.items()))


if __name__ == "__main__":
    sys.exit(main())
