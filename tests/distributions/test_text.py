"""Numbers are rounded by their standard deviation, and distributions shown so in both forms."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from covey import Mixture, MultivariateNormal, MultivariateT
from covey.distributions.text import measured, rounded

# Written by hand, as a person who keeps two digits of each uncertainty would.
BY_HAND = [
    (-122.3346, 0.026, "-122.335 ± 0.026"),
    (1.0, 2.0, "1.0 ± 2.0"),
    (1234567, 4200, "1234600 ± 4200"),
    (87_654_321, 54_321, "87654000 ± 54000"),
    (5, 0.0996, "5.00 ± 0.10"),
    (9.996, 0.0996, "10.00 ± 0.10"),
    (-0.0001, 0.5, "0.00 ± 0.50"),
    (0.0, 0.031, "0.000 ± 0.031"),
    (0.5, 0.0, "0.5 ± 0"),
    (0.0, 0.0, "0 ± 0"),
    (1.2345e12, 3.4e9, "(1.2345 ± 0.0034)e+12"),
    (3e-9, 1e-10, "(3.00 ± 0.10)e-09"),
    (0.0, 1e-8, "(0.0 ± 1.0)e-08"),
    (-1e300, 1e299, "(-1.00 ± 0.10)e+300"),
    (1e9, 1e-9, "1000000000 ± 1e-09"),
    (2.5, float("inf"), "2.5 ± inf"),
]


@pytest.mark.parametrize(("value", "error", "text"), BY_HAND)
def test_two_digits_of_the_uncertainty_say_where_the_value_ends(value, error, text):
    assert measured(value, error) == text
    if "(" not in text:
        assert rounded(value, error) == text.split(" ± ")[0]


def test_rounding_loses_less_than_a_hundredth_of_the_uncertainty_or_two():
    generator = np.random.default_rng(0)
    for value, size, ratio in generator.uniform([-1, -12, -6], [1, 12, 2], (500, 3)):
        value *= 10**size
        error = 10 ** (size + ratio)
        text = measured(value, error)
        power = float("1" + text.partition(")")[2]) if ")" in text else 1.0
        mean, spread = (float(part.strip("()")) for part in text.split(")")[0].split(" ± "))
        assert abs(mean * power - value) <= 0.0501 * error, text
        assert abs(spread * power - error) <= 0.0501 * error, text
        assert len(text) < 40


class Texts(HTMLParser):
    """What a browser would show, and the names of the tags."""

    def __init__(self, html):
        super().__init__()
        self.texts, self.tags = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attrs}

    def handle_data(self, data):
        self.texts.append(data)


LONG = "a name of some sixty letters, as those of sensors often are.."
NAMES = ["<b>bold</b>", 'say "<script>alert(1)</script>"', LONG, "$x_2$"]
MEAN = np.array([[-122.3346, 1.0, 0.0, 7.0]] * 7)
SCALE = np.diag([0.026, 2.0, 0.5, 100.0])
NORMAL = MultivariateNormal(MEAN, scale_tril=np.stack([SCALE] * 7), targets=NAMES)
KINDS = [
    NORMAL,
    MultivariateT(MEAN, degrees_of_freedom=1e9, scale_tril=np.stack([SCALE] * 7), targets=NAMES),
    Mixture([NORMAL, NORMAL]),
]


@pytest.mark.parametrize("joint", KINDS, ids=lambda joint: type(joint).__name__)
def test_html_shows_what_the_text_shows_and_nothing_is_markup(joint):
    found = Texts(joint._repr_html_())
    for name in NAMES:
        assert name in found.texts
    assert {"b", "script", "img", "link"}.isdisjoint(found.tags)
    assert "-122.335 ± 0.026" in found.texts
    assert "-122.335 ± 0.026" in repr(joint)
    assert "1.0 ± 2.0" in found.texts
    assert any("7 rows, 4 targets" in text for text in found.texts)
    assert "... 2 more rows" in found.texts
    assert found.tags.count("tr") == 1 + 5


def test_rows_are_called_by_their_labels():
    labelled = NORMAL._labelled(pd.Index(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]))
    assert [line.split()[0] for line in repr(labelled[2:5]).splitlines()[2:]] == [
        *("wed", "thu", "fri")
    ]
    assert "wed" in Texts(labelled[2:5]._repr_html_()).texts


def test_long_names_do_not_make_long_lines():
    assert max(map(len, repr(NORMAL).splitlines())) < 120
    assert LONG[:10] in repr(NORMAL)


def test_one_row_has_its_correlations():
    joint = MultivariateNormal([1, 2], covariance=[[4, 3], [3, 9]], targets=["CO", "NOx"])
    assert "0.50" in Texts(joint._repr_html_()).texts
    found = Texts(NORMAL[0]._labelled(pd.Index(["<b>a</b>"]))._repr_html_())
    assert "b" not in found.tags
    assert found.texts.count("<b>a</b>") == 1
    assert found.texts.count(NAMES[0]) == 3  # above the means, and both ways at the correlations
