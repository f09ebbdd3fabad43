"""The closed list of facts: everything that is always true in the example world, each in several wordings."""

from dataclasses import dataclass

from rlhf_studio.example.wording import sections, with_article
from rlhf_studio.example.world import KINDS, NUMBERS, UNCOUNTED


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is always true in this world.

    statements are clauses without capital and full stop; questions have both; answer is the bare answer.
    """

    relation: str
    subject: str
    answer: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]


def _after(word: str, lines: list[str]) -> list[str]:
    return [line.removeprefix(word) for line in lines if line.startswith(word)]


def _table_facts(relation: str, lines: list[str]) -> list[Fact]:
    say, ask = _after("say ", lines), _after("ask ", lines)
    table = " ".join(line for line in lines if not line.startswith(("say ", "ask ")))
    found = []
    for pair in table.split(","):
        subject, answer = (part.strip() for part in pair.split("="))
        slots = {"s": subject, "o": answer, "unit": answer.rpartition(" ")[2]}
        bare = f"to {answer}" if relation == "use" else answer
        clauses, questions = (tuple(text.format_map(slots) for text in texts) for texts in (say, ask))
        found.append(Fact(relation, subject, bare, clauses, questions))
    return found


def _written_facts(lines: list[str]) -> list[Fact]:
    found = []
    for line in lines:
        questions, answer, clauses = (part.strip() for part in line.split(" / "))
        ask, say = tuple(questions.split("; ")), tuple(clauses.split("; "))
        found.append(Fact("single", ask[0], answer, say, ask))
    return found


def _sums() -> list[Fact]:
    found = []
    for left in range(1, 8):
        for right in range(1, 8):
            one, two, total = NUMBERS[left], NUMBERS[right], NUMBERS[left + right]
            say = (f"{one} plus {two} is {total}", f"{one} and {two} make {total}")
            ask = (f"What is {one} plus {two}?", f"How much is {one} plus {two}?")
            found.append(Fact("sum", f"{one} plus {two}", total, say, ask))
    return found


def _order() -> list[Fact]:
    found = []
    for kind in ("day of the week", "month"):
        names, word = KINDS[kind], kind.split()[0]
        for here, then in zip(names, names[1:] + names[:1], strict=True):
            say = (f"{then} comes after {here}", f"after {here} comes {then}", f"{here} comes before {then}")
            ask = (f"Which {word} comes after {here}?", f"What {word} comes after {here}?")
            found.append(Fact("order", here, then, say, ask))
    return found


def _kinds() -> list[Fact]:
    found = []
    for kind, members in KINDS.items():
        if kind in ("animal", "job", "number", "room", "day of the week", "month"):
            continue
        for member in members:
            thing = member if kind in UNCOUNTED else with_article(member)
            second = f"{thing} is one kind of {kind}" if " " not in kind else f"we call {thing} {with_article(kind)}"
            say = (f"{thing} is {with_article(kind)}", second)
            ask = (f"What is {thing}?", f"What kind of thing is {thing}?")
            found.append(Fact("kind", thing, with_article(kind), say, ask))
    return found


def all_facts() -> tuple[Fact, ...]:
    """Return the closed list, in a fixed order."""
    found: list[Fact] = []
    for name, lines in sections("facts"):
        found += _written_facts(lines) if name == "single" else _table_facts(name, lines)
    return (*found, *_sums(), *_order(), *_kinds())


FACTS = all_facts()
