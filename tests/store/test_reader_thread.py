"""The training thread reads a project while the window writes to it; neither waits for the other."""

import queue
import statistics
import threading
import time

import pytest

from rlhf_studio.errors import ProjectReadOnlyError
from rlhf_studio.store.project import open_project


class Reader:
    """A thread with its own connection, which does what it is asked and answers."""

    def __init__(self, folder):
        self.folder = folder
        self.asked, self.answered = queue.Queue(), queue.Queue()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        with open_project(self.folder, read_only=True) as store:
            while (act := self.asked.get()) is not None:
                try:
                    self.answered.put(act(store))
                except Exception as error:  # noqa: BLE001  raised again where it was asked for
                    self.answered.put(error)

    def __call__(self, act):
        self.asked.put(act)
        answer = self.answered.get(timeout=30)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.asked.put(None)
        self.thread.join(timeout=30)
        assert not self.thread.is_alive()


def texts(store):
    return [prompt.text for prompt in store.prompts()]


def test_what_is_committed_is_seen_and_nothing_else(store, ask):
    store.add_prompts([ask("one")])
    with Reader(store.folder) as reader:
        assert reader(texts) == ["one"]
        store.add_prompts([ask("two")])
        assert reader(texts) == ["one", "two"]
        with store.transaction():
            store.add_prompts([ask("three")])
            assert reader(texts) == ["one", "two"]
        assert reader(texts) == ["one", "two", "three"]
        store.add_demonstration(1, "text", "eve")
        assert [d.text for d in reader(lambda s: s.demonstrations())] == ["text"]
        store.undo()
        assert reader(lambda s: s.demonstrations()) == ()


def test_the_reader_takes_no_lock_and_cannot_write(store, ask):
    assert not store.is_read_only
    with Reader(store.folder) as reader:
        assert "was opened read-only" in reader(lambda s: s.read_only_reason)
        with pytest.raises(ProjectReadOnlyError):
            reader(lambda s: s.add_prompts([ask("mine")]))
        folder = store.folder
        store.close()
        with open_project(folder) as again:  # the reader kept nothing of it
            assert not again.is_read_only
            again.add_prompts([ask("one")])
            assert reader(texts) == ["one"]


def test_a_reader_in_the_middle_of_reading_keeps_no_writer_waiting(store, ask):
    store.add_prompts([ask("one")])
    store._db.execute("PRAGMA busy_timeout = 0")  # a writer that had to wait would fail at once
    with Reader(store.folder) as reader:
        reader(lambda s: s._db.execute("BEGIN"))
        assert reader(texts) == ["one"]
        seconds = []
        for i in range(20):
            start = time.perf_counter()
            store.add_demonstration(1, f"text {i}", "eve")
            store.save_draft(1, f"draft {i}")
            seconds.append(time.perf_counter() - start)
        assert statistics.median(seconds) < 0.05
        assert reader(lambda s: s.demonstrations()) == ()  # its transaction began before
        reader(lambda s: s._db.execute("COMMIT"))
        assert len(reader(lambda s: s.demonstrations())) == 20


def test_both_go_on_at_once(store, ask):
    store.add_prompts([ask("one")])
    counts = []

    def read(reader_store):
        while not counts or counts[-1] < 100:
            counts.append(len(reader_store.demonstrations()))
        return counts[-1]

    with Reader(store.folder) as reader:
        reader.asked.put(read)
        for i in range(100):
            store.add_demonstration(1, f"text {i}", "eve")
        assert reader.answered.get(timeout=30) == 100
    assert counts == sorted(counts)
