"""Checks files given by name: text ends with one newline, no line with a space, and nothing large outside models/."""

import sys
from pathlib import Path

LARGEST = 500_000
LARGER = {  # of the example project: the pretraining sample, the prompts and the rankings
    "resources/example/pretraining.jsonl": 2_000_000,
    "resources/example/checks.jsonl": 1_000_000,
    "resources/example/prompts.jsonl": 1_500_000,
    "resources/example/rankings.jsonl": 2_000_000,
}


def faults(path):
    """What is wrong with one file."""
    found = []
    size, limit = path.stat().st_size, LARGER.get(path.as_posix(), LARGEST)
    if size > limit and path.parts[0] != "models":
        found.append(f"is {size:,} bytes; more than {limit:,} belongs into models/ or nowhere")
    content = path.read_bytes()
    is_saved_model = path.parts[0] == "models" and path.suffix != ".md"  # as the libraries write them
    if b"\0" in content or not content or is_saved_model:  # or binary, or empty
        return found
    if not content.endswith(b"\n") or content.endswith(b"\n\n"):
        found.append("should end with exactly one newline")
    spaced = [n for n, line in enumerate(content.split(b"\n"), 1) if line.endswith((b" ", b"\t"))]
    if spaced:
        found.append(f"has trailing space in line {spaced[0]}")
    if b"\r\n" in content:
        found.append("has Windows line ends")
    return found


def main(names):
    wrong = [f"{name} {fault}" for name in names if Path(name).is_file() for fault in faults(Path(name))]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
