import gzip
import hashlib

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.jobs.text_sources import (
    TextFile,
    cut_documents,
    encode_sources,
    fit_tokenizer,
    parse_text_file,
    read_documents,
    to_ascii,
)


def documents_of(path, cut="blank", name="x", weight=1.0):
    return read_documents(TextFile(name, path, weight, cut))


def finished(steps):
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as end:
            return end.value, shares


@pytest.mark.parametrize(
    ("text", "weight", "cut"),
    [("a=b.txt", 1.0, "blank"), ("a=b.txt:2.5", 2.5, "blank"), ("a=b.txt:3:line", 3.0, "line"),
     ("a=b.txt:joined", 1.0, "joined")],
)  # fmt: skip
def test_a_text_is_named_with_weight_and_cut(text, weight, cut):
    file = parse_text_file(text)
    assert (file.name, str(file.path), file.weight, file.cut) == ("a", "b.txt", weight, cut)


@pytest.mark.parametrize(
    ("text", "match"),
    [("b.txt", "does not name a text"), ("a=b.txt:3:word", "cut by 'word'"), ("a=b.txt:0", "weight '0'"),
     ("a=b.txt:1.2.3", "weight '1.2.3'")],
)  # fmt: skip
def test_a_wrong_name_is_told(text, match):
    with pytest.raises(DataError, match=match):
        parse_text_file(text)


def test_documents_are_cut_as_asked():
    text = "one\ntwo\n\nthree\n \n\n four \n"
    assert cut_documents(text, "blank") == ["one\ntwo", "three", "four"]
    assert cut_documents(text, "line") == ["one", "two", "three", "four"]
    long = "\n\n".join("x" * 400 for _ in range(5))
    assert [document.count("\n") for document in cut_documents(long, "joined")] == [2, 1]
    assert cut_documents(" \n\n ", "joined") == []


def test_typographic_characters_become_plain():
    assert (
        to_ascii("\u201cIt\u2019s\u2026\u201d \u2014 1\u20132\u00a0caf\u00e9\r\n") == '"It\'s..."  -  1-2 caf\u00e9\n'
    )


def test_the_hash_orders_and_holds_out(tmp_path):
    texts = [f"document number {i}" for i in range(2000)]
    forwards, backwards = tmp_path / "a.txt", tmp_path / "b.txt.gz"
    forwards.write_text("\n\n".join(texts))
    backwards.write_bytes(gzip.compress("\n\n".join(reversed(texts)).encode()))
    one, two = documents_of(forwards), documents_of(backwards)
    assert (one.train, one.held_out) == (two.train, two.held_out)
    assert sorted(one.train + one.held_out) == sorted(texts)
    assert 10 <= len(one.held_out) <= 60  # 1.5 % of 2000
    assert one.train[:5] != tuple(texts[:5])
    assert one.sha256 == hashlib.sha256(forwards.read_bytes()).hexdigest()


def test_equal_documents_fall_on_the_same_side(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join([f"text {i}" for i in range(500)] * 2))
    found = documents_of(path)
    assert not set(found.train) & set(found.held_out)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"caf\xe9 au lait", "not UTF-8: byte 3 is 0xe9"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
        (b" \n\n ", "no text"),
    ],
)
def test_a_file_that_is_no_text_is_told(tmp_path, content, match):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=match):
        documents_of(path)
    with pytest.raises(DataError, match="cannot be read"):
        documents_of(tmp_path / "missing.txt")


def test_streams_are_the_documents_each_closed_by_end_of_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join(f"the red hat number {i}" for i in range(300)))
    documents = documents_of(path, weight=2.0)
    codec = fit_tokenizer([documents], 300)
    data, shares = finished(encode_sources([documents], codec))
    (source,) = data.sources
    assert shares[-1] == 1.0
    assert source.weight == 2.0
    assert codec.decode(source.train[:200].tolist()).startswith(documents.train[0])
    assert int((source.train == codec.eos_id).sum()) == len(documents.train)
    assert source.train[-1] == codec.eos_id
    assert sum(data.token_bytes[i] for i in source.train) == sum(len(text) for text in documents.train)
    assert set(data.repeat_tokens) <= set(range(16, 300))
