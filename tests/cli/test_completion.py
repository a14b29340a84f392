"""What a shell completes: the options of a command, and the members that an option names."""

import os
import subprocess
import sys

import pytest

from tests.cli.calling import ENVIRONMENT


def completed(words):
    """What bash would offer for the last word."""
    asked = {"_GRADLAB_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    command = [sys.executable, "-m", "gradlab"]
    done = subprocess.run(
        command, env=os.environ | ENVIRONMENT | asked, capture_output=True, text=True, timeout=60
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("gradlab sweep --cell ls", ["lstm", "lstm97"]),
        ("gradlab sweep --init ortho", ["orthogonal"]),
        ("gradlab sweep --probe lya", ["lyapunov"]),
        ("gradlab remedies temporal", ["temporal_order"]),
        ("gradlab remedies adding --remedy clip_n", ["clip_norm"]),
        ("gradlab swe", ["sweep"]),
    ],
)
def test_a_member_is_offered_where_it_may_stand(words, offered):
    assert completed(words) == offered
