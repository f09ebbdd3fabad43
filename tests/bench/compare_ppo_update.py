"""One PPO update of ours against TRL 1.12.0's, in turns, with the same numbers, threads and dtype.

    python tests/bench/compare_ppo_update.py --trl-python TRL/bin/python [--rounds 2] [--threads 2] ...

How to make that Python stands in trl_ppo_update.py, what a side does in trl_ppo_update.py and our_ppo_update.py. Each
measurement is a fresh process; the sides take turns (A B A B), so that a machine that slows down hits both.
Exits with 1 if ours is not ``--at-least`` times as fast.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from ppo_case import add_options, case_from

HERE = Path(__file__).parent


def measure(python, script, case):
    """What one side reports; a child gets as many OpenMP threads as the case says."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(case.threads),
        "HF_HUB_OFFLINE": "1",
        "TRL_EXPERIMENTAL_SILENCE": "1",
        "PYTHONPATH": str(HERE.parents[1]),
    }
    command = [python, str(HERE / script), *case.command_line()]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def theirs(python, case):
    return measure(python, "trl_ppo_update.py", case)


def ours(case):
    return measure(sys.executable, "our_ppo_update.py", case)


def table(case, sides):
    """Medians over all measured updates of all rounds, and what each round gave."""
    title = (
        f"One PPO update: {case.episodes} episodes, prompt {case.prompt}, answer {case.answer}, {case.epochs} epochs, "
        f"minibatch {case.minibatch}, Llama {case.hidden}/{case.layers}/{case.heads}, vocabulary {case.vocab}, "
        f"float32, {case.threads} threads"
    )
    lines = [title, f"{'seconds':<12}{'update':>9}{'sampling':>10}{'rest':>8}{'CPU':>8}   each round    versions"]
    medians = {}
    for name, runs in sides.items():
        whole, sampling, cpu = ([s for run in runs for s in run[key]] for key in ("seconds", "sampling", "cpu"))
        rest = [a - b for a, b in zip(whole, sampling, strict=True)]
        medians[name] = [statistics.median(x) for x in (whole, sampling, rest, cpu)]
        rounds = " ".join(f"{run['median']:.2f}" for run in runs)
        versions = f"torch {runs[0]['torch']}, transformers {runs[0]['transformers']}"
        figures = "{:>9.3f}{:>10.3f}{:>8.3f}{:>8.3f}".format(*medians[name])
        lines.append(f"{runs[0]['side']:<12}{figures}   {rounds:<13} {versions}")
    ratios = [a / b for a, b in zip(medians["theirs"], medians["ours"], strict=True)]
    lines.append("{:<12}{:>8.2f}x{:>9.2f}x{:>7.2f}x{:>7.2f}x".format("ours faster", *ratios))
    return lines, ratios[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl-python", required=True, help="a Python with trl 1.12.0")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--at-least", type=float, default=1.3)
    add_options(parser)
    args = parser.parse_args()
    case = case_from(args)
    sides = {"theirs": [], "ours": []}
    for _ in range(args.rounds):
        sides["theirs"].append(theirs(args.trl_python, case))
        sides["ours"].append(ours(case))
    lines, ratio = table(case, sides)
    print("\n".join(lines))
    return 0 if ratio >= args.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
