"""What must not grow: lists of parameters, and what rooms know of each other's insides."""

from tests.house import PARAMETERS, longest, reaches
from tests.test_floors import files

OF_USERS = {  # whose parameters are options of the user
    ("covey/bulk/scoring.py", "score"),
    ("covey/members/keras_fit.py", "fit"),
    ("covey/members/recipe.py", "for_table"),
    ("covey/regressor.py", "__init__"),
    ("covey/rows/training_table.py", "read"),
    ("covey/stream/fitting.py", "fit_files"),
}


def test_no_function_takes_more_parameters_than_a_reader_can_hold():
    long = {(path, name) for count, path, name in longest(files()) if count > PARAMETERS}
    assert long == OF_USERS


def test_no_room_reads_a_private_name_of_another():
    assert list(reaches(files())) == []


def test_such_a_reading_is_seen():
    house = {
        "covey/scores.py": "def of(joint):\n    return joint._scale",
        "covey/distributions/normal.py": "class Normal:\n    _scale = 1\n    def f(self):\n"
        "        return self._scale",
        "covey/plot/canvas.py": "from covey.scores import of, _hidden",
    }
    assert list(reaches(house)) == [("covey/scores.py", "_scale")]
    house["covey/scores.py"] += "\n\ndef _hidden():\n    return 1"
    assert ("covey/plot/canvas.py", "_hidden") in list(reaches(house))
