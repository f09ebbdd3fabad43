"""Reads text files for pretraining: documents, held-out ones by hash, token streams."""

import gzip
import hashlib
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rlhf_studio.errors import DataError
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.tokenizer_training import token_bytes, train_tokenizer, word_tokens
from rlhf_studio.train.pretrain_data import PretrainData, TokenSource

Cut = Literal["blank", "line", "joined", "asked"]

HELD_OUT_SHARE = 0.015
_JOINED_CHARACTERS = 1000
_DOCUMENTS_AT_ONCE = 500
_MARK = re.compile("\u27e6([^\u27e6\u27e7]*)\u27e7")
_TOKENIZER_CHARACTERS = 6_000_000  # more text changes a vocabulary of a few thousand no longer

# a small vocabulary has no room for two forms of a quotation mark
_ASCII = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2009\u200a\u202f", " "),
        "\u2014": " - ",
        "\u2015": " - ",
        "\u2026": "...",
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", None),
    }
)


@dataclass(frozen=True, slots=True)
class TextFile:
    """One ``--text NAME=PATH[:WEIGHT[:CUT]]``.

    ``cut`` says where documents end: at a blank line, at every line end, or at the first blank line after about
    a thousand characters (the short paragraphs of a novel joined). ``asked`` ends them at a blank line too, and only
    what stands between the marks \u27e6 and \u27e7 is learned; the marks themselves are taken out.
    """

    name: str
    path: Path
    weight: float = 1.0
    cut: Cut = "blank"


@dataclass(frozen=True, slots=True)
class Documents:
    """One file's documents, in an order that depends on their text alone, and the file's hash."""

    file: TextFile
    train: tuple[str, ...]
    held_out: tuple[str, ...]
    sha256: str


def parse_text_file(text: str) -> TextFile:
    """Read ``NAME=PATH[:WEIGHT[:CUT]]``; a path may itself contain colons.

    Raises:
        DataError: If a part is missing or wrong.
    """
    form = re.fullmatch(r"(?P<name>\w+)=(?P<path>.+?)(:(?P<weight>[\d.]+))?(:(?P<cut>[a-z]+))?", text)
    if form is None:
        raise DataError(
            f"'{text}' does not name a text. Write NAME=PATH[:WEIGHT[:CUT]], for example tales=tales.txt:50:blank."
        )
    cut = form["cut"] or "blank"
    if cut not in get_args(Cut):
        raise DataError(f"Documents cannot be cut by '{cut}' in '{text}'. Choose blank, line, joined or asked.")
    try:
        weight = float(form["weight"] or 1)
    except ValueError:
        weight = 0.0
    if weight <= 0:
        raise DataError(f"The weight '{form['weight']}' in '{text}' is not a number above 0. Choose another.")
    return TextFile(form["name"], Path(form["path"]), weight, cut)  # type: ignore[arg-type]  # checked above


def read_documents(file: TextFile) -> Documents:
    """Read a .txt or .txt.gz file in UTF-8.

    Curly quotation marks, dashes and special spaces become their ASCII forms. A document is held out if the hash of
    its text says so, hence equal documents fall on the same side; the hash orders them too, since files are often
    sorted.

    Raises:
        DataError: If the file cannot be read, is not UTF-8, or has no text to train on.
    """
    try:
        raw = file.path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.path} is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}. Convert the file first."
        ) from error
    except (OSError, EOFError) as error:
        raise DataError(f"{file.path} cannot be read: {error}. Name a .txt or .txt.gz file.") from error
    keyed = sorted((hashlib.sha256(d.encode()).digest(), d) for d in cut_documents(to_ascii(text), file.cut))
    limit = int(HELD_OUT_SHARE * 2**32)
    # the last bytes decide, for the first ones order
    is_held_out = [int.from_bytes(key[-4:]) < limit for key, _ in keyed]
    train = tuple(d for (_, d), held in zip(keyed, is_held_out, strict=True) if not held)
    if not train:
        raise DataError(f"{file.path} has no text to train on. Name a file with more text.")
    held_out = tuple(d for (_, d), held in zip(keyed, is_held_out, strict=True) if held)
    return Documents(file, train, held_out, hashlib.sha256(raw).hexdigest())


def to_ascii(text: str) -> str:
    """Plain forms of typographic characters; other letters stay."""
    return text.replace("\r\n", "\n").translate(_ASCII)


def cut_documents(text: str, cut: Cut) -> list[str]:
    """Cut a file into documents, without empty ones."""
    if cut == "line":
        return [line.strip() for line in text.split("\n") if line.strip()]
    blocks = [block.strip() for block in re.split(r"\n[ \t]*\n", text) if block.strip()]
    if cut in ("blank", "asked"):
        return blocks
    joined: list[list[str]] = [[]]
    for block in blocks:
        if sum(map(len, joined[-1])) >= _JOINED_CHARACTERS:
            joined.append([])
        joined[-1].append(block)
    return ["\n".join(blocks) for blocks in joined if blocks]


def fit_tokenizer(documents: Sequence[Documents], vocab_size: int) -> Codec:
    """Our kind of tokenizer, from a sample of the training documents in which each source has its weight."""
    total = sum(source.file.weight for source in documents)
    texts: list[str] = []
    for source in documents:
        room = int(_TOKENIZER_CHARACTERS * source.file.weight / total)
        for text in source.train:
            if room <= 0:
                break
            texts.append(unmarked(text)[0] if source.file.cut == "asked" else text)
            room -= len(text)
    return Codec(train_tokenizer(texts, vocab_size))


def encode_sources(documents: Sequence[Documents], codec: Codec) -> Generator[float, None, PretrainData]:
    """Token streams of all sources; yields the share that is done, a few times a second."""
    count = sum(len(source.train) + len(source.held_out) for source in documents)
    done, sources = 0, []
    for source in documents:
        encode = _encode_asked if source.file.cut == "asked" else _encode_plain
        streams: list[NDArray[Any]] = []
        masks: list[NDArray[np.bool_] | None] = []
        for texts in (source.train, source.held_out):
            stream, mask = [np.zeros(0, dtype=np.uint16 if codec.vocab_size <= 2**16 else np.int32)], []
            for first in range(0, len(texts), _DOCUMENTS_AT_ONCE):
                slice_ = texts[first : first + _DOCUMENTS_AT_ONCE]
                for ids, asked in encode(codec, slice_):
                    stream.append(np.array(ids, dtype=stream[0].dtype))
                    mask.append(np.array(asked, dtype=np.bool_))
                done += len(slice_)
                yield done / count
            streams.append(np.concatenate(stream))
            masks.append(np.concatenate(mask) if source.file.cut == "asked" and mask else None)
        sources.append(TokenSource(source.file.name, streams[0], streams[1], source.file.weight, masks[0], masks[1]))
    tokenizer = codec.tokenizer
    return PretrainData(tuple(sources), tuple(token_bytes(tokenizer)), tuple(word_tokens(tokenizer)))


def unmarked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A text without its marks, and the spans of characters between them."""
    plain, spans = "", []
    for place, part in enumerate(_MARK.split(text)):
        if place % 2:  # what the group of the pattern has caught
            spans.append((len(plain), len(plain) + len(part)))
        plain += part
    return plain, spans


def _encode_plain(codec: Codec, texts: Sequence[str]) -> Iterator[tuple[list[int], list[bool]]]:
    return ((ids, []) for ids in codec.encode_documents(texts))


def _encode_asked(codec: Codec, texts: Sequence[str]) -> Iterator[tuple[list[int], list[bool]]]:
    plain, spans = zip(*map(unmarked, texts), strict=True)
    return codec.encode_marked(plain, spans)
