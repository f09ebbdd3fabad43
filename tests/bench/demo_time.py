"""How long the demo takes on this machine, stage by stage, for one or more numbers of threads in turn.

    python tests/bench/demo_time.py --threads 1 2 --at-most 300

Runs the installed ``rlhf-studio demo`` on the example project in a fresh folder. Seconds are wall clock from a
stage's first to its last event; "cpu" is the whole process, start and report included. Exits with 1 if the fastest
demo took longer than ``--at-most`` seconds.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs.run_folder import RunFolder

STAGES = ("sft", "reward", "ppo", "ppo-ptx")


def run_demo(folder, threads):
    """Seconds by stage, and of the whole command: wall and CPU."""
    environment = {**os.environ, "RLHF_STUDIO_DATA": str(folder / "data")}
    command = [sys.executable, "-m", "rlhf_studio", "demo", "--out", str(folder / "out"), "--threads", str(threads)]
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    runs = sorted((folder / "data" / "tiny-tales" / "runs").iterdir())
    figures = {stage: stage_seconds(run) for stage, run in zip(STAGES, runs, strict=True)}
    return {**figures, "whole": time.perf_counter() - began, "cpu": cpu}


def stage_seconds(run):
    """Wall clock from the run's file to its last event."""
    metrics = [event for event in RunFolder.open(run).events() if isinstance(event, StepMetrics)]
    assert metrics, f"{run} has no step"
    return (run / "events.jsonl").stat().st_mtime - (run / "run.json").stat().st_mtime


def main():
    """Measure and print one row for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[max(1, (os.cpu_count() or 2) - 1)])
    parser.add_argument("--at-most", type=float, default=300.0, help="seconds")
    args = parser.parse_args()
    rows = {}
    for threads in args.threads:
        with tempfile.TemporaryDirectory() as folder:
            rows[threads] = run_demo(Path(folder), threads)
    columns = (*STAGES, "whole", "cpu")
    print(f"{'threads':>8}" + "".join(f"{name:>10}" for name in columns) + f"   of {os.cpu_count()} cores; seconds")
    for threads, row in rows.items():
        print(f"{threads:>8}" + "".join(f"{row[name]:>10.0f}" for name in columns))
    fastest = min(row["whole"] for row in rows.values())
    print(f"fastest {fastest:.0f} s, at most {args.at_most:.0f} s wanted")
    return int(fastest > args.at_most)


if __name__ == "__main__":
    sys.exit(main())
