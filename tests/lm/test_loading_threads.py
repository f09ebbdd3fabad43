import threading
from concurrent.futures import ThreadPoolExecutor

import torch

from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.padding import left_pad
from rlhf_studio.lm.saving import save_language_model


def test_models_can_be_loaded_by_two_threads_at_once(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path)
    batch = left_pad([[40, 50, 60], [70]], 1)
    expected = tiny_lm.logits(batch)
    both = threading.Barrier(2)

    def load(_):
        both.wait(30)
        return load_language_model(tmp_path).logits(batch)

    with ThreadPoolExecutor(2) as pool:
        for logits in pool.map(load, range(6)):
            assert torch.equal(logits, expected)
