"""`covey predict`: a table in, a table out."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import covey
from covey.files import read_table
from tests.cli.commands import FAST, run

GASES = ("CO", "NOx")


@pytest.mark.parametrize("name", ["joint.csv", "joint.parquet"])
def test_predict_writes_means_and_covariances(model_file, folder, name, recwarn):
    new = folder / "new.parquet"
    assert run("predict", model_file, new, "--output", folder / name, "--carry-over", "id") == 0
    table = read_table(folder / name)
    assert list(table.columns[:3]) == ["id", "mean_CO", "mean_NOx"]
    tails = "degrees_of_freedom" in table.columns
    joint = (covey.MultivariateT if tails else covey.MultivariateNormal).from_frame(table)
    expected = covey.load(model_file).predict_distribution(pd.read_parquet(new))
    np.testing.assert_allclose(joint.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(joint.covariance, expected.covariance, rtol=1e-9, atol=1e-12)


def test_what_has_been_observed_is_given(folder, recwarn):
    table = pd.read_csv(folder / "train.csv")
    table.loc[::3, "CO"] = np.nan
    table.loc[:40, "NOx"] = np.nan
    source, output = folder / "gaps.csv", folder / "gaps.covey"
    table.to_csv(source, index=False)
    options = ["--targets", "CO,NOx", "--drop", "id,week,w", "--output", output]
    assert run("fit", source, *options, *FAST) == 0
    assert run("predict", output, source, "--given", "CO", "--output", folder / "told.csv") == 0
    told = pd.read_csv(folder / "told.csv")
    observed = table["CO"].notna()
    np.testing.assert_allclose(told["mean_CO"][observed], table["CO"][observed])
    assert (told["cov_CO_CO"][observed] == 0).all()
    assert (told["cov_CO_CO"][~observed] > 0).all()
    model = covey.load(output)
    expected = model.predict_distribution(table, given=table[["CO"]], keep=True)
    np.testing.assert_allclose(told["mean_NOx"], expected.mean[:, 1], rtol=1e-9)
    np.testing.assert_allclose(told["cov_NOx_NOx"], expected.covariance[:, 1, 1], rtol=1e-9)


def test_a_model_without_column_names_predicts_too(folder, recwarn):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(60, 2)), rng.normal(size=(60, 2))
    model = covey.JointRegressor(members=2, max_steps=2, family="student_t", verbose=0).fit(X, Y)
    model.save(folder / "unnamed.covey")
    pd.DataFrame(X, columns=["a", "b"]).to_csv(folder / "unnamed.csv", index=False)
    source, output = folder / "unnamed.csv", folder / "unnamed-joint.csv"
    assert run("predict", folder / "unnamed.covey", source, "--output", output) == 0
    expected = model.predict_distribution(X).mean
    np.testing.assert_allclose(pd.read_csv(output)[["mean_y0", "mean_y1"]], expected)


@pytest.mark.parametrize("output", [[], ["--output", "-"]])
def test_predict_prints_csv_and_nothing_else(model_file, folder, capsys, output):
    # identifiers, weights and the targets themselves are in the file, and that is nobody's mistake
    assert run("predict", model_file, folder / "train.csv", *output) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 201
    assert shown.err == ""


def test_columns_lacking_at_prediction_are_named(model_file, folder, capsys):
    read_table(folder / "new.parquet").drop(columns="b").to_csv(folder / "less.csv", index=False)
    assert run("predict", model_file, folder / "less.csv") == 2
    assert "less.csv all columns that training had. Received a table without 'b'" in (
        said := capsys.readouterr().err
    )
    assert "Did you mean" not in said
    pd.DataFrame({"A": [1], "B": [2], "sites": ["north"]}).to_csv(folder / "less.csv", index=False)
    assert run("predict", model_file, folder / "less.csv") == 2
    assert "without 'a', 'b', 'site'. Did you mean A or B or sites?" in capsys.readouterr().err


def test_columns_are_chosen(model_file, folder, tmp_path, capsys):
    words = ["--columns", "mean,std", "--columns", "interval90", "--carry-over", "id"]
    assert run("predict", model_file, folder / "new.parquet", *words) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(found.columns) == [
        "id",
        *(f"{kind}_{name}" for kind in ("mean", "std", "lower90", "upper90") for name in GASES),
    ]
    joint = covey.load(model_file).predict_distribution(
        pd.read_parquet(folder / "new.parquet")[["a", "b", "site"]]
    )
    lower, upper = joint.interval(0.9)
    np.testing.assert_allclose(found[["lower90_CO", "lower90_NOx"]], lower)
    np.testing.assert_allclose(found[["upper90_CO", "upper90_NOx"]], upper)
    np.testing.assert_allclose(found[["std_CO", "std_NOx"]], joint.stddev)


def test_samples_are_repeatable(model_file, folder, capsys):
    def drawn(*more):
        words = ["--columns", "sample3", *more]
        assert run("predict", model_file, folder / "new.parquet", *words) == 0
        return capsys.readouterr().out

    assert drawn("--random-state", "1") == drawn("--random-state", "1")
    assert drawn("--random-state", "1") != drawn("--random-state", "2")
    assert drawn() != drawn()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--columns", "men"], "Did you mean mean?"),
        (["--columns", "sample3", "--random-state", "-1"], "--random-state must be 0 or more"),
        (["--columns", "mean", "--carry-over", "mean_CO"], "'mean_CO'"),
        (["--carry-over", "Id"], "Did you mean id?"),
        (["--given", "co"], "Did you mean"),
    ],
)
def test_what_cannot_be_written_is_refused(model_file, folder, capsys, words, said):
    assert run("predict", model_file, folder / "train.csv", *words) == 2
    assert said in capsys.readouterr().err


def test_in_a_pipe(model_file, folder):
    """As a shell has it: the table on the standard input, CSV on the standard output."""
    words = [sys.executable, "-m", "covey.cli", "predict", str(model_file), "-"]
    done = subprocess.run(
        [*words, "--columns", "mean"],
        input=(folder / "train.csv").read_bytes(),
        capture_output=True,
        check=True,
    )
    found = pd.read_csv(io.BytesIO(done.stdout))
    assert done.stderr == b""
    expected = covey.load(model_file).predict(pd.read_csv(folder / "train.csv")[["a", "b", "site"]])
    np.testing.assert_allclose(found, expected)
    # a reader that has seen enough, as head, is no error
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        process.stdin.write((folder / "train.csv").read_bytes())
        process.stdin.close()
        said = process.stderr.read()
    assert process.returncode == 0
    assert said == b""


def test_help_says_what_is_no_normal_after_a_transform(capsys):
    with pytest.raises(SystemExit):
        run("predict", "--help")
    said = " ".join(capsys.readouterr().out.split())
    assert "After `fit --transform` the normal of this mean and covariance is not what" in said
    assert "write interval90, quantiles or sample10 then" in said


def test_a_sheet_is_named_and_the_others_are_said(folder, model_file, tmp_path, capsys):
    new = pd.read_parquet(folder / "new.parquet")
    with pd.ExcelWriter(tmp_path / "new.xlsx") as writer:
        new[:3].to_excel(writer, sheet_name="March", index=False)
        new[3:8].to_excel(writer, sheet_name="April", index=False)
    words = ["predict", model_file, tmp_path / "new.xlsx", "--output", tmp_path / "joint.csv"]
    assert run(*words) == 0
    assert "sheet 'March' read, the first of 2 that hold something, and not 'April'. Say oth" in (
        capsys.readouterr().err
    )
    assert len(pd.read_csv(tmp_path / "joint.csv")) == 3
    assert run(*words, "--sheet", "April") == 0
    assert len(pd.read_csv(tmp_path / "joint.csv")) == 5
    assert "sheet" not in capsys.readouterr().err
    assert run(*words, "--sheet", "May") == 2
    assert "--sheet must name a sheet of each workbook. Received 'May'" in capsys.readouterr().err
