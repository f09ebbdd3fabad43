"""The generated half of the pretraining text: deterministic, clean, varied, and without what is held out."""

import gzip
import hashlib
import re

import pytest

from rlhf_studio.example import world
from rlhf_studio.example.corpus import KINDS, documents, main
from rlhf_studio.example.facts import FACTS
from rlhf_studio.example.passages import write_passage
from rlhf_studio.example.stories import MOODS, write_story
from rlhf_studio.example.wording import seeded


@pytest.fixture(scope="module")
def sample():
    return list(documents(5, 3000))


def test_equal_seeds_give_equal_text():
    text = "\n\n".join(document.text for document in documents(1, 300))
    assert text == "\n\n".join(document.text for document in documents(1, 300))
    assert text != "\n\n".join(document.text for document in documents(2, 300))
    # a changed hash means a changed corpus: say so in CHANGELOG.md, for old models were trained on another
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == "e4053daba7d0"


def test_document_n_does_not_depend_on_how_many_are_asked_for():
    assert list(documents(3, 10)) == list(documents(3, 40))[:10]


def test_every_kind_comes_and_can_be_asked_for_alone(sample):
    assert {document.kind for document in sample} == {kind for kind, (share, _) in KINDS.items() if share}
    for kind in KINDS:
        assert {document.kind for document in documents(4, 3, [kind])} == {kind}


def test_documents_are_short_and_have_no_empty_line(sample):
    lengths = [len(document.text.split()) for document in sample]
    assert max(lengths) <= 110
    assert 25 < sum(lengths) / len(lengths) < 60
    assert not any("\n\n" in document.text for document in sample)


@pytest.mark.parametrize(
    "slip",
    [
        r"\b[Aa] [aeio]\w+",
        r"\b[Aa]n [b-df-gj-np-tv-z]\w+",
        r"  ",
        r"[{}\[\]|]",
        r" [,.!?]",
        r"[.,][.,]",
        r"\b(\w+) \1\b",
        r"None",
    ],
)
def test_the_text_has_no_slips(sample, slip):
    prose = [document.text for document in sample if document.kind not in ("repeat", "records")]
    found = [re.search(f".{{0,30}}{slip}.{{0,20}}", text) for text in prose]
    allowed = ("a one", "A and", "a use", "had had", "that that", "Is one one")
    assert not [hit.group() for hit in found if hit and not any(word in hit.group() for word in allowed)]


def test_the_text_hardly_repeats_itself(sample):
    texts = {document.text for document in sample}
    assert len(texts) > 0.99 * len(sample)
    lines = [line for document in sample if document.kind == "passage" for line in document.text.split("\n")[:1]]
    assert len(set(lines)) > 0.95 * len(lines)


def test_no_template_of_demonstrations_is_in_the_text(sample):
    assert not [document for document in sample if re.search(r"\b(User|Assistant|Human|Prompt):", document.text)]


def test_held_out_topics_have_no_story_but_are_known_words(sample):
    topics = [write_story(seeded("topic", turn), kinds=("thing",)).topic for turn in range(300)]
    assert not set(topics) & world.HELD_OUT_TOPICS
    everything = " ".join(document.text for document in sample)
    assert all(re.search(rf"\b{word}\b", everything) for word in world.HELD_OUT_TOPICS)
    assert 0.08 < len(world.HELD_OUT_TOPICS) / len(world.THINGS) < 0.25


def test_held_out_pairs_come_in_test_passages_only():
    for turn in range(150):
        ordinary, test = (write_passage(seeded(turn), "has", 2, is_test=is_test) for is_test in (False, True))
        for passage, wanted in ((ordinary, False), (test, True)):
            pairs = zip(passage.subjects, passage.values, strict=True)
            assert any(world.held_out("has", name, value) for name, value in pairs) == wanted


def test_passages_answer_their_own_questions():
    for turn in range(300):
        passage = write_passage(seeded("answers", turn))
        for question in passage.questions:
            assert question.key in passage.text
            assert question.key.lower() in question.full.lower()
            assert question.full.endswith(".")
            assert question.ask.endswith("?")


def test_stories_keep_their_topic_and_end_as_asked():
    for turn in range(200):
        for mood in MOODS:
            story = write_story(seeded("keep", turn), mood)
            assert story.mood == mood
            assert story.topic in story.text
            assert story.title
    glad, sad = (
        [write_story(seeded("end", turn), mood).text.split(". ")[-1] for turn in range(200)]
        for mood in ("happy", "sad")
    )
    assert not any("cried" in ending for ending in glad)
    assert not any("laughed for joy" in ending for ending in sad)


def test_there_are_hundreds_of_facts_each_in_more_than_one_wording():
    assert len(FACTS) > 450
    assert len({(fact.relation, fact.subject) for fact in FACTS}) == len(FACTS)
    one = [fact for fact in FACTS if len(fact.statements) == 1]
    assert {fact.relation for fact in one} <= {"sound", "legs", "home", "job", "number"}
    said = {fact.statements[0] for fact in FACTS}
    assert {"the Earth is round", "the derivative of sine is cosine", "the derivative of cosine is minus sine"} <= said


def test_the_command_writes_the_size_asked_for_and_the_same_bytes_each_time(tmp_path):
    for name in ("one.txt", "one.txt.gz", "two.txt.gz"):
        assert main(["--out", str(tmp_path / name), "--seed", "3", "--megabytes", "0.05"]) == 0
    plain = (tmp_path / "one.txt").read_bytes()
    assert 50_000 <= len(plain) < 51_000
    assert gzip.decompress((tmp_path / "one.txt.gz").read_bytes()) == plain
    assert (tmp_path / "one.txt.gz").read_bytes() == (tmp_path / "two.txt.gz").read_bytes()
    blocks = plain.decode().strip().split("\n\n")
    assert blocks[:20] == [document.text for document in documents(3, 20)]


def test_the_command_names_an_unknown_kind(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "x.txt"), "--kinds", "poems"])
    assert "poems" in capsys.readouterr().err
