"""Five lines that say yes where it is so and no where it is not."""

import copy

import numpy as np
import pytest

from covey.assess.evaluation import CONSTANT, evaluate
from covey.assess.verdict import calibrated, tabulate_parts, verdict
from covey.distributions import MultivariateNormal, MultivariateT
from covey.distributions.conformal import CalibrationSet
from covey.distributions.internals import uncorrelated

BEGINNINGS = ["Good? ", "Accurate? ", "Calibrated? ", "Together? ", "Look at: "]
NAMES = ["CO", "NOx", "NO2"]
COVARIANCE = np.array([[1.0, 0.8, -0.3], [0.8, 1.0, 0.0], [-0.3, 0.0, 1.0]])


def predictions(n=1000, d=3, stretch=1.0, seed=0):
    """(joint, Y): what came is so many times as far from what was predicted as it should be."""
    mean = 2 * np.random.default_rng(seed).normal(size=(n, d))
    joint = MultivariateNormal(mean, covariance=COVARIANCE[:d, :d], targets=NAMES[:d])
    return joint, mean + stretch * (joint.sample(1, seed)[0] - mean)


def simple(joint, wider=2.0):
    """A plainer prediction: as right, but wider, by so many times."""
    return joint._with(joint.targets, scale_tril=wider * joint.scale_tril)


def figures_of(joint, Y, baseline=None, **options):
    description = "ridge regression with one covariance for all rows"
    return evaluate(joint, Y, baseline or simple(joint), description, **options)


def lines_of(figures, **options):
    lines = verdict(figures, **options)
    assert len(lines) == 5
    for line, beginning in zip(lines, BEGINNINGS, strict=True):
        assert line.startswith(beginning)
        assert line.endswith(".")
        assert "\n" not in line
        assert not {"nan", "None", "inf"} & set(line.replace("%", " ").replace("(", " ").split())
        assert "nan" not in line
        assert "None" not in line
    return lines


def test_a_good_model_in_full():
    figures = figures_of(*predictions(seed=2))
    joint, Y = predictions(seed=2)
    lines = lines_of(figures)
    gain = (joint.log_prob(Y) - simple(joint).log_prob(Y)).sum() / 3000
    assert lines[0] == (
        f"Good? Yes: the observed values are {np.exp(gain):.2f} times as likely, per target, as "
        f"under ridge regression with one covariance for all rows ({gain:+.3f} nats; 1,000 rows)."
    )
    r2 = 1 - np.square(Y - joint.mean).sum(axis=0) / np.square(Y - Y.mean(axis=0)).sum(axis=0)
    best, worst = NAMES[np.argmax(r2)], NAMES[np.argmin(r2)]
    assert lines[1] == (
        f"Accurate? The means explain {r2.max():.0%} of the variance of {best} (the best) and "
        f"{r2.min():.0%} of {worst} (the worst)."
    )
    held = joint.region(0.9).contains(Y).mean()
    slack = 1.96 * np.sqrt(0.9 * 0.1 / 1000) + 0.01
    assert lines[2] == (
        f"Calibrated? Yes: 90% regions hold {held:.1%} of 1,000 rows "
        f"({0.9 - slack:.1%} to {0.9 + slack:.1%} would pass)."
    )
    worth = (joint.log_prob(Y) - uncorrelated(joint).log_prob(Y)).sum() / 3000
    beginning = (
        "Together? CO and NOx move together most (correlation +0.80); the correlations are worth "
        f"{worth:+.3f} nats per target, and knowing the others cuts the error of "
    )
    assert lines[3].startswith(beginning)
    name, cut = lines[3].removeprefix(beginning).rstrip(".").split(" by ")
    error = np.abs(Y - joint.mean).mean(axis=0)[NAMES.index(name)]
    told = figures["per_target"][name]["conditional_error"]
    assert cut == f"{1 - told / error:.0%}"
    assert name == "CO"  # two others tell of it
    assert lines[4] == "Look at: nothing stands out."


# Does it beat ridge regression?


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (1.0, 2.0, "Good? Yes: the observed values are 1."),
        (1.0, 1.2, "Good? Yes: the observed values are 1.0"),
        (
            1.0,
            1.0,
            "Good? No better than ridge regression with one covariance for all rows, as far as",
        ),
        (1.0, 1.05, "Good? No better than ridge regression"),  # 0.002 nats
        (1.05, 1.0, "Good? No better than ridge regression"),
        (1.2, 1.0, "Good? No: the observed values are 0.9"),
        (2.0, 1.0, "Good? No: the observed values are 0."),
        (1e3, 1.0, "Good? No: the observed values are 0.0017 times as likely"),
        (1.0, 1e3, "Good? Yes: the observed values are 6"),
        (1e-4, 1.0, "Good? No: the observed values are less than a thousandth as likely"),
        (1.0, 1e60, "Good? Yes: the observed values are more than 1,000 times as likely"),
    ],
)
def test_it_says_whether_it_beats_a_simple_model(ours, theirs, expected):
    joint, Y = predictions(seed=2)
    one, other = simple(joint, ours), simple(joint, theirs)
    assert lines_of(figures_of(one, Y, other, all_scores=False))[0].startswith(expected)


def test_what_no_prediction_allows_has_no_gain():
    """A density of 0 has no logarithm: no figure can be told, and a sentence says so."""
    possible = figures_of(*predictions())
    figures = copy.deepcopy(possible)
    for found in (figures, *figures["baselines"].values()):
        found["negative_log_likelihood"] = found["negative_log_likelihood_per_target"] = None
    for found in figures["baselines"].values():
        found["gain"] = found["standard_error"] = None
    lines = lines_of(figures)
    assert lines[0].startswith("Good? Cannot be said: some values are so far off that")
    assert "correlations are of unknown worth" in lines[3]
    text = tabulate_parts("site", {"north": figures, "south": possible})
    assert text.splitlines()[-2].split()[2:4] == ["-", "-"]
    assert "-" not in text.splitlines()[-1].split()


def test_it_says_how_much_less_probable():
    joint, Y = predictions(seed=2)
    line = lines_of(figures_of(joint, Y, simple(joint, 0.8)))[0]
    gain = (joint.log_prob(Y) - simple(joint, 0.8).log_prob(Y)).sum() / 3000
    assert gain > 0.005
    ours = figures_of(simple(joint, 0.8), Y, joint)
    line = lines_of(ours)[0]
    assert f"values are {np.exp(-gain):.2f} times as likely, per target" in line
    assert f"({-gain:+.3f} nats; 1,000 rows)" in line


def test_it_says_where_the_rows_are_from():
    figures = figures_of(*predictions())
    assert lines_of(figures)[0].endswith("; 1,000 rows).")
    assert lines_of(figures, held_out=True)[0].endswith("; 1,000 rows held out of the training).")


def test_small_gains_of_few_rows_are_too_close_to_call():
    joint, Y = predictions(40, seed=2)
    figures = figures_of(joint, Y, simple(joint, 1.15))
    found = figures["baselines"][CONSTANT]
    assert abs(found["gain"]) < 2 * found["standard_error"]
    line = lines_of(figures)[0]
    assert line.startswith("Good? No better than ridge regression")
    assert f"give or take {2 * found['standard_error']:.3f})" in line
    found["standard_error"] = 0.0
    assert lines_of(figures)[0].startswith("Good? Yes" if found["gain"] > 0 else "Good? No: ")


def test_a_base_is_called_by_its_name():
    joint, Y = predictions()
    figures = figures_of(joint, Y, simple(joint, 2.0))
    base = "the base alone (Ridge) with one covariance for all rows"
    figures["baselines"][CONSTANT]["description"] = base
    assert f"as under {base}" in lines_of(figures)[0]


def test_other_levels_are_looked_at_too():
    figures = figures_of(*predictions())
    figures["coverage"]["0.5"]["joint"] = 0.58
    assert lines_of(figures)[2].endswith("rows. But 50% regions hold 58.0%, too wide.")
    figures["coverage"]["0.5"]["joint"] = 0.52
    assert "Calibrated? Yes" in lines_of(figures)[2]


def test_infinite_regions_are_no_calibration():
    joint, Y = predictions()
    joint = joint.calibrated_by(CalibrationSet(joint[:8], Y[:8], "conformal"))
    line = lines_of(figures_of(joint, Y))[2]
    assert line.startswith("Calibrated? Cannot be said: with 8 rows to calibrate on")


def test_weak_correlations_are_not_made_much_of():
    figures = figures_of(*predictions())
    figures["correlation"][2] = -0.09
    alone = figures["baselines"]["uncorrelated"]
    key = "negative_log_likelihood_per_target"
    alone[key] = figures[key] + 0.04
    assert lines_of(figures)[3].startswith("Together? The targets hardly move together")


def test_targets_may_depend_on_each_other_without_a_correlation():
    figures = figures_of(*predictions())
    figures["correlation"][2] = -0.09
    key = "negative_log_likelihood_per_target"
    figures["baselines"]["uncorrelated"][key] = figures[key] + 0.4
    said = lines_of(figures)[3]
    assert said.startswith("Together? Yes, though correlations are 0.1 at most in the mean")
    assert "is worth +0.400 nats per target" in said


# How accurate are the means?


def test_it_says_which_means_explain_nothing():
    joint, Y = predictions()
    mean = joint.mean.copy()
    mean[:, 1] += 10
    figures = figures_of(joint._with(joint.targets, mean=mean), Y)
    assert " and nothing of NOx (the worst)." in lines_of(figures)[1]
    alone = figures_of(joint.marginal("CO"), Y[:, :1])
    text = lines_of(alone)[1]
    assert text.startswith("Accurate? The means explain ")
    assert text.endswith("% of the variance of CO.")
    same = figures_of(joint, np.ones_like(Y))
    assert "Nothing varies" in lines_of(same)[1]


@pytest.mark.parametrize(
    ("r2", "said"),
    [
        (0.5, "50%"),
        (0.984, "98%"),
        (0.9871, "98.71%"),
        (0.99999, "99.99%"),  # never all of it
        (1.0, "99.99%"),
        (0.0, "nothing"),
        (-3.0, "nothing"),
    ],
)
def test_shares_near_the_whole_keep_two_digits_more(r2, said):
    joint, Y = predictions(d=1)
    figures = figures_of(joint, Y)
    figures["per_target"]["CO"]["r2"] = r2
    text = f"Accurate? The means explain {said} of the variance of CO."
    assert lines_of(figures)[1] == text


# Is it calibrated?


@pytest.mark.parametrize(
    ("stretch", "answer"),
    [
        (1.0, "Yes: 90% regions hold"),
        (1.3, "No, too narrow: 90% regions hold"),
        (0.7, "No, too wide: 90% regions hold"),
        (1000.0, "No, too narrow: 90% regions hold 0.0% of 1,000 rows"),
        (0.001, "No, too wide: 90% regions hold 100.0% of 1,000 rows"),
    ],
)
def test_it_says_whether_regions_hold_what_they_say(stretch, answer):
    figures = figures_of(*predictions(stretch=stretch))
    yes, text = calibrated(figures)
    assert yes == (stretch == 1)
    assert text == lines_of(figures)[2]
    assert text.startswith(f"Calibrated? {answer}")
    assert "(87.1% to 92.9% would pass)" in text
    assert "make up for it" not in text


def test_right_predictions_are_called_calibrated_nearly_always():
    for n in (40, 400):
        yes = sum(
            calibrated(figures_of(*predictions(n, seed=seed), all_scores=False))[0]
            for seed in range(60)
        )
        assert yes >= 56


def test_wrong_ones_are_not_let_off_for_long():
    for stretch in (1.15, 0.85):
        no = [
            not calibrated(
                figures_of(*predictions(2000, stretch=stretch, seed=seed), all_scores=False)
            )[0]
            for seed in range(10)
        ]
        assert all(no)


@pytest.mark.parametrize("names", [["NOx"], NAMES])
def test_it_names_the_targets_whose_intervals_do_not_hold(names):
    """Jointly right, because regions are calibrated, but intervals as they are."""
    figures = figures_of(*predictions())
    for name in names:
        figures["coverage"]["0.9"]["per_target"][name] = 0.7
    yes, text = calibrated(figures)
    assert not yes
    assert text.startswith("Calibrated? Jointly yes: 90% regions hold ")
    ending = {1: "NOx (70.0%)", 3: "CO (70.0%), NOx (70.0%) and NO2 (70.0%)"}[len(names)]
    assert text.endswith(f"Not so the intervals of {ending}.")
    assert lines_of(figures)[2] == text


def test_one_target_may_be_off_where_all_together_are_not():
    joint, Y = predictions(3000, seed=1)
    wide = np.array([0.82, 1.0, 1.22])  # one too narrow, one too wide
    off = uncorrelated(joint)
    Y = joint.mean + (uncorrelated(joint).sample(1, 1)[0] - joint.mean)
    off = off._with(off.targets, scale_tril=wide[:, None] * off.scale_tril)
    yes, text = calibrated(figures_of(off, Y))
    assert not yes
    assert "Not so the intervals of CO (8" in text
    assert " and NO2 (9" in text
    assert "NOx" not in text
    few = figures_of(off[:60], Y[:60])
    assert calibrated(few)[0]  # chance explains as much


def test_rows_held_out_are_judged_by_the_model():
    joint, Y = predictions(2000, stretch=1.4)
    now = joint[1000:].calibrated_by(CalibrationSet(joint[:1000], Y[:1000], "out_of_fold"))
    figures = figures_of(now, Y[1000:])
    yes, text = calibrated(figures)
    assert yes
    assert text.startswith("Calibrated? Yes: 90% regions")
    yes, text = calibrated(figures, held_out=True)
    assert not yes
    assert text.startswith("Calibrated? Once corrected: the model's own 90% regions hold ")
    assert ", too narrow (" in text
    assert text.endswith(" would pass), and predictions make up for it.")
    assert lines_of(figures, held_out=True)[2] == text
    # whose intervals are not those that predictions have
    fine = figures_of(*predictions())
    fine["coverage"]["0.9"]["per_target"]["CO"] = 0.5
    assert calibrated(fine, held_out=True)[0]
    assert not calibrated(fine)[0]


# How do they move together?


def test_one_target_moves_with_nothing():
    joint, Y = predictions(d=1)
    figures = figures_of(joint, Y)
    lines = lines_of(figures)
    assert lines[3] == "Together? There is one target, so nothing moves together."
    assert lines[1].count("CO") == 1
    assert lines[4] == "Look at: nothing stands out."


def test_what_moves_against_another_is_signed():
    joint, Y = predictions()
    two = joint.marginal(["CO", "NO2"])
    line = lines_of(figures_of(two, Y[:, [0, 2]]))[3]
    assert line.startswith("Together? CO and NO2 move together most (correlation -0.30); the ")


def test_useless_correlations_are_worth_nothing():
    joint, Y = predictions()
    apart = joint.mean + uncorrelated(joint).sample(1, 0)[0] - joint.mean
    line = lines_of(figures_of(joint, apart))[3]
    assert "worth -" in line
    assert "cuts the error" not in line  # it makes each worse
    figures = figures_of(joint, Y)
    for found in figures["per_target"].values():
        found["conditional_error"] = found["mae"] * 0.997
    assert "cuts" not in lines_of(figures)[3]
    figures["per_target"]["NO2"]["conditional_error"] *= 0.9
    assert lines_of(figures)[3].endswith(", and knowing the others cuts the error of NO2 by 10%.")


# What to look at


def test_few_rows_are_said_to_be_few():
    joint, Y = predictions(199)
    assert lines_of(figures_of(joint, Y))[4] == "Look at: there are only 199 rows to judge by."
    joint, Y = predictions(200)
    assert lines_of(figures_of(joint, Y))[4] == "Look at: nothing stands out."
    one = lines_of(figures_of(joint[0], Y[:1]))
    assert "CO was observed in only 1 row;" in one[4]


def test_targets_that_were_hardly_observed_are_named():
    joint, Y = predictions()
    Y[29:, 1] = np.nan
    assert lines_of(figures_of(joint, Y))[4] == "Look at: NOx was observed in only 29 rows."
    Y[:, 1] = np.nan
    lines = lines_of(figures_of(joint, Y))
    assert lines[4] == "Look at: NOx was observed in only 0 rows."
    assert "NOx" not in lines[1] + lines[2]
    Y[:30, 1] = 0
    assert "NOx was" not in lines_of(figures_of(joint, Y))[4]


def test_outliers_are_counted():
    joint, Y = predictions(2000)
    Y[:12] += 40
    line = lines_of(figures_of(joint, Y))[4]
    assert line == (
        "Look at: 12 rows lie where 0.2 would be expected, beyond one in 10,000: outliers or tails "
        "that are heavier than the model's."
    )
    heavy = MultivariateT(joint.mean, degrees_of_freedom=3.0, covariance=COVARIANCE, targets=NAMES)
    assert "heavier" in lines_of(figures_of(joint, heavy.sample(1, 0)[0]))[4]
    assert lines_of(figures_of(heavy, heavy.sample(1, 0)[0]))[4] == "Look at: nothing stands out."
    Y = predictions(2000)[1]
    Y[:2] += 40  # may be chance
    assert lines_of(figures_of(joint, Y))[4] == "Look at: nothing stands out."
    Y[:12] += 40
    Y[20:, 2] = np.nan
    assert lines_of(figures_of(joint, Y))[4].count("; ") == 1


# Whatever comes


def test_without_rows_there_is_one_line():
    joint, Y = predictions(5)
    figures = figures_of(joint, Y * np.nan)
    assert verdict(figures) == ["No row holds a target: there is nothing to judge by."]
    assert verdict(figures, held_out=True) == verdict(figures)


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("all_scores", [False, True])
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 2, 50])
def test_nothing_is_left_unsaid(n, d, all_scores, held_out):
    joint, Y = predictions(n, d)
    gaps = np.random.default_rng(n).random(Y.shape) < 0.4
    gaps[:, 0] = False
    for values in (Y, np.where(gaps, np.nan, Y), np.where([0] * (d - 1) + [1], np.nan, Y)):
        if np.isnan(values).all():
            continue
        known = joint.calibrated_by(CalibrationSet(joint[:1], Y[:1], "conformal"))
        for one in (joint, known):
            figures = figures_of(one, values, all_scores=all_scores)
            before = copy.deepcopy(figures)
            lines_of(figures, held_out=held_out)
            assert figures == before


def test_rows_beyond_the_range_of_training_are_named():
    figures = figures_of(*predictions())
    columns = {
        "T": {"below": 0, "above": 12},
        "day": {"below": 0, "above": 990},
        "RH": {"below": 1, "above": 1},
        "AH": {"below": 1, "above": 0},
    }
    figures["beyond_range"] = {"rows": 995, "columns": columns}
    assert lines_of(figures)[4] == (
        "Look at: 995 rows are beyond the range that training saw, in day (990), T (12) and RH (2) "
        "and 1 more, and for networks and trees as if at its end."
    )
    figures["beyond_range"] = {"rows": 10, "columns": {"T": columns["T"]}}
    assert "beyond the range that training saw, in T (12), and" in lines_of(figures)[4]
    figures["beyond_range"] = {"rows": 9, "columns": {"T": columns["T"]}}
    assert lines_of(figures)[4] == "Look at: nothing stands out."


def test_rows_held_out_in_blocks_are_said_to_be():
    figures = figures_of(*predictions()) | {"order": {"folds": "blocks"}}
    assert lines_of(figures, held_out=True)[4] == (
        "Look at: rows were held out in whole blocks, each predicted from those before and after "
        "it, which is all that these figures claim: rows that come later may differ more."
    )
    assert lines_of(figures | {"order": None}, held_out=True)[4] == "Look at: nothing stands out."
    assert lines_of(figures)[4] == "Look at: nothing stands out."
