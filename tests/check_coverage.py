"""Compares a coverage report (coverage json) with the floor of each room: ``check_coverage.py coverage.json``."""

import json
import sys
from pathlib import Path

FLOORS = {
    "rl": 100,
    "schema": 100,
    "events": 100,
    "store": 95,
    "train": 95,
    "jobs": 95,
    "stats": 95,
    "lm": 90,
    "ui": 80,
}


def shares(report):
    """Covered lines and branches of each room, in percent."""
    done, total = {}, {}
    for name, entry in report["files"].items():
        parts = Path(name.replace("\\", "/")).parts
        room = Path(parts[parts.index("rlhf_studio") + 1]).stem
        summary = entry["summary"]
        done[room] = done.get(room, 0) + summary["covered_lines"] + summary.get("covered_branches", 0)
        total[room] = total.get(room, 0) + summary["num_statements"] + summary.get("num_branches", 0)
    return {room: 100 * done[room] / total[room] for room in total if total[room]}


def main(path):
    by_room = shares(json.loads(Path(path).read_text(encoding="utf-8")))
    failed = []
    for room, share in sorted(by_room.items()):
        floor = FLOORS.get(room)
        print(f"{room:<10} {share:6.1f} %" + (f"  (floor {floor} %)" if floor else ""))
        if floor and share < floor:
            failed.append(room)
    failed += [room for room in FLOORS if room not in by_room]
    if failed:
        print(f"below their floor: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
