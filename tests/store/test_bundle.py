"""A project read from plain files is there as a whole or not at all, and a wrong row is named."""

import json

import pytest

from rlhf_studio.errors import DataError, ProjectReadOnlyError
from rlhf_studio.schema import Answer, Sampling, TextRow
from rlhf_studio.store import bundle
from rlhf_studio.store.bundle import import_example, open_or_create_example, pretraining_rows
from rlhf_studio.store.project import create_project, open_project


def completion(text, token=1):
    return {
        "text": text,
        "token_ids": [token, 2],
        "model": "tiny",
        "checkpoint": "sft",
        "sampling": {"temperature": 1, "top_p": 0.9, "max_new_tokens": 8, "seed": 5},
        "is_finished": False,
    }


def prompt(key, text, **fields):
    return {"key": key, "turns": [{"role": "user", "content": text}], **fields}


FILES = {
    "prompts.jsonl": [
        prompt(
            "bear", "Where do bears live?", use_case="closed_qa", source="plain", purposes=["demonstrate", "rank"],
            author="eve", split="train",
        ),
        prompt("sine", "正弦", purposes=["ppo"], split="valid"),
        prompt("free", "No split"),
    ],
    "demonstrations.jsonl": [{"prompt": "bear", "text": "In the wood.", "author": "eve"}],
    "rankings.jsonl": [
        {
            "prompt": "bear",
            "completions": [completion("x", 7), completion("y", 8), completion("z", 9)],
            "tiers": [[1], [2, 0]],
            "shown_order": [2, 0, 1],
            "labeler": "rule",
            "simulated": True,
            "seconds": 2.5,
        }
    ],
    "queue.jsonl": [{"prompt": "sine", "completions": [completion("cosine"), completion("cosine")]}],
    "pretraining.jsonl": [
        {"text": "Once upon a time", "split": "train", "source": "tales"},
        {"text": "there was", "split": "valid", "source": "tales"},
        {"text": "a bear", "split": "train", "source": ""},
    ],
}  # fmt: skip


@pytest.fixture
def example(tmp_path):
    folder = tmp_path / "resources" / "example"
    folder.mkdir(parents=True)
    for name, rows in FILES.items():
        write(folder / name, rows)
    (folder / "guidance.json").write_text('{"closed_qa": "Answer from the text."}')
    return folder


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def is_untouched(store):
    names = {path.name for path in store.folder.iterdir()}
    return (
        store.prompts() == ()
        and store.counts().completions == 0
        and names <= {"project.sqlite", "project.sqlite-wal", "project.sqlite-shm", "project.lock", "runs"}
    )


def test_everything_arrives(store, example):
    imported = import_example(store, example)
    assert (imported.prompts, imported.demonstrations, imported.completions, imported.rankings) == (3, 1, 5, 1)
    assert imported.changes.tables == {"prompt", "demonstration", "completion", "ranking", "answer_set"}
    bear, sine, free = store.prompts()
    assert (bear.use_case, bear.author, bear.split, bear.purposes) == (
        "closed_qa", "eve", "train", {"demonstrate", "rank"},
    )  # fmt: skip
    assert (sine.text, sine.split, free.use_case) == ("正弦", "valid", "other")
    assert [row.answer for row in store.demonstration_rows("train")] == ["In the wood."]
    (row,) = store.ranked_rows("train")
    assert row.answers == (Answer("x", (7, 2)), Answer("y", (8, 2)), Answer("z", (9, 2)))
    assert (row.ranks, row.labeler, row.is_simulated) == ((2, 1, 2), "rule", True)
    (ranking,) = store.rankings()
    x, y, z = (answer.id for answer in store.completions(bear.id))
    assert (ranking.tiers, ranking.shown_order, ranking.seconds) == (((y,), (x, z)), (z, x, y), 2.5)
    queued = store.completions(sine.id)
    assert [answer.text for answer in queued] == ["cosine", "cosine"]
    assert (queued[0].sampling, queued[0].is_finished) == (Sampling(1.0, 0.9, 8, 5), False)
    assert pretraining_rows(store.folder, "train") == (TextRow("Once upon a time", "tales"), TextRow("a bear"))
    assert pretraining_rows(store.folder, "test") == ()
    assert (store.folder / "guidance.json").read_bytes() == (example / "guidance.json").read_bytes()


def test_answers_that_can_be_ranked_wait_as_sets(store, example):
    rows = [
        {"prompt": "sine", "completions": [completion(c) for c in "abcd"], "shown_order": [3, 1, 0, 2]},
        {"prompt": "bear", "completions": [completion(c) for c in "efghi"]},
        {"prompt": "bear", "completions": [completion("one alone")]},
        {"prompt": "bear", "completions": [completion(str(i)) for i in range(10)]},
        {"prompt": "free", "completions": [completion("alike")] * 4},
    ]
    write(example / "queue.jsonl", rows)
    assert import_example(store, example).completions == 3 + 4 + 5 + 1 + 10 + 4
    shown = ["".join(answer.text for answer in store.set_answers(s.id)) for s in store.answer_sets()]
    assert shown == ["dbac", "efghi"]
    assert store.undoable() is None  # nothing that a person did


def test_prompts_alone_are_enough(store, tmp_path):
    write(tmp_path / "prompts.jsonl", FILES["prompts.jsonl"])
    assert import_example(store, tmp_path).prompts == 3
    assert pretraining_rows(store.folder, "train") == ()


def test_files_of_other_editors_are_read(store, example):
    path = example / "demonstrations.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert import_example(store, example).demonstrations == 1


def changed(name, **fields):
    return name, [{**FILES[name][0], **fields}]


@pytest.mark.parametrize(
    ("name", "rows", "words"),
    [
        (*changed("prompts.jsonl", key=""), "line 1: key: String should have at least 1 character"),
        (*changed("prompts.jsonl", use_case="poetry"), "line 1: use_case: Input should be 'generation'"),
        (*changed("prompts.jsonl", purpose=["rank"]), "line 1: purpose: Extra inputs are not permitted"),
        (*changed("prompts.jsonl", turns=[]), "line 1: Prompt 'bear' is empty"),
        (*changed("prompts.jsonl", turns=[{"role": "user", "content": " "}]), "line 1: Prompt 'bear' is empty"),
        (*changed("prompts.jsonl", turns=[{"role": "user"}]), "line 1: turns.0.content: Field required"),
        ("prompts.jsonl", [prompt("a", "x"), prompt("a", "y")], "line 2: The prompt key 'a' is there already"),
        (*changed("demonstrations.jsonl", prompt="seal"), "line 1: There is no prompt with the key 'seal'"),
        (*changed("demonstrations.jsonl", text=""), "line 1: The demonstration for prompt 1 is empty"),
        (*changed("demonstrations.jsonl", text=5), "line 1: text: Input should be a valid string"),
        (*changed("rankings.jsonl", tiers=[[1], [0]]), r"The tiers name the completions \[0, 1\], but there are 3"),
        (*changed("rankings.jsonl", tiers=[[1], [0, 3]]), "line 1: The tiers name"),
        (*changed("rankings.jsonl", tiers=[[1], [0, 2, 2]]), "line 1: The tiers name"),
        (*changed("rankings.jsonl", tiers=[[1], [], [0, 2]]), "line 1: The ranking of prompt 1 has an empty tier"),
        (*changed("rankings.jsonl", shown_order=[0, 1, 7]), "line 1: The shown order is"),
        (*changed("rankings.jsonl", seconds=-1), "line 1: The ranking of prompt 1 took -1"),
        (*changed("rankings.jsonl", seconds="2"), "line 1: seconds: Input should be a valid number"),
        (*changed("rankings.jsonl", completions=[completion("x")] * 3), "line 1: All 3 answers to prompt 1"),
        (*changed("rankings.jsonl", completions=[completion("x")], tiers=[[0]], shown_order=[]), "has 1 completions"),
        (*changed("queue.jsonl", completions=[]), "line 1: completions: .* at least 1 item"),
        (*changed("queue.jsonl", completions=[completion("x", -4)]), "line 1: .* token id outside 0"),
        (*changed("queue.jsonl", shown_order=[0, 2]), r"line 1: The shown order is \[0, 2\]. Name each completion"),
        (*changed("pretraining.jsonl", text=""), "line 1: text: "),
        (*changed("pretraining.jsonl", split="dev"), "line 1: split: "),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named_and_nothing_imported(store, example, name, rows, words):
    write(example / name, rows)
    with pytest.raises(DataError, match=words) as caught:
        import_example(store, example)
    assert str(example / name) in str(caught.value)
    assert is_untouched(store)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff\xfe",
        b"[1]",
        b"null",
        b'{"prompt": "bear", "text": "\\ud800", "author": ""}',
        b'{"prompt": "bear", "text": "' + b'"' * 9,
        b"[" * 100_000,
        b'{"prompt": "bear", "text": "in the w',  # a file that was cut off
    ],
)
def test_a_line_that_is_no_row_is_named(store, example, line):
    path = example / "demonstrations.jsonl"
    path.write_bytes(path.read_bytes() + b"\n" + line)
    with pytest.raises(DataError, match=r"demonstrations.jsonl, line 3: .*Correct this line"):
        import_example(store, example)
    assert is_untouched(store)


@pytest.mark.parametrize(
    ("content", "words"), [(b"{", "is not JSON"), (b"[]", "holds a list"), (b"\xff", "is not JSON")]
)
def test_guidance_is_an_object(store, example, content, words):
    (example / "guidance.json").write_bytes(content)
    with pytest.raises(DataError, match=words):
        import_example(store, example)
    assert is_untouched(store)


def test_there_must_be_prompts(store, tmp_path):
    with pytest.raises(DataError, match=r"no prompts.jsonl in"):
        import_example(store, tmp_path)


def test_importing_twice_is_refused_and_changes_nothing(store, example):
    import_example(store, example)
    before = store.counts()
    with pytest.raises(DataError, match="line 1: The prompt key 'bear' is there already"):
        import_example(store, example)
    assert store.counts() == before
    assert len(pretraining_rows(store.folder, "train")) == 2


def test_a_read_only_project_takes_nothing_in(store, example):
    with open_project(store.folder) as second, pytest.raises(ProjectReadOnlyError):
        import_example(second, example)
    assert is_untouched(store)


def test_a_copy_that_fails_leaves_nothing(store, example, monkeypatch):
    def full(source, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle.shutil, "copyfile", full)
    with pytest.raises(DataError, match=r"cannot be imported into .*No space left"):
        import_example(store, example)
    assert is_untouched(store)


def test_pretraining_text_that_cannot_be_opened(store):
    (store.folder / "pretraining.jsonl").mkdir()
    with pytest.raises(DataError, match=r"pretraining.jsonl cannot be read"):
        pretraining_rows(store.folder, "train")


# -- the example project


def test_the_example_is_made_once_and_opened_later(example, tmp_path, ask):
    data = tmp_path / "data"
    with open_or_create_example(data, example.parent) as store:
        assert store.folder == data / "tiny-tales"
        assert store.title == "Tiny tales"
        store.add_prompts([ask("mine")])
    with open_or_create_example(data, tmp_path / "nowhere") as store:
        assert [p.text for p in store.prompts()][-1] == "mine"
    assert [path.name for path in data.iterdir()] == ["tiny-tales"]


def test_an_example_with_a_wrong_row_leaves_nothing(example, tmp_path):
    write(example / "demonstrations.jsonl", [{"prompt": "seal", "text": "x"}])
    with pytest.raises(DataError, match="no prompt with the key 'seal'"):
        open_or_create_example(tmp_path / "data", example.parent)
    assert list((tmp_path / "data").iterdir()) == []


def test_two_programs_that_start_at_once_end_up_with_one_example(example, tmp_path, monkeypatch):
    data = tmp_path / "data"
    fill = bundle.import_example

    def fill_slowly(store, files):
        monkeypatch.setattr(bundle, "import_example", fill)
        open_or_create_example(data, example.parent).close()  # the other program is faster
        return fill(store, files)

    monkeypatch.setattr(bundle, "import_example", fill_slowly)
    with open_or_create_example(data, example.parent) as store:
        assert store.counts().prompts == 3
    assert [path.name for path in data.iterdir()] == ["tiny-tales"]


def test_a_data_folder_that_cannot_be_used_is_named(example, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"example project cannot be made in .*RLHF_STUDIO_DATA"):
        open_or_create_example(tmp_path / "file", example.parent)

    def forbid(part, home):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.replace", forbid)
    with pytest.raises(DataError, match="Permission denied"):
        open_or_create_example(tmp_path / "data", example.parent)


def test_a_folder_of_that_name_that_is_no_project_is_left_alone(example, tmp_path):
    mine = tmp_path / "data" / "tiny-tales" / "poem.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("a bear")
    with pytest.raises(DataError, match="There is no project in"):
        open_or_create_example(tmp_path / "data", example.parent)
    assert mine.read_text() == "a bear"


def test_the_example_of_a_fresh_project_is_the_same_for_all(example, tmp_path):
    """Splits that nobody gave come from hashes, not from chance."""
    splits = []
    for name in ("one", "two"):
        with create_project(tmp_path / name, "t") as store:
            import_example(store, example)
            splits.append([p.split for p in store.prompts()])
    assert splits[0] == splits[1]
