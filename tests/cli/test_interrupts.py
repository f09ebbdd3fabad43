import signal
import threading

import pytest

from rlhf_studio.cli.interrupts import interruptible
from rlhf_studio.train.control import RunControl


def test_the_first_signal_asks_the_run_to_stop_and_the_second_ends():
    control = RunControl()
    with interruptible(control) as interruption:
        assert not interruption.take_news()
        signal.raise_signal(signal.SIGINT)
        assert control.is_stopping
        assert [interruption.take_news(), interruption.take_news()] == [True, False]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_what_signals_did_before_comes_back():
    before = signal.getsignal(signal.SIGINT)
    with interruptible(RunControl()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_leaves_signals_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with interruptible(RunControl()) as interruption:
            seen.append((signal.getsignal(signal.SIGINT), interruption.was_asked))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
