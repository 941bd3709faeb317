"""One table, however it comes: through each library and each kind of file, the same predictions."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import covey
from covey.files import read_table, write_table
from covey.table import FeatureSchema, read_features

N = 120
RNG = np.random.default_rng(0)
TEMPERATURE = RNG.normal(size=N).round(3)
TABLE = pd.DataFrame(
    {
        "temperature": np.where(np.arange(N) % 17 == 3, np.nan, TEMPERATURE),
        "people": RNG.integers(0, 3000, N),
        "holiday": RNG.random(N) < 0.3,
        "town": RNG.choice(["Ulm", "Köln", "Bern"], N),
        "postcode": RNG.choice(["01067", "1067", "89073"], N),
        "at": pd.date_range("2024-01-01", periods=N, freq="7h"),
    }
)
Y = pd.DataFrame({"load": TEMPERATURE + RNG.normal(size=N), "price": RNG.normal(size=N)})


def structured(table):
    text = dict.fromkeys(("town", "postcode"), "U8")
    return table.to_records(index=False, column_dtypes={**text, "at": "datetime64[us]"})


def through(suffix):
    def convert(table, folder):
        path = folder / f"table{suffix}"
        write_table(table, path)
        return read_table(path)

    return convert


def excel_in_europe(table, folder):
    path = folder / "europe.csv"
    table.to_csv(
        path, sep=";", decimal=",", encoding="cp1252", index=False, date_format="%d.%m.%Y %H:%M"
    )
    with pytest.warns(covey.errors.CoveyWarning, match="';', decimal ',', encoding cp1252"):
        return read_table(path)


def pandas_csv(table, folder):
    table.to_csv(folder / "pandas.csv", index=False)
    return pd.read_csv(folder / "pandas.csv", dtype={"postcode": str})


WAYS = {
    "pandas, nullable": lambda table, _: table.convert_dtypes(),
    "pandas, Arrow": lambda table, _: table.convert_dtypes(dtype_backend="pyarrow"),
    "pandas, objects": lambda table, _: table.astype(object),
    "pandas, categories": lambda table, _: table.astype(
        {"town": "category", "postcode": "category"}
    ),
    "polars": lambda table, _: pl.from_pandas(table),
    "pyarrow": lambda table, _: pa.Table.from_pandas(table, preserve_index=False),
    "NumPy": lambda table, _: structured(table),
    "CSV that pandas read": pandas_csv,
    "Excel in Europe": excel_in_europe,
    **{
        s: through(s)
        for s in (".csv", ".csv.gz", ".tsv", ".parquet", ".feather", ".jsonl", ".xlsx")
    },
}


@pytest.fixture(scope="module")
def model():
    sizes = {"members": 2, "hidden_units": (8,), "max_steps": 10}
    return covey.JointRegressor("normal", random_state=0, verbose=0, **sizes).fit(TABLE, Y)


@pytest.mark.parametrize("way", WAYS)
def test_predictions_are_the_same(model, way, tmp_path):
    expected = model.predict_distribution(TABLE)
    found = model.predict_distribution(WAYS[way](TABLE, tmp_path))
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.covariance, expected.covariance)


@pytest.mark.parametrize("way", WAYS)
def test_training_reads_the_same(way, tmp_path):
    """The columns that networks read, to the last bit, so that all that follows is the same."""
    expected = FeatureSchema.fit(*read_features(TABLE))
    frame, named = read_features(WAYS[way](TABLE, tmp_path))
    schema = FeatureSchema.fit(frame, named)
    assert schema.output_names == expected.output_names
    np.testing.assert_array_equal(schema.transform(frame, named), expected.transform(TABLE, True))
