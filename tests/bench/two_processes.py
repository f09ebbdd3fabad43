"""One PPO update in two processes of one thread against one process with one thread, and with two.

    python tests/bench/two_processes.py [--rounds 2] [--episodes 64] ...

The update is that of our_ppo_update.py, started as ``accelerate launch`` starts it. Each measurement is a fresh start;
the three take turns, so that a machine that slows down hits all. Wall time means something only on two idle cores:
the load of the machine stands beside it. Processor time of the first process tells what share of the work is left to
it on any machine.
"""

import argparse
import dataclasses
import json
import os
import socket
import statistics
import subprocess
import sys
from pathlib import Path

from ppo_case import add_options, case_from

HERE = Path(__file__).parent
WAYS = {"1 process, 1 thread": (1, 1), "2 processes, 1 thread": (2, 1), "1 process, 2 threads": (1, 2)}


def measure(case, processes, threads):
    """What the first process reports."""
    case = dataclasses.replace(case, threads=threads)
    shared = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(HERE.parents[1])}
    if processes > 1:
        shared |= {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    command = [sys.executable, str(HERE / "our_ppo_update.py"), *case.command_line()]
    started = [
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else shared,
        )
        for rank in range(processes)
    ]
    said = [process.communicate() for process in started]
    for process, (_, error) in zip(started, said, strict=True):
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{error[-3000:]}")
    return json.loads(said[0][0].splitlines()[-1])


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    add_options(parser)
    args = parser.parse_args()
    runs = {name: [] for name in WAYS}
    for _ in range(args.rounds):
        for name, (processes, threads) in WAYS.items():
            runs[name].append(measure(case_from(args), processes, threads))
    print(f"Load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())} on {os.cpu_count()} cores")
    print(f"{'seconds of an update':<24}{'wall':>8}{'processor':>11}   each round")
    medians = {}
    for name, reports in runs.items():
        wall, cpu = ([second for report in reports for second in report[key]] for key in ("seconds", "cpu"))
        medians[name] = statistics.median(wall), statistics.median(cpu)
        rounds = " ".join(f"{report['median']:.2f}" for report in reports)
        print(f"{name:<24}{medians[name][0]:>8.2f}{medians[name][1]:>11.2f}   {rounds}")
    two = medians["2 processes, 1 thread"]
    for name in ("1 process, 1 thread", "1 process, 2 threads"):
        print(f"2 processes are {medians[name][0] / two[0]:.2f} times as fast as {name}")
    print(f"processor time of the first: {two[1] / medians['1 process, 1 thread'][1]:.0%} of that of one alone")


if __name__ == "__main__":
    main()
