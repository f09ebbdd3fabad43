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


class Watch:
    """Takes the events of a run: seconds by phase of every timed update, work by phase, rates of products between."""

    def __init__(self, case, dtype):
        self.case, self.dtype, self.step = case, dtype, 0
        self.seconds, self.work = {phase: [] for phase in PHASES}, dict.fromkeys(PHASES, 0)
        self.rates, self.gate, self.error = [], "held", float("nan")
        self._last, self._counter = 0, None

    def take(self, event):
        now = time.perf_counter()
        if isinstance(event, Progress) and event.phase in PHASES and self.step:
            self._add(event.phase, now)
        elif isinstance(event, Notice) and event.message == "ppo.ratio_gate":
            self.gate = "not held: log-probabilities are taken anew, and the run says so"
        elif isinstance(event, StepMetrics):
            self.error = event.values.get("gate/ratio_error", self.error)
            self._next_step()

    def _add(self, phase, now):
        if self._counter is not None:
            total = self._counter.get_total_flops()
            self.work[phase] += total - self._last
            self._last = total
        else:
            self.seconds[phase][-1] += now - self._last
            self._last = time.perf_counter()

    def _next_step(self):
        if self._counter is not None:
            self._counter.__exit__(None, None, None)
            self._counter = None
        self.step += 1
        self.rates.append(gemm_rate(self.dtype))
        if self.step == self.case.drop:  # the last one before the timed ones is what counts
            self._counter, self._last = FlopCounterMode(display=False), 0
            self._counter.__enter__()
            return
        for times in self.seconds.values():
            times.append(0.0)
        self._last = time.perf_counter()

    def median(self, phase):
        return statistics.median(self.seconds[phase][self.case.drop - 1 :][: self.case.updates])


def rows(size, case, precision):
    watch = Watch(case, torch.bfloat16 if precision == "bfloat16" else torch.float32)
    for event in begin(case, precision=precision):
        watch.take(event)
    rate = statistics.median(watch.rates)
    phases = {name: (watch.median(phase), watch.work[phase]) for phase, name in PHASES.items()}
    phases["**together**"] = tuple(map(sum, zip(*phases.values(), strict=True)))
    for name, (seconds, work) in phases.items():
        yield (
            size,
            name,
            f"{seconds:.3f}",
            f"{work / 1e9:.1f}",
            f"{work / seconds / 1e9:.1f}",
            (f"{work / seconds / rate:.0%} of {rate / 1e9:.0f}"),
        )
    sys.stderr.write(f"{size} {precision}: ratio gate {watch.gate}; mean |ratio - 1| {watch.error:.1e}\n")


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
