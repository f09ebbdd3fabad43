"""Our formulas against those of other programs, where these are installed.

They are the group ``compare`` of pyproject.toml. It says how to install them without what they depend on.
"""

import pytest
from independent import COMPARISONS, is_installed, largest_differences

pytestmark = pytest.mark.golden


@pytest.mark.parametrize("name", COMPARISONS)
def test_the_others_find_the_same(name):
    if not is_installed(name):
        pytest.skip(f"{name} is not installed")
    differences = largest_differences(name, seeds=range(5))
    assert {what: worst for what, (worst, _) in differences.items() if not worst < 1e-6} == {}
