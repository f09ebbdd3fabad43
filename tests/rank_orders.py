"""Orders with ties, and the keys for them."""

from itertools import permutations


def weak_orders(k):
    """Every order of k answers with ties, best first, each once."""
    found = set()
    for order in permutations(range(k)):
        for cuts in range(2 ** (k - 1)):
            tiers = [[order[0]]]
            for place, index in enumerate(order[1:]):
                if cuts >> place & 1:
                    tiers.append([index])
                else:
                    tiers[-1].append(index)
            found.add(tuple(tuple(sorted(tier)) for tier in tiers))
    return sorted(found)


def keys_of(tiers):
    """The keys for an order, without that of the answer that is filled in."""
    keys = "".join(("=" if place else "") + str(index + 1) for tier in tiers for place, index in enumerate(tier))
    return keys[:-1]


def plain(tiers):
    return tuple(tuple(sorted(tier)) for tier in tiers)
