"""The files of the example project, and the natural half of the pretraining sample."""

import hashlib
import json

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.example import build, natural
from rlhf_studio.jobs import text_sources
from rlhf_studio.paths import resources_dir

TURNS = [
    "hello how are you doing today",
    "i am very good thank you and how are you",
    "i am good too thanks",
    "nice day",
]


@pytest.fixture
def dataset(tmp_path):
    """A made-up package as pip would install it."""
    package, info = tmp_path / "chitchat_dataset", tmp_path / "chitchat_dataset-9.dist-info"
    package.mkdir()
    info.mkdir()
    (info / "LICENSE").write_text("Made-up licence\n\nDo what you like.")
    talks = {str(n): {"messages": [[{"text": f"{turn} {'so ' * (n % 7)}"}] for turn in TURNS * 3]} for n in range(400)}
    (package / "dataset.json").write_text(json.dumps(talks))
    return package / "dataset.json"


def test_conversations_become_plain_lines(dataset):
    first = next(natural.conversations(dataset)).split("\n")
    assert [line[:2] for line in first] == ["A:", "B:"] * 6
    assert first[0] == "A: hello how are you doing today "


def test_unfit_pieces_are_dropped():
    good = "\n".join(f"{'AB'[n % 2]}: {turn}" for n, turn in enumerate(TURNS * 2))
    common = natural.common_words([good])
    assert natural.is_fit(good, common)
    for bad in (
        "mail me at a@b.org",
        "see www.x.org",
        "call 5551234567",
        "my name is Kim",
        "what the hell",
        "caf\u00e9",
    ):
        assert not natural.is_fit(f"{good}\nA: {bad}", natural.common_words([good, bad]))
    assert not natural.is_fit(good, frozenset(("hello",)))
    assert not natural.is_fit("A: hello\nB: hi", common)


def test_what_is_held_out_here_is_what_pretraining_holds_out(tmp_path):
    texts = [f"A: hello number {n}\nB: hi" for n in range(3000)]
    file = tmp_path / "talk.txt"
    file.write_text("\n\n".join(texts))
    read = text_sources.read_documents(text_sources.TextFile("talk", file))
    assert text_sources.HELD_OUT_SHARE == natural.HELD_OUT_SHARE
    assert {text for text in texts if natural.is_held_out(text)} == set(read.held_out)
    assert 0.005 < len(read.held_out) / len(texts) < 0.03


def test_build_writes_the_same_files_each_time(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "CHARACTERS", {"train": 9000, "valid": 1000})
    one, two = tmp_path / "one", tmp_path / "two"
    assert build.build(one, dataset) == build.build(two, dataset)
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes()
    assert "Made-up licence" in (one / "NOTICE.md").read_text()
    rows = [json.loads(line) for line in (one / "pretraining.jsonl").read_text().splitlines()]
    assert {row["source"] for row in rows} == {"tales", "chitchat-dataset"}


def test_a_missing_package_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(natural, "PACKAGE", "no_such_package_here")
    with pytest.raises(DataError, match="pip install chitchat-dataset"):
        natural.dataset_file()
    assert build.main(["--out", str(tmp_path)]) == DataError.exit_code
    assert "pip install" in capsys.readouterr().err


def test_the_sample_that_ships_is_split_short_and_named():
    folder = resources_dir() / "example"
    text = (folder / "pretraining.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert {frozenset(row) for row in rows} == {frozenset(("text", "split", "source"))}
    assert max(len(row["text"].split()) for row in rows) < 120
    size = {
        (split, source): sum(len(row["text"]) for row in rows if (row["split"], row["source"]) == (split, source))
        for split in ("train", "valid")
        for source in ("tales", "chitchat-dataset")
    }
    assert 0.9e6 < sum(size.values()) < 1.1e6
    for source in ("tales", "chitchat-dataset"):
        assert 0.07 < size["valid", source] / (size["train", source] + size["valid", source]) < 0.12
    assert not {row["text"] for row in rows if row["split"] == "valid"} & {
        row["text"] for row in rows if row["split"] == "train"
    }
    assert "MIT License" in (folder / "NOTICE.md").read_text(encoding="utf-8")
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == "97c3ea6c8120"
