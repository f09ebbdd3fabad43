"""How far our formulas are from those of four other programs; writes resources/docs/compared.md.

    COMPARE/bin/python tests/bench/compare_formulas.py [--seeds 200]

COMPARE is a Python with this project and the group ``compare`` of pyproject.toml, which says how to make it.
Exits with 1 if a difference is not under 1e-6.
"""

import argparse
import sys
from importlib import metadata
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from independent import COMPARISONS, is_installed, largest_differences  # noqa: E402

LIMIT = 1e-6
HEAD = """# Our formulas against independent code

Written by `tests/bench/compare_formulas.py`; do not edit. {seeds} random cases in float64, each of 6 answers of 1 to 9
tokens with noise in the padded cells, log-ratios on all sides of the clips; torch {torch}. The other programs' own
functions, or lines of their training loops, are run as they are installed. Every difference must be under {limit:.0e};
the largest is {worst:.1e}. `tests/golden/test_independent_code.py` checks the same.
"""
TAIL = """
## What is not compared, and why

- Differences that are exactly 0 are no slip: where both sides do the same operations in the same order, float64 leaves
  nothing. `tests/bench/mutations.py` shows that wrong formulas are noticed.
- TRL and torchtune put the score into the slot after the last token, we and OpenRLHF on the last one. For TRL's lines
  that slot is counted as a token of its own whose KL is 0; torchtune takes the slot as an argument.
- torchtune's `whiten` adds the mean where it should not (and the other way round), so the advantages it returns are
  not looked at; its returns are.
- The policy's clip fraction: we count every ratio outside the trust region, as Stable-Baselines3 does in its training
  loop; TRL, torchtune and OpenRLHF count only those where the clip decides the minimum. Approximate KL: ours is k3,
  TRL's is k2 over padding too, OpenRLHF's is k1.
- TRL and torchtune work out n / (n - 1) of the unbiased variance in float32; 1e-7 in what is whitened comes from that.
- Stable-Baselines3's value loss has another clip, without the larger of the two errors.
- No other program ranks more than two answers in one element; rankings of K answers, ties and both divisors stand in
  `tests/golden/test_worked_by_hand.py` and against a double loop in `tests/rl/test_ranking.py`.
- OpenRLHF's KL estimators clamp to 10 nats; the cases stay within.
"""


def table(name, seeds):
    lines = [f"\n## {name} {metadata.version(name)}\n", "| quantity | cells | largest difference |", "|---|---:|---:|"]
    differences = largest_differences(name, range(seeds))
    lines += [f"| {what} | {cells:,} | {worst:.1e} |" for what, (worst, cells) in differences.items()]
    return "\n".join(lines) + "\n", [worst for worst, _ in differences.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--out", type=Path, default=ROOT / "resources/docs/compared.md")
    args = parser.parse_args()
    missing = [name for name in COMPARISONS if not is_installed(name)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; pyproject.toml says how, at the group compare")
    torch.set_num_threads(1)
    tables, differences = zip(*(table(name, args.seeds) for name in COMPARISONS), strict=True)
    worst = float(torch.tensor([x for those in differences for x in those]).max())  # NaN stays NaN
    head = HEAD.format(seeds=args.seeds, torch=torch.__version__, limit=LIMIT, worst=worst)
    args.out.write_text(head + "".join(tables) + TAIL, encoding="utf-8")
    print(args.out, f"{worst:.1e}")
    return int(not worst < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
