"""The bundled data."""

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load_air_quality"]


def __dir__() -> list[str]:
    return __all__


def load_air_quality() -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """Load a year of air in an Italian city: a cheap sensor array beside reference analysers.

    Hourly means from 10 March 2004, 18:00, to 4 April 2005, 14:00, at road level in a polluted
    area. The task is to predict what the analysers measured, jointly, from the sensors, the
    weather and the time. Rows are in time order and sensors drift: split by time, not at random.
    Missing values are NaN; the analyser of NMHC gave up early and misses nine rows in ten.

    UCI Air Quality, CC BY 4.0; `covey/data/README.md` says what was changed.

    Returns:
        `(X, Y)`, two frames of 9357 rows over the same index.

        X has 12 columns: the responses of five metal oxide sensors, in the instrument's own
        scale, each named after the gas it was made for ("PT08.S1(CO)", "PT08.S2(NMHC)",
        "PT08.S3(NOx)", "PT08.S4(NO2)", "PT08.S5(O3)"); temperature "T" in degrees Celsius,
        relative humidity "RH" in percent, absolute humidity "AH"; and "hour" (0 to 23),
        "weekday" (0 is Monday), "month" (1 to 12), "day_index" (days since the first).

        Y has 5 columns: CO in mg/m3; NMHC, C6H6 and NO2 in microg/m3; NOx in ppb.

    References:
        S. De Vito, E. Massera, M. Piga, L. Martinotto, G. Di Francia (2008). On field calibration
        of an electronic nose for benzene estimation in an urban pollution monitoring scenario.
        Sensors and Actuators B 129(2), 750-757. doi:10.1016/j.snb.2007.09.060

        S. De Vito (2008). Air Quality [data set]. UCI Machine Learning Repository.
        doi:10.24432/C59K5F

    Example:
        >>> X, Y = load_air_quality()
        >>> list(Y.columns)
        ['CO', 'NMHC', 'C6H6', 'NOx', 'NO2']
    """
    import pandas as pd

    with as_file(files("covey") / "data" / "air_quality.parquet") as path:
        frame = pd.read_parquet(path)
    # The file keeps the narrowest types that lose nothing; nobody should compute in int8.
    frame = frame.astype({name: "f8" if frame[name].dtype.kind == "f" else "i8" for name in frame})
    references = [name for name in frame if name.endswith("(GT)")]
    Y = frame[references].rename(columns=lambda name: name.removesuffix("(GT)"))
    return frame.drop(columns=references), Y
