"""The words that stand in tables in place of numbers, or beside them, for every kind of file."""

from __future__ import annotations

# Text that stands for a missing value in any column, as programs write it, and the errors of
# spreadsheets. "None" is a label, such as of a house without a garage; among numbers it is missing.
_ABSENT = (
    "NA,N/A,n/a,NaN,nan,-NaN,-nan,NaT,null,NULL,<NA>,#N/A,#NA,#N/A N/A,1.#QNAN,-1.#QNAN,1.#IND,"
    "-1.#IND"
)
_ERRORS = "#div/0!,#value!,#ref!,#name?,#num!,#null!,#error!,#zahl!,#wert!,#bezug!,#nv"
# Text that people write where a number or a date is missing, in small letters.
_MARKS = (
    "?,??,-,--,---,.,..,...,*,\u2013,\u2014,missing,unknown,unk,none,nil,n.a.,n.a,na.,n.d.,n/d,"
    "not available,not applicable,not known,tbd"
)
# Other letters after a number are more often part of a code, such as "12B" or "320i".
_UNITS = (
    "kg g mg \u00b5g \u03bcg ug t lb lbs oz km m cm mm \u00b5m \u03bcm um nm mi mile miles ft in "
    "yd km2 km\u00b2 m2 m\u00b2 cm2 cm\u00b2 m3 m\u00b3 cm3 cm\u00b3 cc CC ha acres sqft sqm l L "
    "ml mL dl cl s sec secs ms min mins h hr hrs hour hours day days week weeks month months year "
    "years yr yrs \u00b0 \u00b0C \u00b0F \u2103 \u2109 degC degF Pa hPa kPa MPa bar mbar psi atm "
    "mmHg mV kV mA kW MW GW Wh kWh MWh GWh kJ MJ kcal cal Hz kHz MHz GHz KB kB MB GB TB MiB GiB "
    "Mbps Gbps rpm hp bhp PS ppm ppb km/h kmh kmph kph mph m/s kn dB mol mmol kN Nm kmpl mpg mg/dl "
    "mg/dL mg/l mg/L g/l g/L mmol/l mmol/L \u00b5g/m3 \u00b5g/m\u00b3 \u03bcg/m3 \u03bcg/m\u00b3 "
    "kg/m3 kg/m\u00b3 pcs px pp bps"
)
_MONEY = (
    "USD EUR GBP CHF JPY CNY INR CAD AUD NZD SEK NOK DKK PLN CZK HUF BRL MXN ZAR RUB TRY KRW RON "
    "BGN ISK UAH ILS AED SAR HKD SGD TWD THB MYR IDR PHP VND CLP COP"
)

ABSENT = frozenset(("", *_ABSENT.split(","), *_ERRORS.upper().split(",")))
NO_DATES = ("0000-00-00", "0000-00-00 00:00:00")  # of MySQL
MARKS = frozenset((*_MARKS.split(","), *NO_DATES, *(text.lower() for text in ABSENT)))
UNITS = tuple(_UNITS.split())
LETTER_UNITS = ("A", "C", "F", "J", "K", "N", "V", "W")  # only behind a blank
MONEY_CODES = tuple(_MONEY.split())
# Currencies in other letters, as they are counted, before a number only with a dot or a blank.
MONEY_WORDS = {
    **{each: each for each in ("kr", "z\u0142", "K\u010d", "Ft", "lei", "\u043b\u0432", "din")},
    **{
        "Kr": "kr",
        "zl": "z\u0142",
        "Kc": "K\u010d",
        "\u0440\u0443\u0431": "\u20bd",
        "\u0440": "\u20bd",
    },
}
MONEY_PREFIXES = {"Rs": "Rs", "RM": "RM", "Rp": "Rp", "Fr": "CHF", "SFr": "CHF"}
MONEY_SIGNS = (
    "$\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba\u20b4\u20aa\u20ab\u0e3f\u20a6\u20b1\u00a2"
)
PERCENT = "%\u2030"
BOOLEANS = (("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"))
# Under this name a table from a text file says, in `attrs`, what decimal mark its text had.
DECIMAL = "covey.decimal"
