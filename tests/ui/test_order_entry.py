import json

import pytest
from rank_orders import keys_of, plain, weak_orders

from rlhf_studio.ui.rank.order_entry import OrderEntry


def typed(keys, k=4):
    entry = OrderEntry(k)
    for key in keys.replace(" ", ""):
        assert entry.tie() if key == "=" else entry.press(int(key)), key
    return entry


def test_there_are_75_orders_of_four():
    assert len(weak_orders(4)) == 75


@pytest.mark.parametrize("tiers", weak_orders(4), ids=keys_of)
def test_every_order_of_four_takes_at_most_six_keys(tiers):
    keys = keys_of(tiers)
    assert len(keys) <= 6
    assert plain(typed(keys).complete()) == tiers


@pytest.mark.parametrize(
    ("keys", "tiers"),
    [
        ("2 4 = 1", ((1,), (0, 3), (2,))),
        ("2 4 1 =", ((1,), (3,), (0, 2))),
        ("1 2 3", ((0,), (1,), (2,), (3,))),
        ("1 2 3 4", ((0,), (1,), (2,), (3,))),
        ("1 = 2 = 3 =", ((0, 1, 2, 3),)),
        ("1 2", None),
        ("1 2 =", None),
        ("", None),
    ],
)
def test_keys(keys, tiers):
    complete = typed(keys).complete()
    assert complete == tiers if tiers is None else plain(complete) == tiers


def test_a_strict_order_of_k_takes_k_minus_one_digits():
    for k in range(2, 10):
        entry = typed("".join(str(digit) for digit in range(k, 1, -1)), k)
        assert entry.complete() == tuple((index,) for index in reversed(range(k)))


def test_what_cannot_be_pressed_changes_nothing():
    entry = typed("2")
    for refused in (entry.press(2), entry.press(0), entry.press(5), OrderEntry(4).tie()):
        assert not refused
    assert entry.tiers == ((1,),)
    entry.tie()
    assert not entry.tie()
    full = typed("1234")
    assert not full.tie()


def test_backspace_takes_one_key_back():
    entry = typed("2 4 = 1")
    entry.backspace()
    assert entry.tiers == ((1,), (3,))
    assert entry.is_tying
    entry.backspace()
    assert not entry.is_tying
    entry.press(1)
    assert entry.tiers == ((1,), (3,), (0,))
    while entry.backspace():
        pass
    assert entry.tiers == ()
    assert entry.is_untouched


def test_clear():
    entry = typed("2 4 =")
    entry.clear()
    assert entry.tiers == ()
    assert not entry.is_tying


def test_place_between_and_beside_and_back():
    entry = typed("1 2 3")
    assert entry.place(3, 1, as_new=True)
    assert entry.tiers == ((0,), (3,), (1,), (2,))
    assert entry.place(0, 2, as_new=False)
    assert entry.tiers == ((3,), (1, 0), (2,))
    assert not entry.place(2, 2, as_new=False)
    assert not entry.place(9, 0, as_new=False)
    entry.backspace()
    entry.backspace()
    assert entry.tiers == ((0,), (1,), (2,))


def test_move_goes_through_ties():
    entry = typed("1 2")
    entry.move(1, -1)
    assert plain(entry.tiers) == ((0, 1),)
    entry.move(1, -1)
    assert entry.tiers == ((1,), (0,))
    assert not entry.move(1, -1)
    entry.move(1, 1)
    assert plain(entry.tiers) == ((0, 1),)
    entry.move(1, 1)
    assert entry.tiers == ((0,), (1,))
    entry.move(3, -1)
    assert entry.tiers == ((0,), (1,), (3,))


def test_an_answer_is_taken_out_of_the_order():
    entry = typed("1 = 2 3")
    assert entry.remove(0)
    assert entry.tiers == ((1,), (2,))
    assert entry.remove(2)
    assert entry.tiers == ((1,),)
    assert not entry.remove(2)
    entry.backspace()
    assert entry.tiers == ((1,), (2,))


def test_what_is_kept_comes_back_with_all_that_can_be_taken_back():
    entry = typed("2 4 =")
    again = OrderEntry.from_json(4, json.loads(json.dumps(entry.to_json())))
    assert (again.tiers, again.is_tying) == (((1,), (3,)), True)
    while again.backspace():
        pass
    assert again.tiers == ()
    whole = OrderEntry.of(4, [[1], [0, 3], [2]])
    assert whole.complete() == ((1,), (0, 3), (2,))
    whole.backspace()
    assert whole.tiers == ()


def test_only_the_last_acts_are_kept():
    entry = typed("1 2 3 4")
    for _ in range(50):
        entry.move(0, 1)
        entry.move(0, -1)
    again = OrderEntry.from_json(4, entry.to_json())
    assert again.tiers == entry.tiers
    assert len(again.to_json()) == 32


@pytest.mark.parametrize(
    "kept",
    [
        None,
        5,
        [[[[0, 0]], False]],  # an answer twice
        [[[[7]], False]],  # one that is not there
        [[[[0], []], False]],  # an empty rank
        [[[], True]],  # a tie with nothing
        [[[["a"]], False]],
        [[1, 2, 3]],
    ],
)
def test_what_is_no_order_is_not_read(kept):
    assert OrderEntry.from_json(4, kept) is None
