"""Makes a byte-level BPE tokenizer from text."""

import re
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast as FastTokenizer

from rlhf_studio.errors import DataError
from rlhf_studio.lm.template_texts import ROLE_TOKENS

__all__ = [
    "END_OF_TEXT",
    "PAD",
    "RESERVED_TOKENS",
    "ROLE_TOKENS",
    "FastTokenizer",
    "has_role_tokens",
    "is_byte_level",
    "token_bytes",
    "train_tokenizer",
    "word_tokens",
]

END_OF_TEXT, PAD = "<|endoftext|>", "<|pad|>"
RESERVED_TOKENS = (END_OF_TEXT, PAD, *ROLE_TOKENS, *(f"<|spare_{i}|>" for i in range(11)))  # ids 0 to 15
_FEWEST_WORDS = 100
SMALLEST_VOCABULARY = len(RESERVED_TOKENS) + 256


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> FastTokenizer:
    """A byte-level BPE fitted to ``texts``; the same texts in the same order give the same tokenizer.

    Ids 0 to 15 are ``RESERVED_TOKENS``, then all 256 bytes, then the merges in the order they were found. Every
    digit is a token of its own, so that a small vocabulary is not spent on years.

    Raises:
        DataError: If the vocabulary has no room for the bytes, or there is no text.
    Source: Sennrich et al. 2016, arXiv:1508.07909; bytes and split pattern as in GPT-2.
    """
    if vocab_size < SMALLEST_VOCABULARY:
        raise DataError(
            f"A vocabulary of {vocab_size} tokens is too small: {SMALLEST_VOCABULARY} are taken by the bytes and the "
            "reserved tokens. Choose a larger one (vocab_size)."
        )
    filled = (text for text in texts if text)
    first = next(filled, None)
    if first is None:
        raise DataError("There is no text to make a tokenizer from. Name a text file that is not empty.")
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(RESERVED_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(_chain(first, filled), trainer)
    return FastTokenizer(
        tokenizer_object=backend,
        eos_token=END_OF_TEXT,
        pad_token=PAD,
        additional_special_tokens=[token for token in RESERVED_TOKENS if token not in {END_OF_TEXT, PAD}],
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def token_bytes(tokenizer: FastTokenizer) -> list[int]:
    """How many bytes of text each id of a byte-level tokenizer stands for; 0 for special tokens."""
    special = set(tokenizer.all_special_ids)
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    # the byte-level alphabet writes each byte as one character
    return [0 if i in special or name is None else len(name) for i, name in enumerate(names)]


def has_role_tokens(tokenizer: FastTokenizer) -> bool:
    """Whether a tokenizer has the role tokens that ours reserve."""
    known = tokenizer.get_added_vocab()
    return all(token in known for token in ROLE_TOKENS)


def word_tokens(tokenizer: FastTokenizer) -> list[int]:
    """Ids of the tokens that begin a word, a blank and at least three letters; all that stand for text if few do."""
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    # byte-level BPE writes the blank as one character of its own
    words = [i for i, name in enumerate(names) if name and re.fullmatch(r"Ġ[A-Za-z]{3,}", name)]
    return words if len(words) >= _FEWEST_WORDS else [i for i, size in enumerate(token_bytes(tokenizer)) if size]


def is_byte_level(tokenizer: FastTokenizer) -> bool:
    """Whether each token stands for a known number of bytes, as bits per byte need it."""
    return "Ċ" in tokenizer.get_vocab()  # the newline's byte


def _chain(first: str, rest: Iterable[str]) -> Iterable[str]:
    yield first
    yield from rest
