import hashlib
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

import covey
from covey.datasets import load_air_quality


@pytest.fixture(scope="module")
def frames():
    return load_air_quality()


def test_shape_and_names(frames):
    X, Y = frames
    assert X.shape == (9357, 12)
    assert Y.shape == (9357, 5)
    assert list(Y) == ["CO", "NMHC", "C6H6", "NOx", "NO2"]
    assert list(X)[:5] == [
        "PT08.S1(CO)",
        "PT08.S2(NMHC)",
        "PT08.S3(NOx)",
        "PT08.S4(NO2)",
        "PT08.S5(O3)",
    ]
    assert list(X)[5:] == ["T", "RH", "AH", "hour", "weekday", "month", "day_index"]
    assert X.index.equals(Y.index)


def test_the_first_row_is_the_published_one(frames):
    X, Y = frames
    assert X.iloc[0].tolist()[:8] == [1360, 1046, 1056, 1692, 1268, 13.6, 48.9, 0.7578]
    assert Y.iloc[0].tolist() == [2.6, 150, 11.9, 166, 113]


def test_rows_are_hours_in_order(frames):
    time = pd.date_range("2004-03-10 18:00", "2005-04-04 14:00", freq="h")
    X = frames[0]
    np.testing.assert_array_equal(X["hour"], time.hour)
    np.testing.assert_array_equal(X["weekday"], time.day_of_week)
    np.testing.assert_array_equal(X["month"], time.month)
    np.testing.assert_array_equal(X["day_index"], (time.normalize() - time[0].normalize()).days)


def test_missing_values_are_nan(frames):
    X, Y = frames
    assert not (X == -200).any(axis=None)
    assert not (Y == -200).any(axis=None)
    assert Y.isna().sum().tolist() == [1683, 8443, 366, 1639, 1642]
    assert set(X.isna().sum()) == {366, 0}


def test_nobody_computes_in_eight_bits(frames):
    assert {str(dtype) for frame in frames for dtype in frame.dtypes} == {"float64", "int64"}


def test_each_call_gives_frames_of_its_own(frames):
    X, Y = load_air_quality()
    X.iloc[0, 0] = -1.0
    Y.iloc[0, 0] = -1.0
    pd.testing.assert_frame_equal(load_air_quality()[0], frames[0])
    pd.testing.assert_frame_equal(load_air_quality()[1], frames[1])


def test_the_source_travels_with_the_file():
    text = (files("covey") / "data" / "README.md").read_text(encoding="utf-8")
    for part in ("10.24432/C59K5F", "10.1016/j.snb.2007.09.060", "CC BY 4.0", "-200"):
        assert part in text


def test_the_name_is_public():
    assert covey.datasets.load_air_quality is load_air_quality


def test_the_copy_is_the_shared_file(data_folder):
    original = (data_folder / "airquality.parquet").read_bytes()
    bundled = (files("covey") / "data" / "air_quality.parquet").read_bytes()
    assert hashlib.sha256(bundled).digest() == hashlib.sha256(original).digest()


def test_pandas_waits_until_it_is_needed():
    code = "import sys, covey.datasets; sys.exit('pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
