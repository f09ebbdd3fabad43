"""Makes the bundled base models again: the texts, both runs, the probes and the card.

    python tests/bench/make_base.py tiny --corpus FOLDER --work FOLDER --out models/tiny
    python tests/bench/make_base.py small --corpus FOLDER --work FOLDER --out models/small

FOLDER of the corpus holds standardebooks, tatoeba, chitchat, african_storybook and chatterbot (.txt.gz). The first run
learns running text; the second goes on with it and with text whose answers are marked (``--kinds asked``), which is
what teaches looking up. An interrupted run goes on when the same command is given again. On an H100, two models at a
time, the runs took four minutes each; on two cores without a GPU expect the best part of a day for ``small``.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from rlhf_studio.example import corpus

ROOT = Path(__file__).resolve().parents[2]
SIZES = {
    "tiny": "--hidden-size 128 --layers 4 --heads 4 --feed-forward 344 --vocab-size 2048 --batch-tokens 8192 "
    "--tokens 38000000 --no-induction-start",
    "small": "--hidden-size 256 --layers 4 --heads 8 --feed-forward 608 --vocab-size 4096 --batch-tokens 16384 "
    "--tokens 70000000 --induction-start",
}
SECOND = {"tiny": "--batch-tokens 8192 --tokens 40000000", "small": "--batch-tokens 16384 --tokens 72000000"}
GO_ON = (
    "--matrix-rate 0.006 --learning-rate 0.001 --warmup-share 0.02 --decay-share 0.8 --final-rate 0.02 "
    "--no-induction-start --drill-steps-share 0 --repeat-share 0.03 --pairs-share 0.05"
)
NATURAL = {  # name: (file, how it is cut, weight in the first and in the second run)
    "novels": ("standardebooks", "joined", 20, 16),
    "tatoeba": ("tatoeba", "line", 12, 8),
    "chitchat": ("chitchat", "blank", 10, 9),
    "african": ("african_storybook", "blank", 3.5, 2.5),
    "chatterbot": ("chatterbot", "blank", 0.5, 0.5),
}
MADE = {  # file: (seed, million characters, kinds)
    "tales-1": (1, 150, ""),
    "tales-2": (1, 70, ""),
    "asked": (2, 20, "asked"),
}
NOTES = """\
It was never shown an instruction or a template of demonstrations. It is a Llama with tied embeddings and a byte-level
BPE; weights are float16, and it opens with `AutoModelForCausalLM.from_pretrained`, without code of ours. Licence: MIT,
as the project; the texts' own below.

| source | what |
|---|---|
| novels | 34 novels for children and classics, 1860-1926; texts in the public domain, editions CC0 (Standard Ebooks) |
| tatoeba | short everyday sentences; CC BY 2.0 FR (Tatoeba) |
| chitchat | small talk, "A:" / "B:"; MIT (PyPI chitchat-dataset, Brigham Young University) |
| african | picture-book stories; CC BY 4.0 (African Storybook, global-asp) |
| chatterbot | short questions and answers; BSD (PyPI chatterbot-corpus) |
| tales, asked | seeded text of this project's own generator, `rlhf_studio.example.corpus`; MIT |

In `asked` only the marked answers are learned, and every row of a batch weighs the same however few they are, so words
that must be looked up or known weigh much. (When the first run was made, every token weighed the same, not every row.)
Documents are held out by their hash (1.5 %) and never trained on. Curly quotation marks, dashes and special spaces
became ASCII. The role tokens do not occur in the text; at the end they were set to read like a newline but to be 8 nats
less likely than one.

## What it can do before any fine-tuning

`python tests/bench/probe_base.py models/{name}` (teacher-forced: the likeliest next token is right at every token of
the expected words; passages drawn with a seed that no text used):

{probe}

## How it was made

`python tests/bench/make_base.py {name} --corpus FOLDER --work FOLDER --out models/{name}`, which runs these two:

```
{first}

{second}
```

The model in this folder was made by these commands on an H100 in about four minutes each (float32 with TF32 matrix
products, torch 2.11). On another machine the figures will be close, the file will not be the same.
"""


def texts(folder: Path, corpus_folder: Path, run: int) -> list[str]:
    """The ``--text`` options of a run; writes the generated files that are not there yet."""
    for name, (seed, megabytes, kinds) in MADE.items():
        path = folder / f"{name}.txt"
        if not path.exists():
            corpus.main([f"--out={path}", f"--seed={seed}", f"--megabytes={megabytes}", f"--kinds={kinds}"])
    found = [
        f"{name}={corpus_folder / file}.txt.gz:{weights[run]}:{cut}" for name, (file, cut, *weights) in NATURAL.items()
    ]
    found.append(f"tales={folder / f'tales-{run + 1}.txt'}:{(54, 40)[run]}")
    return [*found, f"asked={folder / 'asked.txt'}:34:asked"] if run else found


def command(name: str, work: Path, corpus_folder: Path, run: int) -> list[str]:
    """The arguments of the first (0) or second (1) run."""
    out = work / f"{name}-{run + 1}"
    given = SIZES[name] if run == 0 else f"--from {work / f'{name}-1'} {SECOND[name]} {GO_ON}"
    options = [part for text in texts(work, corpus_folder, run) for part in ("--text", text)]
    return ["pretrain", "--out", str(out), *options, *given.split()]


def shown(arguments: list[str], folders: dict[str, str]) -> str:
    """A command as a card shows it, without the folders of one machine."""
    text = "rlhf-studio " + shlex.join(arguments)
    for folder, word in folders.items():
        text = text.replace(folder, word)
    return text.replace(" --text", " \\\n  --text")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(SIZES))
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    chosen.work.mkdir(parents=True, exist_ok=True)
    runs = [command(chosen.name, chosen.work, chosen.corpus, run) for run in (0, 1)]
    for arguments in runs:
        if not Path(arguments[2], "model.safetensors").exists():
            subprocess.run([sys.executable, "-m", "rlhf_studio", *arguments], check=True)
    chosen.out.mkdir(parents=True, exist_ok=True)
    made = Path(runs[1][2])
    for file in made.iterdir():
        if file.is_file():
            (chosen.out / file.name).write_bytes(file.read_bytes())
    write_card(chosen.name, chosen.out, made.parent / f"{chosen.name}-1", [
        shown(arguments, {str(chosen.corpus): "CORPUS", str(chosen.work): "WORK"}) for arguments in runs
    ])  # fmt: skip


def write_card(name: str, out: Path, first: Path, commands: list[str]) -> None:
    """Put notes, probes and both runs' own cards together."""
    probe = [sys.executable, str(ROOT / "tests" / "bench" / "probe_base.py"), str(out)]
    table = subprocess.run(probe, check=True, capture_output=True, text=True).stdout.split("\n\n")[0]
    notes = NOTES.format(name=name, probe=table, first=commands[0], second=commands[1])
    cards = [(folder / "README.md").read_text(encoding="utf-8") for folder in (first, out)]
    title = cards[1].split("\n", 1)[0].removeprefix("# ")
    runs = [card[card.index("## Text") :].replace("\n## ", "\n### ").removeprefix("## ") for card in cards]
    parts = [f"# {name}: {title[0].lower()}{title[1:]}\n", notes]
    parts += [f"## {word} run\n\n### {run}" for word, run in zip(("First", "Second"), runs, strict=True)]
    (out / "README.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
