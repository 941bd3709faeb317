"""What bytes beyond ASCII mean: words of one language, and not letters thrown together."""

from __future__ import annotations

import warnings

import pytest

from covey.errors import InputError
from covey.files import read_table

PLACES = {
    "cp1252": ["München", "Besançon", "La Coruña", "København", "Þórshöfn", "São Paulo", "Škoda"],
    "cp1251": ["Москва", "Санкт-Петербург", "Казань", "Уфа", "Омск"],
    "koi8-r": ["Москва", "Санкт-Петербург", "Казань", "Уфа", "Омск"],
    "cp1250": ["Plzeň", "České Budějovice", "Ústí nad Labem", "Příbram"],
    "iso8859-2": ["Łódź", "Gdańsk", "Kraków", "Wrocław", "Poznań"],
    "cp1253": ["Αθήνα", "Θεσσαλονίκη", "Πάτρα"],
    "cp1257": ["Šiauliai", "Panevėžys", "Kėdainiai", "Marijampolė"],
    "cp1254": ["İstanbul", "İzmir", "Eskişehir", "Ağrı", "Muğla"],  # noqa: RUF001
    "cp1255": ["ירושלים", "תל אביב", "חיפה"],
}
FEW = [
    ("cp1251", "город,b", "a,1"),
    ("cp1250", "miasto,y", "Łódź,1"),
    ("cp1250", "város,y", "Győr,1"),
    ("cp1252", "Straße,y", "Köln,1"),
    ("cp1252", "item,price", "a,€5"),
    ("cp1252", "item,note", "a,don’t “x”"),  # noqa: RUF001
    ("cp1252", "bær,y", "Þórshöfn,1"),
    ("cp850", "Größe,y", "Köln,1"),
]


def read(path, content):
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_table(path)
    return frame, " ".join(str(each.message) for each in caught)


@pytest.mark.parametrize("encoding", PLACES)
def test_places_are_read_as_they_are_written(encoding, tmp_path):
    lines = [f"{place},{number}" for number, place in enumerate(PLACES[encoding])]
    frame, said = read(tmp_path / "t.csv", ("place,y\n" + "\n".join(lines)).encode(encoding))
    assert frame["place"].tolist() == PLACES[encoding]
    assert f"encoding {encoding}" in said
    assert "--encoding" in said


@pytest.mark.parametrize(("encoding", "names", "row"), FEW)
def test_one_word_is_enough(encoding, names, row, tmp_path):
    frame, said = read(tmp_path / "t.csv", f"{names}\n{row}\nb,2\n".encode(encoding))
    assert list(frame.columns) == names.split(",")
    assert frame.iloc[0].tolist() == row.split(",")
    assert f"encoding {encoding}" in said


@pytest.mark.parametrize("bad", [b"3\xff", b"3\xe4"])
def test_one_bad_byte_of_utf8_is_refused_by_its_line(bad, tmp_path):
    with pytest.raises(InputError, match=r"UTF-8.*line 3"):
        read(tmp_path / "t.csv", "größe,b,y\n1,2,3\n4,".encode() + bad + b",5\n")
