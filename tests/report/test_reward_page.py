import json
from dataclasses import replace

import pytest

from rlhf_studio.jobs.reward_evaluation import RewardEvaluation, ScoreSample
from rlhf_studio.report.reward_page import build_page, ceiling, percent, sentences, write_evaluation_page
from rlhf_studio.report.reward_plots import draw_evaluation
from rlhf_studio.stats.intervals import Share, grouped_share
from rlhf_studio.stats.preferences import Agreement, Bin

RIGHT = Share(0.851, 0.81, 0.884, 599, 73)


@pytest.fixture
def found():
    """As of a model that is too sure, with a name that looks like markup."""
    return RewardEvaluation(
        run="20260101-101000-reward",
        step=74,
        created="2026-01-01T10:20:00+00:00",
        rankings=73,
        left_out=2,
        simulated=0,
        labelers=1,
        accuracy=RIGHT,
        loss=0.412,
        by_size=(("4", RIGHT), ("9", replace(RIGHT, value=0.8, count=30))),
        by_distance=(("1", replace(RIGHT, value=0.7)), ("2", replace(RIGHT, value=0.9))),
        by_labeler=(("<b>Tess</b>", RIGHT),),
        calibration=(Bin(0.56, grouped_share([1.0, 0.0], [1, 1])), Bin(0.95, grouped_share([8.0, 1.0], [9, 1]))),
        calibration_error=0.042,
        agreement=Agreement(),
        bias=0.42,
        samples=(
            ScoreSample("demonstrations", "", (-0.5, 0.0, 0.5)),
            ScoreSample("ppo-ptx", "20260101-103000-ppo-ptx", (1.0, 1.5)),
        ),
        notes=("The model in <somewhere> cannot be read.",),
    )


def test_the_sentences_say_what_was_found(found):
    said = " ".join(sentences(found))
    assert "85.1 % [81.0, 88.4] of 599 pairs of 73 held-out rankings" in said
    assert "0.412 nats" in said
    assert "4.2 points" in said
    assert "+0.420" in said
    assert "72.6 ± 1.5 %" in said
    assert "77.3 ± 1.3 %" in said
    assert "script" not in said
    assert sentences(found)[-1] == found.notes[0]
    assert "A script made all" in " ".join(sentences(replace(found, simulated=73)))
    assert "No bias was added" in " ".join(sentences(replace(found, bias=0.0)))
    none = replace(found, accuracy=None, loss=None, rankings=0, calibration=(), calibration_error=None)
    assert sentences(none)[0].startswith("No ranking was held out")


def test_the_ceiling_is_the_projects_own_where_it_has_one(found):
    own = replace(found, agreement=Agreement(Share(0.74, 0.7, 0.78, 120, 20), Share(0.9, 0.8, 0.95, 40, 8)))
    assert "74.0 % [70.0, 78.0] of 120 pairs: the ceiling" in ceiling(own)
    assert "twice gave them the same order in 90.0 %" in ceiling(own)
    assert "paper" not in ceiling(own)


def test_the_page_has_every_group_and_no_markup_of_people(found):
    page = build_page(found, draw_evaluation(found))
    for words in (
        "of K = 9 answers",
        "2 tiers apart",
        "ranked by &lt;b&gt;Tess&lt;/b&gt;",
        "95.0 %",
        "\u22120.420",
        "PPO-ptx",
    ):
        assert words in page
    assert "<b>Tess" not in page
    assert page.count("<picture>") == 3
    assert "<script" not in page


def test_it_is_written_with_pictures_and_numbers(found, tmp_path):
    page = write_evaluation_page(tmp_path / "out", found)
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert sorted(p.name for p in (tmp_path / "out" / "plots").iterdir()) == [
        "accuracy.png",
        "calibration.png",
        "scores.png",
    ]
    numbers = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert numbers["accuracy"]["value"] == 0.851
    png = (tmp_path / "out" / "plots" / "scores.png").read_bytes()
    assert png[16:24] == (720).to_bytes(4, "big") + (470).to_bytes(4, "big")


def test_without_anything_held_out_only_scores_are_drawn(found):
    none = replace(found, accuracy=None, loss=None, by_size=(), by_distance=(), by_labeler=(), calibration=())
    assert list(draw_evaluation(none)) == ["scores"]
    assert list(draw_evaluation(replace(none, samples=()))) == []
    assert "In pictures" not in build_page(replace(none, samples=()), {})


def test_a_share_is_said_with_its_interval():
    assert percent(Share(0.5, 0.25, 0.75, 4, 2)) == "50.0 % [25.0, 75.0]"
