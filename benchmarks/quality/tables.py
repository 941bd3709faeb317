"""The data sets: which there are, how they are split, and how peers that want numbers get them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
MOST_TRAINING_ROWS, MOST_TEST_ROWS = 10_000, 3_000
VALIDATION = 0.15  # share of the training rows on which peers stop early

GENERAL = (
    "airquality",
    "atp1d",
    "beijing_air",
    "bias_correction",
    "bio_casp",
    "communities_crime",
    "enb",
    "gas_turbine",
    "households",
    "mpg",
    "nycflights13",
    "oes10",
    "penguins",
    "rf1",
    "scm20d",
    "slump",
    "taxi",
    "tetuan_power",
)
# few distinct values, or sums of one another: a density can be driven up without limit
APART = {
    "ansur_ii": "nearly sums of one another, 93 targets",
    "beijing_air_wide72": "72 targets",
    "edm": "three distinct values per target",
    "student_por": "grades: whole numbers from 0 to 20",
}
BUNDLED = ("air_quality_gases", "air_quality_pair")  # of the data that comes with the package


@dataclass(frozen=True)
class Split:
    """Rows to train and to test on; the same for every method.

    `X_train` and `X_test` are frames; the targets are float64 without gaps. `validation` marks the
    training rows on which a method may stop early, if it does not see to that by itself.
    """

    name: str
    seed: int
    X_train: pd.DataFrame
    Y_train: np.ndarray
    X_test: pd.DataFrame
    Y_test: np.ndarray
    validation: np.ndarray

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Both tables as numbers: categories one-hot, gaps filled by the median and marked."""
        train, test = self.X_train.copy(), self.X_test.copy()
        columns_train, columns_test = [], []
        for name in train.columns:
            if not pd.api.types.is_numeric_dtype(train[name]):
                for label in train[name].value_counts().index[:64]:
                    columns_train.append((train[name] == label).to_numpy(np.float64))
                    columns_test.append((test[name] == label).to_numpy(np.float64))
                continue
            if train[name].isna().any():
                columns_train.append(train[name].isna().to_numpy(np.float64))
                columns_test.append(test[name].isna().to_numpy(np.float64))
            median = train[name].median()
            columns_train.append(train[name].fillna(median).to_numpy(np.float64))
            columns_test.append(test[name].fillna(median).to_numpy(np.float64))
        return np.column_stack(columns_train), np.column_stack(columns_test)


def data_folder() -> Path:
    """The folder of the shared sets: COVEY_DATA, or ../shared/data beside the checkout."""
    return Path(os.environ.get("COVEY_DATA", ROOT.parent / "shared" / "data"))


def read(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and targets of all rows, gaps included.

    Raises:
        FileNotFoundError: the data folder does not hold the set.
    """
    if name in BUNDLED:
        import covey

        X, Y = covey.datasets.load_air_quality()
        gases = ["CO", "C6H6", "NOx", "NO2"] if name == BUNDLED[0] else ["NOx", "NO2"]
        return X, Y[gases]
    folder = data_folder()
    described = json.loads((folder / "manifest.json").read_text())[name]
    table = pd.read_parquet(folder / described["file"])
    X, Y = table[described["features"]].copy(), table[described["targets"]]
    for column in described["categorical"]:
        X[column] = X[column].astype(str).where(X[column].notna())
    return X, Y


def split(name: str, seed: int, most_rows: int = MOST_TRAINING_ROWS) -> Split:
    """A random tenth of the complete rows to test on (at most 3,000), the others to train on."""
    X, Y = read(name)
    complete = Y.notna().all(axis=1).to_numpy()
    X, targets = X[complete].reset_index(drop=True), Y[complete].to_numpy(np.float64)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(X))
    cut = min(len(X) // 10, MOST_TEST_ROWS)
    test, train = order[:cut], order[cut : cut + most_rows]
    validation = generator.random(len(train)) < VALIDATION
    return Split(name, seed, X.iloc[train], targets[train], X.iloc[test], targets[test], validation)
