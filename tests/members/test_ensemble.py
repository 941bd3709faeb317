"""Fitted members, to and from a file."""

import numpy as np
import pytest

import covey.members.ensemble
from covey.assess.caution import Caution
from covey.errors import ArtifactError
from covey.members.architecture import Architecture
from covey.members.ensemble import Ensemble
from covey.start.full import LinearModel
from covey.start.ridge import fit_ridge
from covey.table.inputs import Inputs
from covey.types import Snapshot
from tests.training import training_data


@pytest.fixture(scope="module")
def ensemble():
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(40, 3)), r.normal(size=(40, 2))
    linear = tuple(LinearModel.of(fit_ridge(X[k::2], Y[k::2])) for k in range(2))
    network = Architecture(3, 2, members=2, hidden_units=(4,), activation="silu")
    weights = [0.1 * r.normal(size=w.shape).astype("f4") for w in network.initial_weights(r)]
    return Ensemble(linear, network, weights, ("a", "b"))


X = np.random.default_rng(1).normal(size=(9, 3)).astype(np.float32)


def test_a_round_trip_predicts_the_same(ensemble):
    again = Ensemble.restored(ensemble.snapshot())
    ours, theirs = ensemble.mixture(Inputs(X)), again.mixture(Inputs(X))
    assert theirs.targets == ("a", "b")
    np.testing.assert_array_equal(ours.mean, theirs.mean)
    np.testing.assert_array_equal(ours.covariance, theirs.covariance)


def test_caution_is_kept_and_is_that_of_each_member(ensemble):
    cautious = ensemble.with_caution(Caution(5.0, 0.3))
    again = Ensemble.restored(cautious.snapshot())
    assert again.caution == Caution(5.0, 0.3)
    plain, found = ensemble.mixture(Inputs(X)), again.mixture(Inputs(X))
    for one, other in zip(plain.components, found.components, strict=True):
        np.testing.assert_array_equal(other.mean, one.mean)
        np.testing.assert_allclose(
            other.correlation[:, 0, 1], 0.7 * one.correlation[:, 0, 1], atol=1e-12
        )
    joint = again.distribution(Inputs(X))
    np.testing.assert_allclose(joint.covariance, found.covariance, rtol=1e-6)
    np.testing.assert_array_equal(joint.mean, ensemble.distribution(Inputs(X)).mean)


@pytest.mark.parametrize("at_once", [{}, {"MOST_ROWS": 4}, {"MOST_NUMBERS": 25}])
def test_one_distribution_per_row_is_that_of_the_mixture(ensemble, at_once, monkeypatch):
    for name, value in at_once.items():
        monkeypatch.setattr(covey.members.ensemble, name, value)
    offsets = np.random.default_rng(2).normal(size=(2, 9, 2))
    inputs = Inputs(X, offsets)
    expected = ensemble.mixture(inputs).moment_matched()
    joint = ensemble.distribution(inputs)
    np.testing.assert_allclose(joint.mean, expected.mean, rtol=1e-6)
    np.testing.assert_allclose(joint.covariance, expected.covariance, rtol=1e-6)
    np.testing.assert_array_equal(ensemble.mean(inputs), joint.mean)


def test_offsets_are_added_to_the_mean_of_their_member(ensemble):
    offsets = np.random.default_rng(2).normal(size=(2, 9, 2))
    plain, moved = ensemble.mixture(Inputs(X)), ensemble.mixture(Inputs(X, offsets))
    for one, two, offset in zip(plain.components, moved.components, offsets, strict=True):
        np.testing.assert_allclose(two.mean - one.mean, offset, atol=1e-12)
        np.testing.assert_array_equal(two.covariance, one.covariance)


@pytest.mark.parametrize("with_offsets", [False, True])
def test_held_out_rows_are_predicted_by_who_did_not_see_them(ensemble, with_offsets):
    offsets = np.random.default_rng(2).normal(size=(2, 9, 2)) if with_offsets else None
    components = ensemble.mixture(Inputs(X, offsets)).components
    tests = [np.array([0, 2, 4]), np.array([1, 3])]
    folds = [(np.setdiff1d(np.arange(9), test), test) for test in tests]
    joint = ensemble.held_out(training_data(X, np.zeros((9, 2)), folds, offsets=offsets))
    for k, test in enumerate(tests):
        np.testing.assert_allclose(joint.mean[test], components[k].mean[test], atol=1e-6)
        np.testing.assert_allclose(
            joint.covariance[test], components[k].covariance[test], atol=1e-6
        )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda manifest, arrays: manifest.pop("network"),
        lambda manifest, arrays: manifest["network"].update(nonsense=1),
        lambda manifest, arrays: manifest["network"].pop("n_targets"),
        lambda manifest, arrays: arrays.pop("linear_coef"),
        lambda manifest, arrays: arrays.pop("network_000"),
        lambda manifest, arrays: arrays.update(linear_coef=arrays["linear_coef"][:1]),
        lambda manifest, arrays: arrays.update(network_000=arrays["network_000"][:, :2]),
        lambda manifest, arrays: manifest["targets"].append("c"),
        lambda manifest, arrays: manifest["network"].update(n_targets=10**8),
        lambda manifest, arrays: manifest["network"].update(activation={"class_name": "Lambda"}),
        lambda manifest, arrays: manifest.update(caution={"freedom": 5.0}),
        lambda manifest, arrays: manifest.update(caution={"freedom": 2.0, "shrinkage": 0.1}),
        lambda manifest, arrays: manifest.update(caution={"freedom": "x", "shrinkage": 0.1}),
        lambda manifest, arrays: manifest.update(caution=[5.0, 0.1]),
        lambda manifest, arrays: arrays.update(linear_scale=-arrays["linear_scale"]),
        lambda manifest, arrays: arrays.update(
            linear_intercept=np.nan * arrays["linear_intercept"]
        ),
        lambda manifest, arrays: arrays.update(linear_location=arrays["linear_location"][:, :1]),
    ],
)
def test_what_does_not_fit_together_is_refused(ensemble, spoil):
    manifest, arrays = ensemble.snapshot()
    manifest = {**manifest, "network": dict(manifest["network"])}  # spoil a copy
    spoil(manifest, arrays)
    with pytest.raises(ArtifactError, match="save the model again"):
        Ensemble.restored(Snapshot(manifest, arrays))
