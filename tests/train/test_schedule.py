import math

import pytest

from rlhf_studio.train.schedule import by_length, chunks, cosine, endless_batch, epoch_batch, integers, shuffled, warmup


def test_cosine_starts_at_the_peak_and_ends_at_the_floor():
    assert cosine(1, 101, final=0.1) == 1.0
    assert cosine(51, 101, final=0.1) == pytest.approx(0.55)  # half way: the mean of 1 and 0.1
    assert cosine(26, 101, final=0.0) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))
    assert cosine(101, 101, final=0.1) == pytest.approx(0.1)
    assert cosine(1, 1, final=0.1) == 1.0


def test_warmup_rises_from_a_tenth_over_ten_iterations():
    assert warmup(1, 10) == pytest.approx(0.1)
    assert warmup(6, 10) == pytest.approx(0.55)
    assert warmup(11, 10) == 1.0
    assert warmup(500, 10) == 1.0
    assert warmup(1, 0) == 1.0


def test_an_epoch_visits_every_row_once_and_the_next_in_another_order():
    first = [i for step in (1, 2, 3) for i in epoch_batch(step, 10, 4, seed=5)]
    second = [i for step in (4, 5, 6) for i in epoch_batch(step, 10, 4, seed=5)]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert len(epoch_batch(3, 10, 4, seed=5)) == 2


def test_endless_batches_are_full_and_visit_rows_evenly():
    rows = [i for step in range(1, 6) for i in endless_batch(step, 10, 4, seed=5)]
    assert len(rows) == 20
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))


def test_order_depends_on_the_key_alone():
    assert shuffled(50, 1, 2) == shuffled(50, 1, 2)
    assert shuffled(50, 1, 2) != shuffled(50, 1, 3)
    assert integers(1000, 5, 7, 1) == integers(1000, 5, 7, 1)
    assert all(0 <= i < 3 for i in integers(3, 100, 7, 1))


@pytest.mark.parametrize(("size", "expected"), [(0, [[3, 4, 5]]), (2, [[3, 4], [5]]), (3, [[3, 4, 5]])])
def test_chunks_cover_the_rows(size, expected):
    assert chunks([3, 4, 5], size) == expected


def test_rows_of_like_length_come_together():
    lengths = [50] * 9 + [10] * 9 + [12] * 2
    assert by_length(lengths) == [[*range(9, 20)], [*range(9)]]
    assert by_length([30, 10, 20]) == [[1, 2, 0]]  # too few to be worth two passes
    assert by_length([30, 10, 20], 2) == [[1, 2], [0]]
    assert by_length([7] * 3, 1) == [[0], [1], [2]]
