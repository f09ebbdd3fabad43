"""From text and conversations to token ids, and back."""

import json
from collections.abc import Iterator, Sequence
from typing import Literal

from transformers import PreTrainedTokenizerFast

from rlhf_studio.errors import DataError, ModelError
from rlhf_studio.lm.counting import text_tokenizer, whole_tokenizer
from rlhf_studio.lm.template_texts import ROLE_TOKENS, ROLES_TEMPLATE
from rlhf_studio.lm.templates import ModelTemplate, own_template, plain_segments, start_tokens
from rlhf_studio.schema import Turn

_SLICE = 200  # texts per call into the tokenizer, so that other threads get a turn between


class Codec:
    """A tokenizer and a chat template. Special tokens that stand in a person's text stay text.

    Attributes:
        eos_id: Ends every answer and every document.
        pad_id: Fills padded cells; may equal ``eos_id``, since masks tell padding.
        vocab_size: Number of ids the tokenizer knows.
        template_name: "model" if the model brought its own chat template, else "own".
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Take over a tokenizer; without a chat template it gets ours, so that exports carry it.

        Raises:
            ModelError: If the tokenizer has no end-of-text token.
        """
        if tokenizer.eos_token_id is None:
            raise ModelError(
                "The tokenizer has no end-of-text token (eos_token is None), so no answer could ever end. "
                "Name one in tokenizer_config.json, or choose another model."
            )
        self.tokenizer = tokenizer
        self.eos_id: int = tokenizer.eos_token_id
        self.pad_id: int = self.eos_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self.vocab_size = len(tokenizer)
        own = own_template(tokenizer)
        if tokenizer.chat_template is None:
            tokenizer.chat_template = own
        self.template_name: Literal["own", "model"] = "own" if tokenizer.chat_template == own else "model"
        self._has_roles = own == ROLES_TEMPLATE
        self._model_template = ModelTemplate(tokenizer)
        known = tokenizer.get_vocab()
        self._roles = {token: known[token] for token in ROLE_TOKENS if self._has_roles}
        self._start = [known[token] for token in start_tokens(tokenizer)]
        state = json.loads(tokenizer.backend_tokenizer.to_str())
        self._marked = whole_tokenizer(state)
        self._text = text_tokenizer(state, str(tokenizer.chat_template))

    @property
    def _is_plain(self) -> bool:
        return self.template_name == "own" and not self._has_roles

    def encode_text(self, text: str) -> list[int]:
        """Text as a person wrote it: what looks like a special token in it is encoded letter by letter."""
        return list(self._text.encode(text, add_special_tokens=False).ids)

    def encode_prompt(self, turns: Sequence[Turn]) -> list[int]:
        """A conversation through the chat template, up to exactly where the answer begins.

        Raises:
            DataError: If there is no turn, or the last is not a user's, or is blank.
            ModelError: If the model's chat template cannot render it faithfully.
        """
        _check(turns)
        if self.template_name == "model":
            pieces, contents = self._model_template.split(turns)
            ids = list(self._marked.encode(pieces[0], add_special_tokens=False).ids)
            for content, piece in zip(contents, pieces[1:], strict=True):
                ids += self.encode_text(content)
                ids += self._marked.encode(piece, add_special_tokens=False).ids
            return ids
        if self._has_roles:
            return [token_id for turn in turns for token_id in self._encode_turn(turn)]
        first, *rest = (self.encode_text(segment) for segment in plain_segments(turns))
        return self._start + first + [token_id for ids in rest for token_id in (self.eos_id, *ids)]

    def encode_answer(self, text: str) -> list[int]:
        """An answer, closed by end-of-text."""
        return [*self.encode_text(f" {text}" if self._is_plain else text), self.eos_id]

    def encode_documents(self, texts: Sequence[str]) -> list[list[int]]:
        """Many texts at once, each closed by end-of-text."""
        return [ids for part in _slices(texts) for ids in self._encode_batch(part)]

    def encode_marked(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> Iterator[tuple[list[int], list[bool]]]:
        """Documents as ``encode_documents`` gives them, and which of their tokens touch a span.

        Args:
            texts: The documents.
            spans: For each document, beginnings and ends of spans, in characters.
        """
        encodings = self._text.encode_batch(list(texts), add_special_tokens=False)
        for encoding, here in zip(encodings, spans, strict=True):
            touched = [any(begin < end_ and end > begin_ for begin_, end_ in here) for begin, end in encoding.offsets]
            yield [*encoding.ids, self.eos_id], [*touched, False]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's ids; special tokens are left out."""
        text = str(self._marked.decode(list(ids), skip_special_tokens=True))
        return text.removeprefix(" ") if self._is_plain else text

    def _encode_turn(self, turn: Turn) -> list[int]:
        ids = self.encode_text(turn.content)
        user, assistant, system = (self._roles[token] for token in ROLE_TOKENS)
        if turn.role == "user":
            return [user, *ids, assistant]
        return [*ids, self.eos_id] if turn.role == "assistant" else [system, *ids]

    def _encode_batch(self, texts: list[str]) -> list[list[int]]:
        encodings = self._text.encode_batch_fast(texts, add_special_tokens=False)
        return [[*encoding.ids, self.eos_id] for encoding in encodings]


class TextStream:
    """Turns ids that arrive one by one into text; the pieces joined are ``codec.decode`` of all ids."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._ids: list[int] = []
        self._begin = 0  # first id that still shapes what comes: a blank depends on what stands before it
        self._shown = ""  # what ids from there have shown so far

    def push(self, token_id: int) -> str:
        """The text that this id completes; empty while a character is incomplete."""
        self._ids.append(token_id)
        text = self._decode()
        if text.endswith("\ufffd"):
            return ""
        return self._advance(text)

    def flush(self) -> str:
        """What was held back, an incomplete character as U+FFFD."""
        return self._advance(self._decode())

    def _decode(self) -> str:
        return self._codec.decode(self._ids[self._begin :])

    def _advance(self, text: str) -> str:
        piece = text[len(self._shown) :]
        if piece:
            last = len(self._ids) - 1
            self._shown = self._codec.decode(self._ids[last:])
            self._begin = last
        return piece


def _check(turns: Sequence[Turn]) -> None:
    if not turns or not turns[-1].content.strip():
        raise DataError("The prompt is empty (0 characters to answer). Write something for the model to answer.")
    if turns[-1].role != "user":
        raise DataError(
            f"The conversation ends with the turn of the {turns[-1].role}, so there is nothing to answer. "
            "Let it end with a user's turn."
        )


def _slices(texts: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(texts), _SLICE):
        yield list(texts[first : first + _SLICE])
