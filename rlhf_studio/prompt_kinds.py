"""The kinds of prompts that InstructGPT's labelers wrote (appendix A.1), as prompts of this program.

Plain: any task. Few-shot: an instruction with K pairs of query and answer, which makes K examples: each pair's query is
asked once, with the other K - 1 pairs before it, and its own answer is the demonstration. User-based: prompts that are
written for the description of a use case. A prompt may also be a conversation that ends with a user's turn.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewPrompt, Purpose, Turn, UseCase

MIN_PAIRS = 2
ALL_PURPOSES: frozenset[Purpose] = frozenset({"demonstrate", "rank", "ppo"})
_GAP = "\n\n"


@dataclass(frozen=True, slots=True)
class Shot:
    """One query and its answer."""

    query: str
    answer: str


@dataclass(frozen=True, slots=True)
class ShotLayout:
    """How pairs are written into a prompt; the paper refers to Brown et al. (2020), whose layouts differ by task.

    Ours is ``Input: ...`` and ``Output: ...``, a blank line between the pairs; an empty label leaves the text alone.
    """

    query_label: str = "Input:"
    answer_label: str = "Output:"
    is_on_own_line: bool = False  # whether a label stands above its text and not before it

    def pair(self, shot: Shot) -> str:
        """A pair in the context."""
        return "\n".join((self._labeled(self.query_label, shot.query), self._labeled(self.answer_label, shot.answer)))

    def question(self, query: str) -> str:
        """The query that is asked, up to where its answer begins."""
        lines = [self._labeled(self.query_label, query)]
        if self.answer_label.strip():
            lines.append(self.answer_label.strip())
        return "\n".join(lines)

    def _labeled(self, label: str, text: str) -> str:
        label, text = label.strip(), text.strip()
        return (label + ("\n" if self.is_on_own_line else " ") + text) if label else text


@dataclass(frozen=True, slots=True)
class FewShotExample:
    """A prompt made of K - 1 pairs and one query, and the answer that belongs to it."""

    prompt: NewPrompt
    answer: str


def few_shot_examples(
    instruction: str,
    shots: Sequence[Shot],
    layout: ShotLayout | None = None,
    *,
    use_case: UseCase = "other",
    author: str = "",
    purposes: Collection[Purpose] = ALL_PURPOSES,
) -> tuple[FewShotExample, ...]:
    """Each of the K pairs asked once, the others before it in the order given; all of one family.

    Raises:
        DataError: If the instruction is empty, there are fewer than two pairs, one has no query or no answer, or two
            have the same query, so that one would give the other's answer away.
    """
    check_shots(instruction, shots)
    layout = layout or ShotLayout()
    family = _family(instruction, shots)
    examples = []
    for place, shot in enumerate(shots):
        context = [layout.pair(other) for number, other in enumerate(shots) if number != place]
        text = _GAP.join((instruction.strip(), *context, layout.question(shot.query)))
        prompt = NewPrompt(
            (Turn("user", text),), use_case, "few_shot", frozenset(purposes), author=author, family=family
        )
        examples.append(FewShotExample(prompt, shot.answer.strip()))
    return tuple(examples)


def check_shots(instruction: str, shots: Sequence[Shot]) -> None:
    """Refuse what makes no few-shot examples; see ``few_shot_examples``."""
    if not instruction.strip():
        raise DataError("The instruction is empty. Write what is to be done with each query.")
    if len(shots) < MIN_PAIRS:
        raise DataError(f"Few-shot examples need at least {MIN_PAIRS} pairs, but the set has {len(shots)}. Add a pair.")
    asked: dict[str, int] = {}
    for number, shot in enumerate(shots, start=1):
        for text, name in ((shot.query, "query"), (shot.answer, "answer")):
            if not text.strip():
                raise DataError(f"Pair {number} has no {name}. Write one, or remove the pair.")
        key = " ".join(shot.query.split()).casefold()
        if key in asked:
            raise DataError(f"Pairs {asked[key]} and {number} have the same query. Change one, or remove it.")
        asked[key] = number


def user_based_prompts(
    brief: str,
    texts: Sequence[str],
    *,
    use_case: UseCase = "other",
    author: str = "",
    purposes: Collection[Purpose] = ALL_PURPOSES,
) -> tuple[NewPrompt, ...]:
    """A prompt of each text, with the description of the use case beside it; blank texts are left out.

    Raises:
        DataError: If the description is empty, there is no text, or two are the same.
    """
    if not brief.strip():
        raise DataError("The use case is not described. Write who needs what, without naming anybody.")
    written = [text.strip() for text in texts if text.strip()]
    if not written:
        raise DataError("There is no prompt for this use case. Write at least one.")
    twice = next((text for text in written if written.count(text) > 1), None)
    if twice is not None:
        raise DataError(f"Two prompts are the same ({twice[:40]!r}). Change one, or empty it.")
    return tuple(
        NewPrompt(
            (Turn("user", text),), use_case, "user_based", frozenset(purposes), author=author, brief=brief.strip()
        )
        for text in written
    )


def conversation_prompt(
    turns: Sequence[Turn],
    *,
    use_case: UseCase = "chat",
    author: str = "",
    purposes: Collection[Purpose] = ALL_PURPOSES,
) -> NewPrompt:
    """A conversation as one prompt.

    Raises:
        DataError: If it does not begin with a user's turn (a system's may stand before it), two turns of one speaker
            follow each other, it does not end with a user's turn, or a turn is empty.
    """
    spoken = tuple(Turn(turn.role, turn.content.strip()) for turn in turns)
    for number, turn in enumerate(spoken, start=1):
        if not turn.content:
            raise DataError(f"Turn {number} ({turn.role}) is empty. Write it, or remove it.")
        if turn.role == "system" and number > 1:
            raise DataError(f"Turn {number} is the system's. The system speaks first, or not at all.")
    people = [turn.role for turn in spoken if turn.role != "system"]
    if not people or people[-1] != "user":
        raise DataError("The conversation must end with a turn of the person, which the model then answers.")
    for place, role in enumerate(people):
        if role != ("user", "assistant")[place % 2]:
            number = place + 1 + (len(spoken) - len(people))
            raise DataError(f"Turn {number} is the {role}'s again. Person and assistant take turns; the person begins.")
    return NewPrompt(spoken, use_case, purposes=frozenset(purposes), author=author)


def _family(instruction: str, shots: Sequence[Shot]) -> str:
    """The same for the same instruction and pairs, so that making them twice tears nothing apart."""
    parts = [instruction.strip(), *(part.strip() for shot in shots for part in (shot.query, shot.answer))]
    text = "\0".join(parts)
    return f"few-shot {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
