"""Means over Gaussian units against adaptive quadrature."""

import itertools
import math

import pytest
from scipy import integrate

from gradlab.theory import quadrature
from gradlab.theory.quadrature import average


@pytest.mark.parametrize("variance", [1e-8, 0.3, 1.0, 25.0, 1e4])
@pytest.mark.parametrize("name", ["tanh_square", "tanh_slope", "gate_square", "gate_slope"])
def test_quadrature(name, variance):
    function = getattr(quadrature, name)
    std = math.sqrt(variance)
    density = lambda a: (
        function(0.7 + a) * math.exp(-(a**2) / (2 * variance)) / (std * math.sqrt(2 * math.pi))
    )
    parts = [-9 * std, *(x for x in (-30.0, -3.0, 0.0, 3.0, 30.0) if abs(x) < 9 * std), 9 * std]
    whole = sum(
        integrate.quad(density, *ends, epsabs=1e-15, epsrel=1e-12)[0] for ends in itertools.pairwise(parts)
    )
    assert average(function, variance, 0.7) == pytest.approx(whole, rel=1e-9)
