"""Who answers: what is kept of a line-up, what is left of it, and how answers are dealt to its sources."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from rlhf_studio.jobs.lineup import (
    SAMPLING,
    Answerer,
    LineUp,
    Source,
    answerers,
    deal,
    line_up_json,
    missing,
    read_line_up,
    sure_of_one,
)
from rlhf_studio.jobs.models import ModelChoice

MODELS = [ModelChoice(f"run:{name}", name.upper(), "sft", Path(name)) for name in "abc"]


def answerer(place, share=1, temperature=1.0):
    return Answerer(MODELS[place], replace(SAMPLING, temperature=temperature), share)


def test_what_is_kept_is_read_again():
    line_up = LineUp((Source("run:a", "A", 0.7, 0.9, 3), Source("base:tiny", "Base")), 5, rests_while_training=True)
    assert read_line_up(line_up_json(line_up)) == line_up


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        "[]",
        '{"sources": 3, "ahead": 99, "rests_while_training": "yes"}',
        '{"sources": [{"key": "a"}, {"key": "", "title": ""}, 7], "ahead": true}',
        '{"sources": [{"key": "a", "title": "A", "temperature": -1}]}',
        '{"sources": [{"key": "a", "title": "A", "temperature": NaN}]}',
        '{"sources": [{"key": "a", "title": "A", "top_p": 0}, {"key": "a", "title": "A", "share": 10}]}',
    ],
)
def test_what_makes_no_sense_counts_as_not_set(text):
    assert read_line_up(text) == LineUp()


def test_sources_that_are_gone_are_told_and_equal_ones_are_one():
    sources = (Source("run:a", "A"), Source("run:x", "X"), Source("run:a", "A", share=2), Source("run:a", "A", 0.5))
    found = answerers(sources, MODELS)
    assert [(one.model.key, one.sampling.temperature, one.share) for one in found] == [
        ("run:a", 1.0, 3),
        ("run:a", 0.5, 1),
    ]
    assert found[0].sampling.seed != found[1].sampling.seed
    assert [source.title for source in missing(sources, MODELS)] == ["X"]


@pytest.mark.parametrize("k", range(2, 10))
def test_answers_are_dealt_evenly_and_nobody_has_a_fixed_place(k):
    sources = [answerer(place) for place in range(3)]
    dealt = [deal(sources, k, f"{k}/{n}") for n in range(600)]
    for one in dealt:
        counts = [one.count(place) for place in range(3)]
        assert sum(counts) == k
        assert max(counts) - min(counts) <= 1
    for slot in range(k):  # each source a third of the time; 600 draws have a standard error of 0.019
        found = Counter(one[slot] for one in dealt)
        assert all(abs(found[place] / 600 - 1 / 3) < 0.08 for place in range(3))


def test_the_same_key_deals_the_same():
    sources = [answerer(place) for place in range(3)]
    assert deal(sources, 7, "0/5/1") == deal(sources, 7, "0/5/1")
    assert len({deal(sources, 7, f"0/5/{step}") for step in range(20)}) > 10


def test_shares_hold_on_average_and_are_rounded_for_each_set():
    sources = [answerer(0, 3), answerer(1, 1)]
    dealt = [deal(sources, 6, str(n)) for n in range(600)]
    assert {one.count(0) for one in dealt} == {4, 5}
    assert abs(sum(one.count(0) for one in dealt) / 600 - 4.5) < 0.1
    assert sure_of_one(sources, 6) == {sources[0].maker, sources[1].maker}
    assert sure_of_one(sources, 3) == {sources[0].maker}


def test_a_greedy_source_answers_once_unless_nobody_else_does():
    sources = [answerer(0, 5, temperature=0.0), answerer(1)]
    assert {deal(sources, 6, str(n)).count(0) for n in range(50)} == {1}
    assert deal(sources[:1], 4, "") == (0, 0, 0, 0)
