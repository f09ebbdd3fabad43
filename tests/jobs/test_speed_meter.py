import pytest

from rlhf_studio.jobs.progress import SpeedMeter


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def meter(clock):
    meter = SpeedMeter(clock)
    meter.start(0, 10)
    return meter


def walk(meter, clock, *seconds):
    for gone in seconds:
        clock.now += gone
        meter.reached(meter.step + 1)


def test_nothing_is_known_before_the_first_step(meter):
    assert (meter.step_s, meter.left_s) == (None, None)


def test_time_left_counts_slow_steps_and_the_usual_step_does_not(meter, clock):
    walk(meter, clock, 1, 1, 4)
    assert meter.step_s == 1
    assert meter.left_s == pytest.approx(7 * 2)
    assert meter.elapsed_s == 6


def test_a_pause_costs_nothing(meter, clock):
    walk(meter, clock, 1)
    meter.pause()
    clock.now += 1000
    assert meter.elapsed_s == 1
    meter.resume()
    meter.resume()
    walk(meter, clock, 1)
    assert meter.left_s == pytest.approx(8)


def test_steps_that_came_together_share_their_time(meter, clock):
    clock.now += 6
    meter.reached(3)
    assert meter.step_s == 2


def test_a_resumed_run_counts_from_where_it_goes_on(meter, clock):
    meter.start(8, 10)
    walk(meter, clock, 3)
    assert (meter.step, meter.left_s) == (9, 3)


def test_a_run_at_its_end_has_no_time_left(meter, clock):
    walk(meter, clock, *[1] * 12)
    assert meter.left_s == 0
