"""How near the phases of a PPO update are to the machine's rate of matrix products.

    python tests/bench/gemm_share.py [--threads 1] [--precision bfloat16] [--page FILE] [--sizes 1.3M 5.7M 135M]

The machine's rate is the best of square products (1024) in the run's precision with the same threads, measured between
the updates, so that a machine that slows down slows both. Work is counted by torch's FlopCounterMode over one update
that is not timed. The update is that of compare_ppo_update.py; for the larger models it has fewer episodes.
"""

import argparse
import dataclasses
import statistics
import sys
import time

import torch
from our_ppo_update import begin
from ppo_case import Case
from torch.utils.flop_counter import FlopCounterMode

from rlhf_studio.events import Notice, Progress, StepMetrics

PHASES = {"sample": "sampling", "score": "scoring", "update": "updating"}
SIZES = {
    "1.3M": Case(updates=4, drop=2),
    "5.7M": Case(updates=3, drop=2, hidden=256, layers=6, heads=8, ffn=688, episodes=32, minibatch=32),
    "135M": Case(
        updates=1, drop=2, hidden=576, layers=30, heads=9, ffn=1536, vocab=49152, episodes=8, minibatch=8, epochs=2
    ),
}


def gemm_rate(dtype, size=1024, least=0.3):
    """Products per second times two: the best of several."""
    a, b = (torch.randn(size, size, dtype=dtype) for _ in range(2))
    times, until = [], time.perf_counter() + least
    while time.perf_counter() < until or len(times) < 5:
        began = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times)


def watch(case, precision):
    """Seconds by phase of every timed update, work by phase, the rates of products in between, the ratio gate."""
    seconds = {phase: [] for phase in PHASES}
    work, gate, rates = dict.fromkeys(PHASES, 0), {}, []
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    events = begin(case, precision=precision)
    step, last, counter = 0, None, None
    for event in events:
        now = time.perf_counter()
        if isinstance(event, Progress) and event.phase in PHASES and step:
            if step <= case.drop:
                work[event.phase] += counter.get_total_flops() - last
                last = counter.get_total_flops()
            else:
                seconds[event.phase][-1] += now - last
                last = time.perf_counter()
        elif isinstance(event, Notice) and event.message == "ppo.ratio_gate":
            gate["notice"] = event.values
        elif isinstance(event, StepMetrics):
            if "gate/ratio_error" in event.values:
                gate["error"] = event.values["gate/ratio_error"]
            if counter is not None:
                counter.__exit__(None, None, None)
                counter = None
            step += 1
            rates.append(gemm_rate(dtype))
            if step <= case.drop:  # the last one before the timed ones is what counts
                work = dict.fromkeys(PHASES, 0)
                counter, last = FlopCounterMode(display=False), 0
                counter.__enter__()
            else:
                for phase in seconds.values():
                    phase.append(0.0)
                last = time.perf_counter()
    return {phase: times[: case.updates] for phase, times in seconds.items()}, work, rates, gate


def rows(size, case, precision):
    seconds, work, rates, gate = watch(case, precision)
    rate = statistics.median(rates)
    for phase, name in PHASES.items():
        median = statistics.median(seconds[phase])
        share = work[phase] / median / rate
        yield (
            size,
            name,
            f"{median:.3f}",
            f"{work[phase] / 1e9:.1f}",
            f"{work[phase] / median / 1e9:.1f}",
            f"{share:.0%}",
        )
    whole = sum(statistics.median(times) for times in seconds.values())
    total = sum(work.values())
    yield (
        size,
        "**together**",
        f"{whole:.3f}",
        f"{total / 1e9:.1f}",
        f"{total / whole / 1e9:.1f}",
        (f"**{total / whole / rate:.0%}** of {rate / 1e9:.0f}"),
    )
    held = "not held, the run says so and takes log-probabilities anew" if "notice" in gate else "held"
    sys.stderr.write(f"{size} {precision}: ratio gate {held}, mean |ratio - 1| {gate.get('error', float('nan')):.1e}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    args = parser.parse_args()
    print(f"{args.precision}, {args.threads} threads, torch {torch.__version__}\n")
    print(
        "| parameters | phase | seconds | GFLOP | GFLOP/s | share of the rate of products |\n|---|---|---|---|---|---|"
    )
    for size in args.sizes:
        for row in rows(size, dataclasses.replace(SIZES[size], threads=args.threads), args.precision):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
