"""The report: one page, whole, true, and asking nobody for anything."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import covey
from covey.assess.advice import advice, verdict_with_advice
from covey.assess.verdict import verdict
from covey.cli import main
from covey.cli.words import in_options
from covey.errors import InputError
from covey.report import write_report
from covey.report.page import page
from covey.report.rows import surprises

QUICK = {
    "family": "student_t",
    "members": 3,
    "hidden_units": (16,),
    "max_steps": 40,
    "random_state": 0,
    "verbose": 0,
}
NAMES = ["a", "b & <c>", "d"]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def table(n=240, seed=0):
    r = np.random.default_rng(seed)
    X = pd.DataFrame({"x": r.normal(size=n), "kind": r.choice(["u", "v"], n)})
    noise = r.normal(size=(n, 3)) @ [[1.0, 0.8, 0.0], [0.0, 0.6, 0.5], [0.0, 0.0, 0.9]]
    Y = X[["x"]].to_numpy() * [1.0, 2.0, 0.0] + noise
    Y[r.random(Y.shape) < 0.1] = np.nan
    return X, pd.DataFrame(Y, columns=NAMES).set_axis(X.index + 1000), n


@pytest.fixture(scope="module")
def model():
    X, Y, _ = table()
    new_X, new_Y, _ = table(seed=2)
    fitted = covey.JointRegressor(**QUICK).fit(X, Y.to_numpy())
    return fitted.calibrate(new_X, new_Y.to_numpy())


@pytest.fixture(scope="module")
def named():
    X, Y, _ = table()
    return covey.JointRegressor(**QUICK).fit(X.set_axis(Y.index), Y)


@pytest.fixture(scope="module")
def tested():
    X, Y, _ = table(seed=1)
    return X.set_axis(Y.index), Y


@pytest.fixture(scope="module")
def text(named, tested):
    return page(named, *tested, source="rows <of> a table.csv")


class Reader(HTMLParser):
    """Collects what a browser would load, and what it would show."""

    def __init__(self):
        super().__init__()
        self.tags, self.addresses, self.ids, self.shown, self.open = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        found = dict(attributes)
        self.addresses += [
            found[name] for name in ("src", "href", "xlink:href", "action") if name in found
        ]
        self.ids += [found["id"]] if "id" in found else []

    def handle_data(self, data):
        self.shown.append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    return reader


def test_the_page_loads_nothing(text):
    reader = read(text)
    assert reader.addresses
    assert all(address.startswith(("#", "data:")) for address in reader.addresses)
    assert not {"script", "iframe", "object", "form"} & set(reader.tags)
    assert not re.findall(r"url\((?!#)|@import", text)
    outside = set(re.findall(r"https?://[^\"' <]*", text))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_names_of_elements_are_unique_and_found(text):
    reader = read(text)
    assert len(set(reader.ids)) == len(reader.ids)
    wanted = {a[1:] for a in reader.addresses if a.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", text))
    assert wanted <= set(reader.ids)


def test_every_picture_is_there_and_described(text):
    pictures = re.findall(r'<svg role="img" aria-label="([^"]+)"', text)
    assert len(pictures) == len(set(pictures)) == text.count("<figure>") == 6
    assert "#123456" not in text.lower()  # the ink is the page's
    assert text.count("currentColor") > 50


def test_the_figures_are_those_of_the_evaluation(named, tested, text):
    figures = named.evaluate(*tested)
    shown = " ".join(read(text).shown)
    for line in verdict(figures)[:-1]:
        _, _, answer = line.partition("? ")
        assert answer[1:] in shown
    for todo in filter(None, advice(figures)[:-1]):
        assert f"To do: {todo}" in shown
    assert f"{figures['negative_log_likelihood_per_target']:.3f}".replace("-", "\u2212") in shown
    for found in figures["coverage"].values():
        assert f"{found['joint']:.1%}" in shown
        assert all(f"{value:.1%}" in shown for value in found["per_target"].values())
    for name in NAMES:
        assert f"{tested[1][name].notna().sum():,}" in shown
    assert covey.__version__ in shown


def test_text_of_the_user_stays_text(text):
    assert "rows &lt;of&gt; a table.csv" in text
    assert "b &amp; &lt;c&gt;" in text
    assert "<c>" not in text


def test_the_most_surprising_rows_are_the_farthest_out():
    r = np.random.default_rng(0)
    joint = covey.MultivariateNormal(
        np.zeros((50, 2)), covariance=[[1.0, 0.9], [0.9, 1.0]], targets=["a", "b"]
    )
    Y = joint.sample(1, seed=r)[0]
    Y[7] = [1.0, -1.0]  # each alone is nothing much
    Y[9] = [40.0, np.nan]
    Y[11] = np.nan
    found = surprises(joint, Y, [f"row {i}" for i in range(50)], most=4)
    assert [entry["row"] for entry in found[:2]] == ["row 9", "row 7"]
    assert found[0]["chance"] == "less than 1 in a billion"
    assert found[0]["target"] == "a"
    assert found[0]["given"] is None
    assert found[0]["stddev"] == 1.0
    chance = np.exp(-0.5 * joint.mahalanobis(Y)[7] ** 2)  # two targets: exponential
    assert found[1]["chance"] == f"1 in {float(f'{1 / chance:.2g}'):,.0f}"
    assert found[1]["given"] == pytest.approx(0.9 * (1.0 if found[1]["target"] == "b" else -1.0))
    assert found[1]["given_stddev"] == pytest.approx(np.sqrt(1 - 0.81))
    assert len(found) == 4
    assert "row 11" not in {entry["row"] for entry in surprises(joint, Y, range(50), most=60)}


def test_arrays_and_calibrated_models_do_too(model):
    X, Y, _ = table(seed=2)
    text = page(model, X, Y.to_numpy(), title="Three of them")
    assert "<title>Three of them</title>" in text
    assert "split conformal" in text
    assert "y0" in text


def test_one_target_has_no_correlations():
    X, Y, _ = table()
    model = covey.JointRegressor(**QUICK).fit(X.set_axis(Y.index), Y[["a"]])
    text = page(model, X.set_axis(Y.index), Y[["a"]])
    assert "move together</h2>" not in text
    assert text.count("<figure>") == 4


def test_warnings_say_what_is_odd(named, tested):
    X, Y = tested
    X = X.assign(x=X["x"] + 5.0, kind=np.where(np.arange(len(X)) % 3 > 0, None, X["kind"]))
    Y = Y.assign(d=np.where(np.arange(len(Y)) < 5, Y["d"], np.nan))
    Y.iloc[:20] = np.nan
    text = page(named, X, Y)
    assert "Feature x is typically" in text
    assert "spreads above what" in text
    assert "Feature kind is missing in 67% of the rows, and never in training" in text
    assert "Target d was observed in 0 rows" in text
    assert f"{Y.isna().all(axis=1).sum()} of 240 rows hold no target" in text


def test_nothing_is_written_when_it_fails(named, tested, tmp_path, monkeypatch):
    X, Y = tested
    with pytest.raises(InputError, match="rows that hold a target"):
        write_report(tmp_path / "r.html", named, X, Y * np.nan)
    with pytest.raises(InputError, match="Create it"):
        write_report(tmp_path / "no" / "r.html", named, X, Y)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match=r"covey\[report\]"):
        write_report(tmp_path / "r.html", named, X, Y)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_it(named, tested, tmp_path, capsys):
    X, Y = tested
    named.save(tmp_path / "m.covey")
    X.join(Y).to_csv(tmp_path / "t.csv", index=False)
    paths = [str(tmp_path / name) for name in ("m.covey", "t.csv", "r.html")]
    assert main(["evaluate", *paths[:2], "--report", paths[2]]) == 0
    out = capsys.readouterr().out
    assert "<!DOCTYPE html>" in (tmp_path / "r.html").read_text(encoding="utf-8")
    lines = in_options("\n".join(verdict_with_advice(named.evaluate(X, Y)))).splitlines()
    assert out.splitlines()[-len(lines) :] == lines
    assert "ridge regression with one covariance for all rows" in out
    assert main(["evaluate", *paths[:2], "--report", str(tmp_path / "r.pdf")]) == 2
    assert ".html" in capsys.readouterr().err


LONG = [f"concentration of nitrogen oxides at station {i} ($micrograms$ per m3)" for i in range(9)]
MEASURE = """<script>
const width = document.documentElement.clientWidth;
const beyond = [...document.querySelectorAll("body *")].filter(
  (e) => e.getBoundingClientRect().right > width + 1 && !e.closest(".scroll") && !e.closest("pre"));
const hidden = [...document.querySelectorAll("td:nth-child(2)")].filter(
  (e) => e.getBoundingClientRect().right > width);
parent.postMessage(`${document.documentElement.scrollWidth} ${width} ` +
  `${beyond.length} ${hidden.length}`, "*");
</script></body>"""


@pytest.fixture(scope="module")
def of_long_names():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(120, 2))
    Y = X @ generator.normal(size=(2, 9)) + generator.normal(size=(120, 9))
    Y = pd.DataFrame(Y, columns=LONG)
    model = covey.JointRegressor(**{**QUICK, "members": 2, "max_steps": 10}).fit(X[:60], Y[:60])
    return page(model, X[60:], Y[60:])


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_a_phone_shows_it_without_scrolling_sideways(of_long_names, tmp_path):
    """Wide tables and pictures scroll by themselves, and the first numbers are in sight."""
    text = re.sub(r"<meta http-equiv[^>]*>", "", of_long_names).replace("</body>", MEASURE)
    assert MEASURE in text
    (tmp_path / "r.html").write_text(text, encoding="utf-8")
    frame = (
        '<iframe src="r.html" style="width:375px;height:3000px;border:0"></iframe><p id="o"></p>'
        "<script>onmessage = (e) => { document.getElementById('o').textContent = e.data }</script>"
    )
    (tmp_path / "frame.html").write_text(frame, encoding="utf-8")
    result = subprocess.run(
        [
            *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--virtual-time-budget=5000", "--dump-dom"),
            f"--user-data-dir={tmp_path / 'browser'}",
            (tmp_path / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=600,
    )
    found = re.search(r'<p id="o">(\d+) (\d+) (\d+) (\d+)</p>', result.stdout)
    scrolled, width, beyond, hidden = map(int, found.groups())
    assert 350 <= width <= 375
    assert scrolled == width
    assert beyond == hidden == 0


def test_names_are_cut_to_their_place_in_headline_and_pictures(of_long_names):
    title = re.search("<title>(.*)</title>", of_long_names)[1]
    assert len(title) < 120
    assert title.endswith("and 8 others")
    pictures = "".join(re.findall("<svg.*?</svg>", of_long_names, flags=re.DOTALL))
    assert max(map(len, re.findall("<text[^>]*>([^<]*)</text>", pictures))) < 60
    assert "\\$" not in pictures
    assert "$micrograms$" in pictures


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_without_complaints(text, tmp_path, scheme):
    from PIL import Image

    (tmp_path / "r.html").write_text(text, encoding="utf-8")
    result = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            *(["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []),
            f"--user-data-dir={tmp_path / 'browser'}",
            "--window-size=1000,6000",
            f"--screenshot={tmp_path / 'r.png'}",
            (tmp_path / "r.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "CONSOLE" not in result.stderr
    with Image.open(tmp_path / "r.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert pixels[0].mean() > 200 if scheme == "light" else pixels[0].mean() < 60
    colours = {tuple(colour) for colour in pixels[::3]}
    assert (0, 0x72, 0xB2) in colours  # of the pictures
    assert (0xD5, 0x5E, 0) in colours
