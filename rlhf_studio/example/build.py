"""Writes the example project's files from the seeded world: ``python -m rlhf_studio.example.build --out DIR``."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlhf_studio.errors import StudioError
from rlhf_studio.example import natural
from rlhf_studio.example.corpus import documents
from rlhf_studio.example.prompts import check_rows, demonstration_rows, example_prompts, guidance, prompt_row

CORPUS_SEED = 1  # of the text that the bundled models were trained on: the sample is part of it
CHARACTERS = {"train": 450_000, "valid": 50_000}  # of each half of the pretraining sample

_NOTICE = """# What is in this folder and where it comes from

- `prompts.jsonl`, `demonstrations.jsonl`, `checks.jsonl`, `guidance.json`: written for RLHF Studio, under its licence.
- `pretraining.jsonl`, rows with the source `tales`: written by RLHF Studio's own generator, under its licence.
- `pretraining.jsonl`, rows with the source `chitchat-dataset`: short pieces of conversations from the package
  chitchat-dataset {version} (https://github.com/BYU-PCCL/chitchat-dataset), filtered. Its licence:

{licence}
"""


def sample_rows(dataset: Path) -> Iterator[dict[str, str]]:
    """Yield the pretraining sample: half generated documents, half natural dialogue; a tenth of each is held out.

    All of it is of the bundled models' pretraining mix: what is for training they were trained on, and what is held out
    was held out there too.
    """
    room = dict(CHARACTERS)
    for document in documents(CORPUS_SEED, None):
        split = "valid" if natural.is_held_out(document.text) else "train"
        if room[split] > 0:
            room[split] -= len(document.text)
            yield {"text": document.text, "split": split, "source": "tales"}
        if max(room.values()) <= 0:
            break
    for text, split in natural.dialogues(dataset, CORPUS_SEED, CHARACTERS):
        yield {"text": text, "split": split, "source": natural.SOURCE}


def build(out: Path, dataset: Path) -> dict[str, int]:
    """Write all files into a folder and return the number of rows of each."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "guidance.json").write_text(json.dumps(guidance(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "NOTICE.md").write_text(_notice(dataset), encoding="utf-8")
    return {
        "prompts": _write(out / "prompts.jsonl", map(prompt_row, example_prompts())),
        "demonstrations": _write(out / "demonstrations.jsonl", demonstration_rows()),
        "checks": _write(out / "checks.jsonl", check_rows()),
        "pretraining": _write(out / "pretraining.jsonl", sample_rows(dataset)),
    }


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def _notice(dataset: Path) -> str:
    info = next(dataset.parent.parent.glob(f"{natural.PACKAGE}-*.dist-info"))
    licence = next(info.rglob("LICENSE")).read_text(encoding="utf-8").strip()
    version = info.name.removeprefix(f"{natural.PACKAGE}-").removesuffix(".dist-info")
    return _NOTICE.format(version=version, licence="\n".join(f"  > {line}".rstrip() for line in licence.splitlines()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the example project's files."""
    parser = argparse.ArgumentParser(prog="python -m rlhf_studio.example.build", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    chosen = parser.parse_args(arguments)
    try:
        counts = build(chosen.out, natural.dataset_file())
    except StudioError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stderr.write(", ".join(f"{count} {name}" for name, count in counts.items()) + f" written to {chosen.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
