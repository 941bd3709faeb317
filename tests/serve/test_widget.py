"""The page in a notebook: messages as Jupyter sends them, and the output cell in a browser."""

import json
import shutil
import threading
import warnings

import numpy as np
import pandas as pd
import pytest

from covey.errors import InputError
from covey.serve.page_text import part
from covey.serve.refusal import Refusal
from tests.small_table import table

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Comm:
    """What a kernel holds of a widget: messages to the front end, kept in order."""

    comm_id = "1"

    def __init__(self):
        self.sent = []

    def send(self, data=None, metadata=None, buffers=None):
        self.sent.append(data)

    def on_msg(self, callback):
        self.hear = callback

    def close(self, *args, **kwargs):
        pass


@pytest.fixture
def explorer(model):
    return front_end(model.explore())


def front_end(explorer):
    """The widget with a comm of ours in place of a kernel's."""
    explorer.comm = Comm()
    return explorer


def ask(explorer, path, body, file=None):
    """What the page's frame sends, and the status and the body that come back."""
    content = {"view": "v", "id": 7, "path": path, "text": body}
    data = {"method": "custom", "content": content}
    explorer._handle_msg({"content": {"data": data}, "buffers": [] if file is None else [file]})
    said = explorer.comm.sent[-1]
    assert said["method"] == "custom"
    assert (said["content"]["view"], said["content"]["id"]) == ("v", 7)
    return said["content"]["status"], said["content"]["body"]


def shows(explorer, **state):
    """What the front end sends when the page shows something else."""
    data = {"method": "update", "state": {"state": state}, "buffer_paths": []}
    explorer._handle_msg({"content": {"data": data}, "buffers": []})


def test_it_answers_as_the_server_does(explorer, client, rows):
    exploration = {"row": rows[0], "pair": ["small", "big"], "levels": [0.5], "given": {"big": 2.0}}
    for path, content in (("explore", exploration), ("predict", {"rows": rows[:3]})):
        body = json.dumps(content)
        assert ask(explorer, path, body) == (200, client.post(f"/{path}", content=body).text)


def test_files_as_the_server_does(explorer, client):
    X, _ = table()
    text = X[:5].to_csv(index=False).encode()
    for path in ("rows", "predict?columns=mean,std"):
        answer = client.post(f"/{path}", content=text, headers={"content-type": "text/csv"})
        assert ask(explorer, path, None, text) == (200, answer.text)


def test_what_cannot_be_answered_is_said(explorer, monkeypatch):
    from covey.serve import widget

    status, body = ask(explorer, "explore", '{"row": {"number": "warm"}}')
    assert (status, json.loads(body)["error"]["rows"][0]["column"]) == (422, "gaps")
    assert ask(explorer, "predict?columns=mean", None, b"")[0] == 400
    assert ask(explorer, "table", "0")[0] == ask(explorer, "metrics", "")[0] == 404

    def fail(model, questions):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(widget, "answer", fail)
    content = json.dumps({"rows": [explorer.row.iloc[0].to_dict()]})
    status, body = ask(explorer, "predict", content)
    assert (status, "secret" in body) == (500, False)


def test_what_is_shown_can_be_had_in_python(explorer, model):
    X, _ = table()
    cells = {name: None if pd.isna(cell) else cell for name, cell in X.iloc[4].items()}
    shows(explorer, row=cells, given={"big": 2.0}, pair=["small", "big"])
    assert explorer.given == {"big": 2.0}
    want = model.predict_distribution(X.iloc[[4]], given={"big": [2.0]})
    assert explorer.distribution.targets == ("small", "middle")
    np.testing.assert_allclose(explorer.distribution.mean, want.mean, rtol=1e-12)
    np.testing.assert_allclose(explorer.distribution.covariance, want.covariance, rtol=1e-12)
    shows(explorer, row={}, given={})
    assert explorer.distribution.targets == model.targets_
    typical = explorer.row
    assert typical["number"].item() == pytest.approx(X["number"].median(), rel=0.2)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"row": {"number": [1.0]}}, "row 0, column 'number'"),
        ({"row": {"nmber": 1.0}}, "`row` of `state` has no 'nmber'. It has 'number'"),
        ({"row": "none"}, "`row` of `state` to be a mapping"),
        ({"given": {"big": "much"}}, "expected a finite number or null"),
        ({"given": {"big": True}}, "Received: True"),
        ({"given": {"bg": 1.0}}, "`given` of `state` has no 'bg'"),
        ({"level": 0.99}, "one of .0.5, 0.8, 0.9, 0.95.. Received: 0.99"),
        ({"pair": ["big", "bg"]}, "two targets"),
        ({"index": 0}, "one of 0 rows"),
        ({"rows": 1}, "`state` has no 'rows'"),
    ],
)
def test_a_state_that_cannot_be_shown(explorer, state, message):
    before = explorer.state
    with pytest.raises(InputError, match=message):
        explorer.state = state
    assert explorer.state == before


def test_a_state_of_cells_as_tables_have_them(explorer):
    row = {"number": np.float32(2), "gaps": np.nan, "colour": pd.NA}
    explorer.state = {"row": row, "given": {"small": np.float64(1e-9), "big": None}}
    assert explorer.row.iloc[0].isna().tolist() == [False, True, True]
    assert explorer.given == {"small": 1e-9}
    json.dumps(explorer.state, allow_nan=False)
    assert repr(explorer).startswith("Explorer(row={'number': 2.0")


def test_all_targets_observed(explorer):
    explorer.state = {"given": {"small": 1e-9, "middle": 1.0, "big": 1e9}}
    with pytest.raises(InputError, match="Expected a target that is not observed"):
        _ = explorer.distribution


def test_it_begins_with_the_first_row_before_anybody_looks(model):
    X, Y = table()
    explorer = model.explore(X[3:], Y[3:])
    assert explorer.row["number"].item() == X["number"][3]
    np.testing.assert_array_equal(explorer.distribution.mean, model.predict(X[3:4]))


def test_warnings_of_other_threads_are_heard(explorer, monkeypatch):
    """The page is answered in a thread of its own, beside the cell that runs."""
    from covey.errors import CoveyWarning, warn
    from covey.serve import widget

    inside, heard = threading.Event(), threading.Event()

    def slow(model, questions):
        warn("of the page")
        inside.set()
        assert heard.wait(20)
        return [Refusal(422, "no")]

    monkeypatch.setattr(widget, "answer", slow)
    content = json.dumps({"row": explorer.state["row"]})
    thread = threading.Thread(target=ask, args=(explorer, "explore", content))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thread.start()
        assert inside.wait(20)
        warn("of the cell", CoveyWarning)
        heard.set()
        thread.join()
    assert [str(each.message) for each in caught] == ["of the cell"]


def test_a_model_that_was_fitted_anew(model):
    class Anew:
        targets_ = ("other",)
        schema_ = model.schema_

    explorer = front_end(model.explore())
    explorer._model = Anew()
    status, body = ask(explorer, "predict", "{}")
    assert (status, "fitted anew" in body) == (422, True)


def test_a_table_is_paged_through(model):
    X, Y = table()
    X = X.set_axis([f"row {place}" for place in range(len(X))])
    explorer = front_end(model.explore(X, Y.set_axis(X.index)))
    status, body = ask(explorer, "table", "10")
    found = json.loads(body)
    assert (status, found["labels"]) == (200, list(X.index[10:20]))
    assert [row["small"] for row in found["observed"]] == pytest.approx(Y["small"][10:20].tolist())
    answer = json.loads(ask(explorer, "predict", json.dumps({"rows": found["rows"]}))[1])
    means = [[row["mean"][name] for name in model.targets_] for row in answer["rows"]]
    np.testing.assert_allclose(means, model.predict(X[10:20]), rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"Y": [[1.0, 2.0, 3.0]]}, "`Y` is shown beside the rows of `X`"),
        ({"X": table()[0][:0]}, "0 sample"),
        ({"X": pd.concat([table()[0]] * 2501)}, "Received 100,040"),
        ({"X": table()[0].drop(columns="number")}, "number"),
        ({"X": table()[0], "Y": table()[1][1:]}, "Y"),
    ],
)
def test_what_cannot_be_shown(model, arguments, message):
    with pytest.raises(InputError, match=message):
        model.explore(**arguments)


NOTEBOOK = """<!DOCTYPE html><body style="background: #111">
<div id="cell" style="width: 960px"></div>
<script type="module">
const listeners = {};
window.traits = {_page: await window.trait("_page"), state: await window.trait("state")};
const model = {
  get: (name) => window.traits[name],
  set: (name, value) => { window.traits[name] = value; },
  save_changes: () => window.saved(window.traits.state),
  on: (name, callback) => { (listeners[name] ??= []).push(callback); },
  off: (name, callback) => listeners[name].splice(listeners[name].indexOf(callback), 1),
  send: async (content, _, buffers) => {
    const bytes = buffers.length ? [...new Uint8Array(buffers[0])] : null;
    const answer = await window.sent(content, bytes);
    if (answer) for (const callback of listeners["msg:custom"]) callback(answer);
  },
};
window.change = (state) => {
  window.traits.state = state;
  for (const callback of listeners["change:state"]) callback();
};
window.left = () => Object.values(listeners).flat().length;
const module = URL.createObjectURL(new Blob([await window.esm()], { type: "text/javascript" }));
const { default: widget } = await import(module);
window.remove = widget.render({ model, el: document.getElementById("cell") });
window.more = (inside) => {
  const el = inside.appendChild(document.createElement("div"));
  widget.render({ model, el });
};
</script>"""


@pytest.fixture
def cell(model):
    """The frame of the page in a page that stands for a notebook, and the widget behind it."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    X, Y = table()
    explorer = front_end(model.explore(X, Y))

    def sent(content, file):
        if sent.busy:
            return None
        data = {"method": "custom", "content": content}
        buffers = [] if file is None else [bytes(file)]
        explorer._handle_msg({"content": {"data": data}, "buffers": buffers})
        return explorer.comm.sent[-1]["content"]

    sent.busy = False
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 800})
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.route("**", lambda route: route.fulfill(body=NOTEBOOK, content_type="text/html"))
        page.expose_function("trait", lambda name: getattr(explorer, name))
        page.expose_function("esm", lambda: part("widget.js"))
        page.expose_function("saved", lambda state: shows(explorer, **state))
        page.expose_function("sent", sent)
        page.goto("http://notebook.invalid/")
        frame = page.frame_locator("iframe")
        frame.locator("#plane path.region").first.wait_for()
        yield page, frame, explorer, sent
        assert said == []
        browser.close()


def until(page, holds):
    """Wait for what a message brings about."""
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come about")


def test_the_cell(cell):
    page, frame, explorer, _ = cell
    X, Y = table()
    assert explorer.row["number"].item() == pytest.approx(X["number"][0], rel=1e-6)
    frame.locator("#feature-0").fill("0.75")
    until(page, lambda: explorer.row["number"].item() == 0.75)
    frame.locator("#given-1").fill("0.3")
    until(page, lambda: explorer.given == {"middle": 0.3})
    assert frame.locator(".target.given .who").inner_text() == "middle"
    frame.locator("#after").click()
    frame.get_by_label("Show row 12", exact=True).click()
    until(page, lambda: explorer.row["number"].item() == pytest.approx(X["number"][12], rel=1e-6))
    seen = frame.locator("tr[data-index='12'] td").nth(2).locator("small").last.inner_text()
    assert float(seen.strip("() ").replace("\u2212", "-")) == pytest.approx(
        Y["middle"][12], abs=0.05
    )


def test_its_frame_is_as_high_as_the_page_and_as_dark_as_the_notebook(cell):
    page, frame, _, _ = cell
    body = frame.locator("body")
    until(
        page,
        lambda: (
            abs(page.locator("iframe").bounding_box()["height"] - body.bounding_box()["height"]) < 2
        ),
    )
    assert frame.locator("html").get_attribute("data-theme") == "dark"
    page.evaluate("document.body.style.background = '#fff'")
    until(page, lambda: frame.locator("html").get_attribute("data-theme") == "light")
    assert not frame.locator("#link").is_visible()


def test_python_may_choose_what_is_shown(cell):
    page, frame, _, _ = cell
    page.evaluate("change({row: {number: 0.25}, given: {big: 2e8}, pair: null, level: 0.5})")
    until(page, lambda: frame.locator("#given-2").input_value() == "200000000")
    assert frame.locator("#level").input_value() == "0.5"
    assert frame.locator("#feature-0").input_value() == "0.25"
    assert page.evaluate("left()") == 2
    page.evaluate("remove()")
    assert page.evaluate("left()") == 0


def test_a_dropped_file_and_a_busy_python(cell, tmp_path):
    page, frame, explorer, sent = cell
    X, _ = table()
    X.assign(number=X["number"] + 100).to_csv(tmp_path / "far.csv", index=False)
    frame.locator("#file").set_input_files(tmp_path / "far.csv")
    frame.get_by_label("Show row 1", exact=True).click()
    until(
        page, lambda: explorer.row["number"].item() == pytest.approx(100 + X["number"][0], rel=1e-6)
    )
    (tmp_path / "large.csv").write_bytes(b"number,gaps,colour\n" + b"1,2,red\n" * 600_000)
    frame.locator("#file").set_input_files(tmp_path / "large.csv")
    frame.locator("#message", has_text="at most 4 MiB").wait_for()
    sent.busy = True
    frame.locator("#feature-0").fill("0.5")
    frame.locator("#message", has_text="busy").wait_for()


def seen(frame):
    return frame.locator(".seen-mark").count()


def test_another_view_shows_the_same(cell):
    page, frame, explorer, _ = cell
    frame = page.frame_locator("iframe >> nth=0")
    frame.locator("#given-1").fill("0.3")
    until(page, lambda: explorer.given == {"middle": 0.3})
    page.evaluate("more(document.body)")
    other = page.frame_locator("iframe >> nth=1")
    other.locator("#plane .dot").first.wait_for()
    assert other.locator("#given-1").input_value() == "0.3"
    until(page, lambda: seen(other) == seen(frame) == 3)
    assert explorer.given == {"middle": 0.3}
    # what was observed in a row is not drawn beside another
    page.evaluate("change({row: {number: 0.25}, given: {}, pair: null, level: 0.9, index: null})")
    until(page, lambda: seen(other) == seen(frame) == 0)
    page.evaluate("change({row: {}, given: {}, pair: null, level: 0.9, index: 25})")
    until(page, lambda: other.locator("tr[aria-current=true]").get_attribute("data-index") == "25")
    until(page, lambda: seen(other) == seen(frame) == 3)
    frame.locator("#feature-0").fill("0.5")
    until(page, lambda: seen(frame) == 0 and explorer.state["index"] is None)


def test_colours_behind_a_shadow_root(cell):
    page, _, _, _ = cell
    page.evaluate("""() => {
      const host = document.body.appendChild(document.createElement("div"));
      host.style.background = "color(srgb 1 1 1)";
      more(host.attachShadow({ mode: "open" }));
    }""")
    frame = page.frame_locator("iframe >> nth=1")
    frame.locator("#plane path.region").first.wait_for()
    assert frame.locator("html").get_attribute("data-theme") == "light"
