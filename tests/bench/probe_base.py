"""What a base model knows and can do, before any fine-tuning: facts, copying, looking up, free text.

    python tests/bench/probe_base.py [MODEL_FOLDER]

Every probe is teacher-forced: an item counts if the model's likeliest next token is right at each token of the
expected words, given all that comes before. The passages are drawn with a seed that the pretraining text never used.
"""

import argparse
import random
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf_studio.example import world
from rlhf_studio.example.facts import FACTS
from rlhf_studio.example.passages import write_passage
from rlhf_studio.example.wording import capital
from rlhf_studio.paths import models_dir

SEED = "probe"
_STARTS = ("One day Mia", "The old man looked at", "I think that", "Three fruits are", "What is the capital of Italy?")

Item = tuple[str, str]  # what the model reads, and the words that must follow


def fact_items() -> list[Item]:
    """Each fact once, in a wording that ends with its answer."""
    items = []
    for fact in FACTS:
        wording = next((text for text in fact.statements if text.endswith(" " + fact.answer)), None)
        if wording:
            items.append((capital(wording[: -len(fact.answer) - 1]), f" {fact.answer}."))
    return items


def question_items() -> list[Item]:
    """Each such fact as a question with its short answer; hard, for the base also sees whole sentences as answers."""
    items = []
    for fact in FACTS:
        wording = next((text for text in fact.statements if text.endswith(" " + fact.answer)), None)
        if wording:
            lead = capital(wording[: -len(fact.answer) - 1])
            items.append((f"{fact.questions[0]} {lead}", f" {fact.answer}."))
    return items


def lookup_items(people: int, count: int, *, ask_name: bool = False) -> list[Item]:
    """Passages about so many people or things with a question; the value must follow, or the asked name itself.

    All on one line: there the pretraining text always answers in a whole sentence, which begins with the name.
    """
    rng = random.Random(f"{SEED}/{people}/{ask_name}")
    items: list[Item] = []
    while len(items) < count:
        passage = write_passage(rng, count=people)
        question = passage.questions[0]
        name = next((subject for subject in passage.subjects if subject in question.ask), None)
        if name is None or name not in question.full or question.key not in question.full:
            continue  # asked backwards: who has the hat?
        wanted = name if ask_name else question.key
        before, _, _ = question.full.partition(wanted)
        items.append((f"{passage.text} {question.ask} {before}".rstrip(), f" {wanted}"))
    return items


def list_items(count: int) -> list[Item]:
    """Five random words, then the same again; after the first word all others must follow."""
    rng = random.Random(SEED)
    words = [*world.THINGS, *world.ANIMALS, *world.FOODS]
    items = []
    for _ in range(count):
        row = rng.sample(words, 5)
        items.append((f"{' '.join(row)}, {' '.join(row)}, {row[0]}", " " + " ".join(row[1:])))
    return items


class Prober:
    """A model that answers whether expected words are its own first choice."""

    def __init__(self, folder: Path) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def ids(self, text: str) -> list[int]:
        return [self.tokenizer.eos_token_id, *self.tokenizer.encode(text, add_special_tokens=False)]

    @torch.no_grad()
    def share(self, items: list[Item]) -> float:
        """Share of items whose expected words are the model's first choice throughout."""
        right = 0
        for before, after in items:
            ids, known = self.ids(before + after), len(self.ids(before))
            choice = self.model(torch.tensor([ids])).logits[0].argmax(-1).tolist()
            right += choice[known - 1 : -1] == ids[known:]
        return right / len(items)

    @torch.no_grad()
    def write(self, start: str, tokens: int, *, temperature: float) -> str:
        generator = torch.Generator().manual_seed(0)
        ids = self.ids(start)
        for _ in range(tokens):
            logits = self.model(torch.tensor([ids])).logits[0, -1]
            if temperature:
                probabilities = torch.softmax(logits / temperature, 0)
                ids.append(int(torch.multinomial(probabilities, 1, generator=generator)))
            else:
                ids.append(int(logits.argmax()))
        return str(self.tokenizer.decode(ids[1:])).replace("<|endoftext|>", " / ").replace("\n", " | ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--items", type=int, default=200, help="passages per probe")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    prober = Prober(chosen.model or models_dir() / "tiny")
    probes = {
        "facts known (statement)": fact_items(),
        "facts known (after the question)": question_items(),
        "copies the asked name": lookup_items(3, chosen.items, ask_name=True),
        "looks up, 1 person": lookup_items(1, chosen.items),
        "looks up, 2 people": lookup_items(2, chosen.items),
        "looks up, 3 people": lookup_items(3, chosen.items),
        "repeats a list of words": list_items(chosen.items),
    }
    print("| probe | items | right |\n|---|---|---|")
    for name, items in probes.items():
        print(f"| {name} | {len(items)} | {prober.share(items):.1%} |", flush=True)
    for start in _STARTS:
        print(f"\ngreedy: {prober.write(start, 40, temperature=0)}\nT=0.8:  {prober.write(start, 40, temperature=0.8)}")


if __name__ == "__main__":
    main()
