"""The benchmark of speed: turns are kept, failures are figures, and the page has them."""

import json
import platform
import sys

import numpy as np
import pytest
from scipy import stats

from benchmarks import page
from benchmarks.quality.markdown import row
from benchmarks.speed import __main__ as command
from benchmarks.speed import machine, report
from benchmarks.speed.data import Law
from benchmarks.speed.plan import Plan, figures, ratio
from benchmarks.speed.processes import WORKERS, Here, Method, by_turns
from benchmarks.speed.sections import SECTIONS, many_fits, target, training

# says its name in a file whenever it does something
SCRIPT = f"""
import sys
sys.path.insert(0, {str(WORKERS)!r})
from answers import serve

def prepare(job):
    def say(what):
        print("no answer")
        with open(job["log"], "a") as log:
            log.write(what + job["name"] + " ")
    say("+")
    count = []
    def repeat():
        say("")
        count.append(1)
        if job.get("breaks"):
            raise ValueError("out of rope")
        return {{"seconds": len(count)}}
    return {{"facts": {{"device": "cpu"}}}}, repeat

PACKAGES = ("numpy", "no-such-package")
if __name__ == "__main__":
    serve(prepare, PACKAGES)
"""


@pytest.fixture
def methods(tmp_path):
    (tmp_path / "talker.py").write_text(SCRIPT)
    log = tmp_path / "log"

    def make(**jobs):
        return {
            name: Method(name.upper(), str(tmp_path / "talker.py"), {"log": str(log), **job})
            for name, job in ((n, {"name": n, **j}) for n, j in jobs.items())
        }

    return make, log


def test_the_truth_whitens_what_was_drawn():
    law = Law(6, 4)
    X, Y = law.draw(20_000, seed=3)
    mean, covariance = law.moments(X)
    white = np.linalg.solve(np.linalg.cholesky(covariance), (Y - mean)[:, :, None])[:, :, 0]
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(white.T), np.eye(4), atol=0.04)
    density = [
        stats.multivariate_normal(m, c).logpdf(y)
        for m, c, y in zip(mean[:50], covariance[:50], Y[:50], strict=True)
    ]
    assert law.nll(X[:50], Y[:50]) == pytest.approx(-np.mean(density))
    correlation = covariance[:, 0, 1] / np.sqrt(covariance[:, 0, 0] * covariance[:, 1, 1])
    assert correlation.std() > 0.1  # angles go by the row, not only sizes
    np.testing.assert_array_equal(law.draw(5, seed=0)[1], Law(6, 4).draw(5, seed=0)[1])


def test_methods_take_turns(methods):
    make, log = methods
    records = by_turns(make(a={}, b={}), rounds=2, repetitions=3)
    once = "+a +b a b a b a b "
    assert log.read_text() == 2 * once
    assert figures(records["a"], "seconds") == [1, 2, 3, 1, 2, 3]
    assert records["b"]["title"] == "B"
    assert records["b"]["facts"]["device"] == "cpu"
    assert set(records["b"]["facts"]["versions"]) == {"python", "numpy"}
    assert len(records["b"]["peak_mb"]) == 2
    assert min(records["b"]["peak_mb"]) > records["b"]["ready"][0]["imported_mb"] * 0.9


def test_a_failure_is_kept_and_the_others_go_on(methods):
    make, log = methods
    several = make(a={}, b={"breaks": True})
    several["c"] = Method("C", "no_such_script.py")
    several["d"] = Method("D", "no_such_script.py", environment="no-such-environment")
    records = by_turns(several, rounds=2, repetitions=2)
    assert log.read_text() == "+a +b a b a +a a a "
    assert records["b"]["failure"] == "ValueError: out of rope"
    assert "no_such_script.py" in records["c"]["failure"]
    assert str(WORKERS) not in records["c"]["failure"]  # where it lies is nobody's business
    assert "could not be started" in records["d"]["failure"]
    assert figures(records["b"], "seconds") == []
    assert figures(records["a"], "seconds") == [1, 2, 1, 2]


def test_a_method_that_takes_too_long_is_a_failure(tmp_path):
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(60)")
    sleeper = Method("Sleeper", str(tmp_path / "sleeper.py"))
    record = by_turns({"a": sleeper}, rounds=1, repetitions=1, limit=1)["a"]
    assert record["failure"] == "did not end within 1 s"


def test_a_trial_runs_in_this_process(methods, tmp_path, monkeypatch):
    make, log = methods
    monkeypatch.syspath_prepend(str(tmp_path))
    one = Method("A", "talker.py", make(a={})["a"].job)
    record = by_turns({"a": one}, rounds=1, repetitions=2, start=Here)["a"]
    assert log.read_text() == "+a a a "
    assert figures(record, "seconds") == [1, 2]
    assert record["peak_mb"] == []
    broken = Method("B", "talker.py", {"log": str(log)})
    record = by_turns({"b": broken}, rounds=1, repetitions=1, start=Here)["b"]
    assert record["failure"].startswith("KeyError")


def test_ratios_are_of_neighbours():
    assert ratio([2.0, 30.0, 4.0], [1.0, 10.0, 4.0]) == 2.0
    assert np.isnan(ratio([1.0], []))


def test_a_normal_is_scored_as_scipy_does(monkeypatch):
    monkeypatch.syspath_prepend(str(WORKERS))
    from answers import normal_nll

    factor = np.tril(np.random.default_rng(0).normal(size=(3, 3))) + 2 * np.eye(3)
    y = np.random.default_rng(1).normal(size=(7, 3))
    truth = stats.multivariate_normal(np.ones(3), factor @ factor.T).logpdf(y).mean()
    assert normal_nll(np.ones((7, 3)), np.repeat(factor[None], 7, 0), y) == pytest.approx(-truth)


def test_a_machine_has_facts_but_no_name():
    found = machine.facts()
    assert found["cores"] >= 1
    assert platform.node() not in json.dumps(found)
    one = {"cpu": "AMD EPYC", "cores": 2, "accelerators": []}
    assert machine.name(one) == "amd-epyc-2-cores"
    assert machine.title({**one, "cores": 1, "accelerators": ["X 1"]}) == "AMD EPYC, 1 core, X 1"


def test_each_benchmark_keeps_the_part_of_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    assert page.keeping("speed", "quality 1\n") == "quality 1\n"
    page.PAGE.write_text(page.with_part("quality 1\n", "speed", "speed 1\n"))
    page.PAGE.write_text(page.keeping("speed", "quality 2\n"))
    page.PAGE.write_text(page.with_part(page.PAGE.read_text(), "speed", "speed 2\n"))
    text = page.PAGE.read_text()
    assert text == "quality 2\n\n<!-- speed: begin -->\n\nspeed 2\n\n<!-- speed: end -->\n"
    assert page.with_part(text + "\nmore\n", "speed", "") == "quality 2\n\nmore\n"


def timed(title, train, predict=1.0, first=3.0, **facts):
    return {
        "title": title,
        "facts": {"versions": {"keras": "3.15.1"}, "device": "cpu", **facts},
        "ready": [{"imported_mb": 300.0, "first_train_seconds": first}],
        "timed": [{"train_seconds": t, "predict_seconds": predict} for t in train],
        "peak_mb": [500.4],
    }


def record_of_training(**facts):
    methods = {
        "normal-covey": timed("Covey", [3.0, 2.0, 4.0], **facts),
        "floor-covey": timed("floor", [1.5, 2.0, 2.0]),
        "wide-covey": timed("floor, wide", [2.0, 4.0, 4.0]),
        "tfp": timed("TFP", [6.0, 8.0, 8.0]),
        "torch": {**timed("torch", []), "failure": "out of rope"},
    }
    size = {"rows": 1000, "epochs": 6, "passes": 5}
    return {"question": {"size": size, "methods": methods}}


def test_the_table_of_training():
    lines = training.report([("A machine", record_of_training())]).splitlines()
    assert row(["Covey", "2,000", "2.00", "1.00", "1.00", "5,000", "2.5", "500 (200)"]) in lines
    assert row(["TFP", "750", "", "", "2.00", "5,000", "1.7", "500 (200)"]) in lines
    assert row(["floor", "3,000", "", "", "0.50", "5,000", "2.7", "500 (200)"]) in lines
    assert any(line.startswith("| torch | failed: out of rope |") for line in lines)
    assert sum("an accelerator: not measured yet" in line for line in lines) == 1
    both = [("A", record_of_training()), ("B", record_of_training(device="X 1"))]
    assert "not measured yet" not in training.report(both)


def test_seconds_until_a_peer_are_of_the_quickest_that_is_as_good():
    def fits(title, seconds, nll):
        timed = [
            {"fit_seconds": s, "again_seconds": s / 4, "nll": nll}
            for s in (seconds, 2 * seconds, seconds)
        ]
        return {"title": title, "ready": [], "timed": timed, "peak_mb": []}

    methods = {
        "ngboost": fits("NGBoost", 10.0, 5.0),
        "covey `max_steps=10`": fits("`max_steps=10`", 1.0, 5.5),
        "covey `max_steps=20`": fits("`max_steps=20`", 4.0, 4.75),
        "covey `max_steps=40`": fits("`max_steps=40`", 5.0, 4.5),
        "covey `max_time=3`": fits("`max_time=3`", 3.0, 4.5),
        "covey defaults": fits("defaults", 20.0, 4.25),
    }
    record = {"truth": 4.0, "rows": 10, "test": 5, "methods": methods}
    lines = target.report([("A machine", record)]).splitlines()
    cells = ["3.0 (x 3.3; `max_time=3`, 4.500)", "1.0 (x 10.0; `max_steps=20`, 4.750)"]
    assert row(["NGBoost", "5.000", "10.0", *cells, "", ""]) in lines
    methods["ngboost"] = fits("NGBoost", 10.0, 4.0)
    assert target.report([("A machine", record)]).count("not reached") == 2


def test_the_table_of_many_fits():
    told = {"compilations": [90, 3, 0], "seconds": [9.0, 1.0, 2.0], "memory_mb": [400, 500, 520]}
    record = {"title": "Covey", "ready": [{"imported_mb": 300}], "timed": [told], "peak_mb": [550]}
    text = many_fits.report([("A machine", {"fits": 3, "covey": record})])
    line = row(
        ["A machine", "3", "90", "3", "9.0", "1.50", "520", "520", "+0 MB, +0%", "550 (250)"]
    )
    assert line in text.splitlines()
    record |= {"timed": [], "failure": "out of rope"}
    assert "out of rope" in many_fits.report([("A machine", {"fits": 3, "covey": record})])


def test_sections_are_kept_and_make_the_page(tmp_path, monkeypatch, capsys):
    class Section:
        TITLE = "Tiny"

        @staticmethod
        def run(plan):
            assert (plan.rounds, plan.repetitions, plan.quick) == (1, 2, False)
            return {"one": timed("One", [1.0])}

        @staticmethod
        def report(found):
            return f"{len(found)} machine: {found[0][1]['one']['title']}\n"

    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setitem(SECTIONS, "tiny", Section)
    page.PAGE.write_text("# Benchmarks\n")
    words = ["-", "run", "--only", "tiny", "--rounds", "1", "--repetitions", "2"]
    monkeypatch.setattr(sys, "argv", words)
    command.main()
    (path,) = report.RESULTS.glob("*/tiny.json")
    assert str(tmp_path) not in path.read_text()
    text = page.PAGE.read_text()
    assert text.startswith("# Benchmarks\n\n<!-- speed: begin -->\n\n## Speed\n")
    assert "### Tiny\n\n1 machine: One\n" in text
    assert "keras 3.15.1" in text
    assert "### Tiny" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["-", "report"])
    command.main()
    assert page.PAGE.read_text() == text


def test_a_failure_in_the_tiny_form_ends_it(tmp_path, monkeypatch):
    class Section:
        TITLE = "Tiny"
        report = staticmethod(lambda found: "")
        run = staticmethod(lambda plan: {"a": {"b": {"title": "B", "failure": "out of rope"}}})

    monkeypatch.setitem(SECTIONS, "tiny", Section)
    with pytest.raises(SystemExit, match="B: out of rope"):
        command.quick(["tiny"])


def test_everyone_gets_the_same_rows(tmp_path):
    plan = Plan(tmp_path)
    assert plan.data(7, 2) == plan.data(7, 2)
    with np.load(plan.data(7, 2)) as arrays:
        assert arrays["X"].shape == (7, 6)
        assert arrays["Y"].shape == (7, 2)
        assert arrays["Y"].dtype == np.float32
