"""How a conversation becomes text for a model: its own chat template, or ours."""

from collections.abc import Iterable, Sequence

from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerFast

from rlhf_studio.errors import ModelError
from rlhf_studio.lm.template_texts import PLAIN_TEMPLATE, ROLE_TOKENS, ROLES_TEMPLATE
from rlhf_studio.schema import Turn

_EDGE = "\u2003"  # blank to every trim, and in no template: tells whether contents are trimmed


def own_template(tokenizer: PreTrainedTokenizerFast) -> str:
    """The template of ours that suits a tokenizer, as Jinja; it begins like any text this tokenizer encodes."""
    known = tokenizer.get_added_vocab()
    if all(token in known for token in ROLE_TOKENS):
        return ROLES_TEMPLATE
    return "".join(start_tokens(tokenizer)) + PLAIN_TEMPLATE


def start_tokens(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Special tokens that this tokenizer puts before every text."""
    special = set(tokenizer.all_special_ids)
    found: list[str] = []
    for token_id in tokenizer.encode("x"):
        if token_id not in special:
            break
        found.append(str(tokenizer.convert_ids_to_tokens(token_id)))
    return found


def plain_segments(turns: Iterable[Turn]) -> list[str]:
    """What ``PLAIN_TEMPLATE`` writes, cut where end-of-text stands."""
    segments = [""]
    for turn in turns:
        if turn.role == "user":
            segments[-1] += f"User: {turn.content}\n\nAssistant:"
        elif turn.role == "assistant":
            segments[-1] += f" {turn.content}"
            segments.append("")
        else:
            segments[-1] += f"{turn.content}\n\n"
    return segments


class ModelTemplate:
    """A model's own chat template, split into what it writes itself and where the messages' contents go."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._seen: dict[tuple[str, ...], tuple[tuple[str, ...], tuple[bool, ...]]] = {}

    def split(self, turns: Sequence[Turn]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The template's pieces, one more than there are turns, and the contents between them.

        Raises:
            ModelError: If the template refuses these roles, or drops, repeats or changes what is said.
        """
        roles = tuple(turn.role for turn in turns)
        if roles not in self._seen:
            self._seen[roles] = self._analyse(roles)
        pieces, trims = self._seen[roles]
        contents = (turn.content.strip() if trim else turn.content for turn, trim in zip(turns, trims, strict=True))
        return pieces, tuple(contents)

    def _analyse(self, roles: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[bool, ...]]:
        marks = [f"StudioTurn{i}Mark" for i in range(len(roles))]
        rest = self._render([(role, f"{_EDGE}{mark}{_EDGE}") for role, mark in zip(roles, marks, strict=True)])
        pieces, trims = [], []
        for i, mark in enumerate(marks):
            if rest.count(mark) != 1:
                raise _unfaithful(roles[i], rest.count(mark))
            piece, _, rest = rest.partition(mark)
            edges = piece.endswith(_EDGE) + rest.startswith(_EDGE)
            if edges == 1:
                raise _unfaithful(roles[i], 1)
            pieces.append(piece.removesuffix(_EDGE))
            rest = rest.removeprefix(_EDGE)
            trims.append(edges == 0)
        return (*pieces, rest), tuple(trims)

    def _render(self, messages: Iterable[tuple[str, str]]) -> str:
        conversation = [{"role": role, "content": content} for role, content in messages]
        try:
            return str(self._tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True))
        except (TemplateError, ValueError, TypeError, KeyError, AttributeError) as error:
            roles = ", ".join(message["role"] for message in conversation)
            raise ModelError(
                f"The model's chat template refuses a conversation of {roles}: {error}. "
                "Change the conversation, or remove the chat template from the model's folder."
            ) from error


def _unfaithful(role: str, count: int) -> ModelError:
    what = "drops it" if count == 0 else "changes or moves it" if count == 1 else f"writes it {count} times"
    return ModelError(
        f"The model's chat template does not pass a {role} message on as it is: it {what}. "
        "Leave such messages out, or remove the chat template from the model's folder."
    )
