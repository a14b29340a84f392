"""Numbers in words and the lesson's markup."""

import xml.etree.ElementTree

import pytest

from gradlab.lesson.words import number, plain, ten_to, to_html


@pytest.mark.parametrize(
    ("value", "said"),
    [(13781.4, "13800"), (-0.00123, "−0.00123"), (999999.0, "1000000"), (1e-5, "1.00 · 10^{−5}"), (2.0, "2")],
)
def test_a_number_keeps_three_digits(value, said):
    assert number(value) == said


@pytest.mark.parametrize("log", [-400.0, -99.0, -3.0, 0.0, 5.0, 99.0, 400.0])
def test_a_norm_far_beyond_float_range_is_still_said(log):
    said = plain(ten_to(log), unicode=False)
    value = float(said.replace(" * 10^", "e").replace("10^", "1e")) if abs(log) < 300 else None
    assert said == f"10^{log:.1f}" if value is None else value == pytest.approx(10**log, rel=0.01)


def test_html_escapes_everything_but_the_markup():
    assert to_html("<b> & `x < y` *e* **s** h_{t−1}^{2}") == (
        "&lt;b&gt; &amp; <code>x &lt; y</code> <em>e</em> <strong>s</strong> h<sub>t−1</sub><sup>2</sup>"
    )


def test_ascii_has_a_word_for_every_symbol():
    said = plain("σ Σ_{t} √2 ½ − · × ≤ → w^{T−t} h_{50} é ä „ß“ 10\u202f000 ☃", unicode=False)
    assert said == 'sigma sum_t sqrt 2 1/2 - * x <= -> w^(T-t) h_50 e ae "ss" 10 000 ?'


@pytest.mark.parametrize(
    ("formula", "made"),
    [
        ("h_{t} = w h_{t−1}", "msub(mi(h) mi(t)) mo(=) mi(w) mo(\u2062) msub(mi(h) mrow(mi(t) mo(−) mn(1)))"),
        ("h_{k}^{2} w", "msubsup(mi(h) mi(k) mn(2)) mo(\u2062) mi(w)"),
        ("Σ_{t} tanh(a) < 0.5", "munder(mo(Σ) mi(t)) mi(tanh) mo(() mi(a) mo()) mo(<) mn(0.5)"),
        ("dL/dW", "mi(dL) mo(/) mi(dW)"),
        ("w (a) b", "mi(w) mo(\u2062) mo(() mi(a) mo()) mo(\u2062) mi(b)"),
    ],
)
def test_a_formula_is_mathml(formula, made):
    def told(element):
        inner = " ".join(map(told, element)) if len(element) else element.text
        return f"{element.tag}({inner})"

    found = to_html(f"So ${formula}$.")
    assert found.startswith("So <math>")
    assert found.endswith("</math>.")
    assert told(xml.etree.ElementTree.fromstring(found[3:-1])) == f"math({made})"


def test_a_formula_in_a_terminal_is_plain_text():
    assert plain("So $h_{t} = w^{2}$.") == "So h_t = w^2."
    assert "$" not in plain("$a$ and $b$", unicode=False)
