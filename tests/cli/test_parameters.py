"""Parameters from a file and from options, and what columns are."""

from argparse import Namespace

import pytest

from covey import cli
from covey.cli.parameters import estimator, mapping_or_name
from covey.cli.roles import Roles
from covey.errors import CoveyWarning, InputError

COLUMNS = ["id", "day", "hour", "zip", "site", "w", "CO", "NOx", "a=b"]
WORDS = ["fit", "t.csv", "--targets", "CO,NOx", "--output", "m.covey"]


def parsed(*words):
    return cli.parser().parse_args([*WORDS, *words])


def roles(*words):
    return Roles.named(COLUMNS, parsed(*words), "t.csv")


def test_defaults_are_those_of_the_estimator():
    from covey import JointRegressor

    assert estimator(parsed()).get_params() == JointRegressor().get_params()
    assert estimator(parsed("--quiet")).verbose == 0


def test_options_stand_above_the_file(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        "members = 3\nmax_steps = 70\nhidden_units = [8, 8]\nlearning_rate = 2e-3\n"
        'family = "normal"\nverbose = 1\n'
    )
    model = estimator(parsed("--params", str(path), "--members", "7", "--quiet"))
    assert (model.members, model.max_steps, model.hidden_units) == (7, 70, [8, 8])
    assert (model.learning_rate, model.family, model.verbose) == (2e-3, "normal", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_step = 3\n", "'max_step'. Did you mean max_steps?"),
        ("learning-rate = 3\n", "'learning-rate'. Did you mean learning_rate?"),
        ("zebra = 3\n", "'zebra'. There are: "),
        ("max_steps: 3\n", "(TOML)"),
        ("\udcff", "(TOML)"),
    ],
)
def test_what_is_no_parameter_is_refused(tmp_path, text, said):
    path = tmp_path / "p.toml"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError) as raised:
        estimator(parsed("--params", str(path)))
    assert said in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there():
    with pytest.raises(InputError, match=r"none\.toml: No such file"):
        estimator(parsed("--params", "none.toml"))


def test_time_holds_out_later_rows():
    assert estimator(parsed("--time", "day")).cv == "later"
    assert estimator(parsed("--time", "day", "--cv", "later")).cv == "later"
    assert estimator(parsed("--cv", "blocks")).cv == "blocks"
    with pytest.raises(InputError, match="--cv shuffled too"):
        estimator(parsed("--time", "day", "--cv", "shuffled"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["auto"], "auto"),
        (["CO=log1p"], {"CO": "log1p"}),
        (["CO=log1p,NOx=sqrt"], {"CO": "log1p", "NOx": "sqrt"}),
        (["CO=none,NOx=auto"], {"CO": None, "NOx": "auto"}),
        (["CO=log1p", "NOx=sqrt"], {"CO": "log1p", "NOx": "sqrt"}),
        (['"rate (%, a year)=log",NOx=sqrt'], {"rate (%, a year)": "log", "NOx": "sqrt"}),
    ],
)
def test_transforms(words, expected):
    assert mapping_or_name(words) == expected
    options = [word for each in words for word in ("--transform", each)]
    assert estimator(parsed(*options)).get_params()["transform"] == expected


@pytest.mark.parametrize("words", [["CO=log1p", "sqrt"], ["=log"], ["CO="]])
def test_transforms_of_nothing(words):
    with pytest.raises(InputError, match="--transform"):
        mapping_or_name(words)


def test_columns_have_roles():
    found = roles("--sample-weight", "w", "--groups", "site", "--drop", "id", "--time", "day")
    assert found.targets == ["CO", "NOx"]
    assert found.features == ["day", "hour", "zip", "a=b"]
    assert (found.sample_weight, found.groups, found.time) == ("w", "site", "day")


@pytest.mark.parametrize(("option", "name"), [("--groups", "site"), ("--sample-weight", "w")])
def test_what_is_named_as_a_feature_is_one_and_said_to_be_something_else_too(option, name):
    with pytest.warns(CoveyWarning, match=f"'{name}' is named with --features and {option}") as all:
        assert roles("--features", f"{name},zip", option, name).features == [name, "zip"]
    assert len(all) == 1
    # of a time it is the rule
    assert roles("--features", "day,zip", "--time", "day").features == ["day", "zip"]


def test_repeated_targets_are_as_one_list():
    words = ["fit", "t.csv", "--output", "m.covey", "--targets", "NOx", "--targets", "CO"]
    found = Roles.named(COLUMNS, cli.parser().parse_args(words), "t.csv")
    assert found.targets == ["NOx", "CO"]
    assert "NOx" not in found.features


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--dates", "day,hour"], {"day": None, "hour": None}),
        (["--dates", "day=%d/%m/%Y"], {"day": "%d/%m/%Y"}),
        (["--dates", "day=%d/%m/%Y,hour=%H:%M"], {"day": "%d/%m/%Y", "hour": "%H:%M"}),
        (["--dates", "day=%d/%m/%Y", "--dates", "hour"], {"day": "%d/%m/%Y", "hour": None}),
        (["--dates", "day=%b %d, %Y"], {"day": "%b %d, %Y"}),
        (["--dates", '"day=%b %d, %Y",hour'], {"day": "%b %d, %Y", "hour": None}),
        (["--dates", "a=b"], {"a=b": None}),
    ],
)
def test_dates_have_formats(words, expected):
    assert roles(*words).dates == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--features", "CO,zip"], "either a target or a feature"),
        (["--drop", "CO"], "left out is no target"),
        (["--groups", "CO"], "A target has no other use"),
        (["--time", "CO"], "A target has no other use. Received with --time too: CO."),
        (["--features", "id,zip", "--drop", "zip"], "left out is no feature"),
        (["--sample-weight", "w", "--groups", "w"], "--sample-weight and --groups: w."),
        (["--sample-weight", "w", "--time", "w"], "--sample-weight and --time: w."),
        (["--sample-weight", "w,id"], "Expected one column with --sample-weight"),
        (["--time", "dya"], "Did you mean day?"),
        (["--categorical", "CO"], "which are not"),
        (["--categorical", "zpi"], "Did you mean zip?"),
        (["--dates", "id", "--drop", "id"], "which are not"),
        (["--dates", "nothing=%d"], "'nothing'"),
        (["--drop", "id,day,hour,zip,site,w,a=b"], "is left to predict from"),
    ],
)
def test_roles_that_exclude_each_other(words, said):
    with pytest.raises(InputError) as raised:
        roles(*words)
    assert said in str(raised.value)


def test_the_namespace_holds_what_is_read():
    assert isinstance(parsed(), Namespace)
    assert parsed("--na", "-999,?", "--na", "x").na == ["-999,?", "x"]
