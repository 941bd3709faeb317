"""Files as people find them: the command line on the file itself, beside a table cleaned by hand.

What is cleaned by hand is what somebody who knows the file would type. The scores of both, on the
same held-out rows, must agree to 0.02 nats per target.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import covey
from covey.cli import main

RAW = Path(os.environ.get("COVEY_DATA", Path(__file__).parents[2] / "shared" / "data")) / "raw"
WITHIN = 0.02  # nats per target
SEEDS = (0, 1, 2)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::covey.errors.CoveyWarning"),
    pytest.mark.skipif(not RAW.is_dir(), reason=f"needs the files in {RAW}"),
]


def auto_mpg(path):
    return pd.read_csv(path, na_values="?")


def concrete(path):
    return pd.read_csv(path).rename(columns=str.strip)


def energy(path):
    return pd.read_csv(path, sep=";")


def bikes(path):
    table = pd.read_csv(path)
    return table.assign(Date=pd.to_datetime(table["Date"], format="%d/%m/%Y"))


FILES = {
    "auto-mpg.csv": (auto_mpg, ["mpg", "acceleration"], []),
    "concrete.csv": (concrete, ["Concrete compressive strength(MPa, megapascals)"], []),
    "energy-semicolon.csv": (energy, ["Y1", "Y2"], []),
    "seoul-bikes.csv": (bikes, ["Rented Bike Count"], []),
}


def halves(name, folder):
    """The lines of a file in two files, a fifth of them to judge by, each under its first line."""
    head, *lines = (RAW / name).read_bytes().splitlines(keepends=True)
    judged = np.random.default_rng(7).permutation(len(lines)) < len(lines) // 5
    paths = []
    for part, chosen in (("train", ~judged), ("test", judged)):
        path = folder / f"{part}.csv"
        path.write_bytes(head + b"".join(np.array(lines, dtype=object)[chosen]))
        paths.append(path)
    return paths


@pytest.mark.parametrize("name", FILES)
def test_command_line_on_the_raw_file_is_as_good_as_a_table_cleaned_by_hand(name, tmp_path, capsys):
    clean, targets, options = FILES[name]
    train, test = halves(name, tmp_path)
    known, judged = clean(train), clean(test)
    raw, by_hand = [], []
    for seed in SEEDS:
        model = str(tmp_path / f"{seed}.covey")
        given = [word for target in targets for word in ("--targets", target)]
        fit = ["fit", str(train), *given, "--output", model, "--random-state", str(seed)]
        assert main([*fit, "--quiet", *options]) == 0
        capsys.readouterr()
        assert main(["evaluate", model, str(test), "--json"]) == 0
        raw.append(json.loads(capsys.readouterr().out)["negative_log_likelihood_per_target"])
        fitted = covey.JointRegressor(random_state=seed, verbose=0).fit(
            known.drop(columns=targets), known[targets]
        )
        figures = fitted.evaluate(judged.drop(columns=targets), judged[targets])
        by_hand.append(figures["negative_log_likelihood_per_target"])
    print(f"{name}: {np.mean(raw):.3f} raw, {np.mean(by_hand):.3f} by hand, nats per target")
    assert np.mean(raw) < np.mean(by_hand) + WITHIN
