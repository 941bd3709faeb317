"""Parts as tasks of Ray, on two workers: run by `make test-ray`."""

import os
import signal
import threading
import time

import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from covey import bulk
from covey.errors import InputError
from tests.bulk.conftest import model, model_file, table  # noqa: F401

ray = pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")
PARTS = 40
# of Ray, about itself
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}")
    for kind in (
        *("ResourceWarning", "FutureWarning", "DeprecationWarning", "RuntimeWarning"),
        "pytest.PytestUnraisableExceptionWarning",
    )
]


@pytest.fixture(scope="module")
def cluster():
    settings = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False}
    ray.init(**settings)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    frame = table(500 * PARTS)
    frame["a"] = frame["a"].astype(str)
    frame.loc[[600, 9000], "a"] = "broken"
    frame[:14000].to_parquet(folder / "a.parquet")
    frame[14000:].to_csv(folder / "b.csv", index=False)
    return folder


def contents(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def kill_a_worker(output, killed):
    while len(list(output.glob("*.parquet"))) < PARTS // 4:
        time.sleep(0.01)
    for process in psutil.process_iter(["cmdline"]):
        if "ray::_score" in " ".join(process.info["cmdline"] or []):
            os.kill(process.pid, signal.SIGKILL)
            killed.append(process.pid)
            return


def test_parts_are_the_same_though_a_worker_is_killed(cluster, model_file, source, tmp_path):  # noqa: F811
    options = {"keep": "id", "part_rows": 500, "verbose": 0}
    bulk.score(model_file, source, tmp_path / "local", **options)
    killed = []
    killer = threading.Thread(target=kill_a_worker, args=(tmp_path / "ray", killed), daemon=True)
    killer.start()
    found = bulk.score(model_file, source, tmp_path / "ray", engine="ray", **options)
    killer.join(10)
    assert len(killed) == 1
    assert (found.rows, found.rejected, found.resumed) == (500 * PARTS, 2, 0)
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
    again = bulk.score(model_file, source, tmp_path / "ray", engine="ray", **options)
    assert again.resumed == again.parts


def test_an_error_of_a_worker_is_one_of_covey(cluster, model_file, source, tmp_path):  # noqa: F811
    options = {"part_rows": 500, "verbose": 0, "engine": "ray", "strict": True}
    with pytest.raises(InputError, match="row 600"):
        bulk.score(model_file, source, tmp_path / "out", **options)


def test_the_scorer_in_ray_data(cluster, model_file, tmp_path):  # noqa: F811
    frame = table(400)
    frame.to_parquet(tmp_path / "in.parquet")
    options = {"model": str(model_file), "columns": "mean", "keep": "id"}
    data = ray.data.read_parquet(str(tmp_path / "in.parquet")).map_batches(
        bulk.Scorer,
        fn_constructor_kwargs=options,
        batch_format="pyarrow",
        zero_copy_batch=True,
        compute=ray.data.ActorPoolStrategy(size=1),
    )
    found = data.to_pandas().sort_values("id").reset_index(drop=True)
    expected = bulk.Scorer(**options)(frame)
    assert_array_equal(found, pd.DataFrame(expected))
