"""Every group is in one share, whatever their number; a share's groups stand beside each other."""

import numpy as np
import pytest

from gradlab.engines.share import Share, deal


@pytest.mark.parametrize("of", [1, 2, 3, 7, 50])
def test_every_group_is_in_one_share(of):
    rng = np.random.default_rng(of)
    for count in (1, 2, 12, 40):
        sizes = rng.integers(1, 1000, count).tolist()
        shares = [deal(range(count), sizes, Share(i + 1, of)) for i in range(of)]
        assert [group for share in shares for group in share] == list(range(count))
        # None is larger than its part by more than a group.
        work = [sum(sizes[group] for group in share) for share in shares]
        assert max(work) <= sum(sizes) / of + max(sizes)
