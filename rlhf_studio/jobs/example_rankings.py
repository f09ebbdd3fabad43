"""Makes the example project's rankings: an SFT model's own answers, ordered by a scripted labeler.

Run ``python -m rlhf_studio.jobs.example_rankings --files resources/example --base models/small models/tiny`` after a
base model or the demonstrations have changed. It trains SFT on each base as the demo does, samples answers to the
prompts that are for ranking, from each model by turns, and writes ``rankings.jsonl`` (marked as simulated) and
``queue.jsonl`` (for a newcomer to rank).
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlhf_studio.errors import RunError, StudioError
from rlhf_studio.events import RunFinished
from rlhf_studio.example.checks import Rule
from rlhf_studio.example.prompts import read_rules
from rlhf_studio.example.rubric import RUBRICS, scripted_rankings
from rlhf_studio.jobs.recipes import drive, start_project_run
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.sampling import SampledAnswer, sample_many
from rlhf_studio.schema import RunSpec, Sampling, Turn
from rlhf_studio.store.bundle import import_example
from rlhf_studio.store.project import create_project
from rlhf_studio.train.control import RunControl

SIZES = (4, 5, 4, 6, 4, 7, 4, 9)  # K by turns: mostly four, as many as the paper's nine
QUEUE_EVERY = 8  # every eighth prompt's answers stay unranked


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """K different answers to one prompt."""

    key: str
    text: str
    answers: tuple[dict[str, Any], ...]


def train_sft_model(files: Path, base: Path, folder: Path, settings: Mapping[str, Any]) -> Path:
    """Train SFT on the example's demonstrations in a project of its own; returns the folder of the model.

    Raises:
        RunError: If the run does not complete.
    """
    bare = folder / "files"
    left_out = shutil.ignore_patterns("rankings.jsonl", "queue.jsonl")
    shutil.copytree(files, bare, ignore=left_out)
    with create_project(folder / "project", "Example rankings") as store:
        import_example(store, bare)
        run = start_project_run(store, RunSpec("sft", dict(settings), {"base": str(base.absolute())}, "SFT"))
        for event in drive(run, RunControl()):
            if isinstance(event, RunFinished) and event.outcome != "completed":
                raise RunError(f"SFT of the example did not complete: {event.message}")
        return run.path / "models" / "policy"


def sample_sets(
    lm: LanguageModel, prompts: Sequence[Mapping[str, Any]], sampling: Sampling, model: str
) -> list[AnswerSet]:
    """Draw K answers to each prompt, K by turns. Empty ones and those that stayed equal to another are left out, and
    with them prompts that have fewer than four different answers.
    """
    sizes = {row["key"]: SIZES[i % len(SIZES)] for i, row in enumerate(prompts)}
    answers: dict[str, tuple[dict[str, Any], ...]] = {}
    for k in sorted(set(sizes.values())):
        rows = [row for row in prompts if sizes[row["key"]] == k]
        turns = [[Turn(**turn) for turn in row["turns"]] for row in rows]
        for row, sampled in zip(rows, sample_many(lm, turns, k, sampling), strict=True):
            kept = [answer for answer in sampled if answer.text.strip() and not answer.is_duplicate]
            answers[row["key"]] = tuple(_completion(answer, sampling, model) for answer in kept)
    sets = [AnswerSet(row["key"], row["turns"][-1]["content"], answers[row["key"]]) for row in prompts]
    return [one for one in sets if len(one.answers) >= min(SIZES)]


def _completion(answer: SampledAnswer, sampling: Sampling, model: str) -> dict[str, Any]:
    return {
        "text": answer.text,
        "token_ids": list(answer.token_ids),
        "is_finished": answer.is_finished,
        "model": model,
        "sampling": asdict(sampling),
    }


def ranking_rows(
    sets: Sequence[AnswerSet], *, rubric: str, noise: float, seed: int, rules: Mapping[str, Rule] | None = None
) -> list[dict[str, Any]]:
    """Rows of ``rankings.jsonl``; a set whose answers the labeler finds equally good is left out.

    rules, by the text of the prompt, tell the labeler which answers are right.
    """
    known = rules or {}
    plain = [
        {"prompt": s.key, "text": s.text, "answers": [a["text"] for a in s.answers], "rule": known.get(s.text)}
        for s in sets
    ]
    rows = []
    for one, ranked in zip(sets, scripted_rankings(plain, RUBRICS[rubric], noise, seed), strict=True):
        if len(ranked["tiers"]) > 1:
            row = {
                "prompt": one.key,
                "completions": list(one.answers),
                "tiers": ranked["tiers"],
                "shown_order": list(range(len(one.answers))),
                "labeler": ranked["labeler"],
                "simulated": True,
            }
            rows.append(row)
    return rows


def build(files: Path, bases: Sequence[Path], *, rubric: str, noise: float, seed: int, sets: int) -> str:
    """Write both files, up to ``sets`` rankings of each prompt, which come from the SFT models of the bases by turns;
    the queue comes from the first one. Returns a sentence about what was written.
    """
    rows = [json.loads(line) for line in (files / "prompts.jsonl").read_text(encoding="utf-8").splitlines()]
    prompts = [row for row in rows if "rank" in row["purposes"]]
    models = []
    for base in bases:
        with tempfile.TemporaryDirectory() as folder:
            models.append(load_language_model(train_sft_model(files, base, Path(folder), {"threads": 1})))
    drawn = []
    for i in range(sets):
        turn = i % len(bases)
        drawn.append(sample_sets(models[turn], prompts, Sampling(seed=seed + i), f"{bases[turn].name}-sft"))
    queued = drawn[0][QUEUE_EVERY - 1 :: QUEUE_EVERY]
    waiting = {one.key for one in queued}
    ranked, rules = [], read_rules(files)
    for i, group in enumerate(drawn):
        mine = [one for one in group if one.key not in waiting]
        ranked += ranking_rows(mine, rubric=rubric, noise=noise, seed=seed + i, rules=rules)
    _write(files / "rankings.jsonl", ranked)
    _write(files / "queue.jsonl", [{"prompt": s.key, "completions": list(s.answers)} for s in queued])
    return f"{len(ranked)} rankings and {len(queued)} sets to rank written to {files}"


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def main() -> int:
    """Read the command line and build; the exit status is 0, or the error's."""
    parser = argparse.ArgumentParser(description="Make the example project's rankings.")
    parser.add_argument("--files", type=Path, required=True, help="folder of prompts.jsonl and demonstrations.jsonl")
    parser.add_argument("--base", type=Path, nargs="+", required=True, help="folders of the base models")
    parser.add_argument("--rubric", choices=sorted(RUBRICS), default="happy", help="what the labeler likes")
    parser.add_argument("--noise", type=float, default=0.1, help="share of pairs ranked the wrong way round")
    parser.add_argument("--sets", type=int, default=3, help="rankings of each prompt, each of other answers")
    parser.add_argument("--seed", type=int, default=0, help="of the sampling and the labeler")
    args = parser.parse_args()
    try:
        options = {"rubric": args.rubric, "noise": args.noise, "seed": args.seed, "sets": args.sets}
        sys.stdout.write(build(args.files, args.base, **options) + "\n")
    except StudioError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
