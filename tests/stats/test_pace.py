import pytest

from rlhf_studio.stats.pace import Pace, paces


def test_median_and_p90_by_labeler_and_k():
    times = [("eve", 4, seconds) for seconds in (1.0, 2.0, 3.0, 4.0, 11.0)] + [("ann", 9, 7.0), ("eve", 9, 5.0)]
    assert paces(times) == (
        Pace("ann", 9, 1, 7.0, 7.0),
        Pace("eve", 4, 5, 3.0, pytest.approx(8.2)),  # 0.9 of the way from the first to the fifth: 4 + 0.6 * 7
        Pace("eve", 9, 1, 5.0, 5.0),
    )
    assert paces([]) == ()
