import hashlib
import json
import os
import stat
import zipfile
from io import BytesIO

import numpy as np
import pytest

from covey import __version__
from covey.archive import container
from covey.errors import ArtifactError, InputError

MANIFEST = {"targets": ["NO₂", "a/b"], "n": 3, "deep": {"x": [1.5, None, True]}}
ARRAYS = {
    "float64": np.array([[0.1, np.nan], [np.inf, -0.0]]),
    "float32": np.linspace(0, 1, 6, dtype="f4").reshape(1, 2, 3),
    "int": np.arange(-3, 4, dtype="i2"),
    "bool": np.array([True, False]),
    "text": np.array(["", "Zürich"]),
    "date": np.array(["2004-03-10", "NaT"], dtype="M8[D]"),
    "empty": np.empty((0, 4)),
    "scalar": np.array(2.5),
    "big_endian": np.arange(3, dtype=">f8"),
    "members/0/kernel": np.ones((2, 2)),
    "Größe μ": np.array([1]),
}


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert left[name].dtype == right[name].dtype
        assert left[name].shape == right[name].shape
        np.testing.assert_array_equal(left[name], right[name])


def rewrite(path, change, compression=zipfile.ZIP_STORED):
    """Pack a file anew, with valid checksums, after `change(members)`."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def edit_header(path, **entries):
    def change(members):
        header = json.loads(members["manifest.json"]) | entries
        members["manifest.json"] = json.dumps(header).encode()

    rewrite(path, change)


def replace_array(path, content, **declared):
    """Put in an array as an attacker would: everything but what is under test is consistent."""

    def change(members):
        header = json.loads(members["manifest.json"])
        header["arrays"]["a"] |= {"sha256": hashlib.sha256(content).hexdigest(), **declared}
        members |= {"manifest.json": json.dumps(header).encode(), "arrays/a.npy": content}

    rewrite(path, change)


def npy(array, allow_pickle=False):
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def npy_header(shape, descr="<f8"):
    buffer = BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.covey"
    container.write(path, {"n": 1}, {"a": np.arange(3.0), "b": np.ones((2, 2), "f4")})
    return path


def test_round_trip(tmp_path):
    path = tmp_path / "Modell ü.covey"
    container.write(path, MANIFEST, ARRAYS)
    manifest, arrays = container.read(str(path))
    assert manifest == MANIFEST
    assert_same(arrays, ARRAYS)
    arrays["float64"][0, 0] = 1.0
    assert arrays["float64"].flags.owndata


def test_nothing_at_all_is_content_too(tmp_path):
    container.write(tmp_path / "empty", {}, {})
    assert container.read(tmp_path / "empty") == ({}, {})


def test_the_file_can_be_read_without_covey(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        header = json.loads(archive.read("manifest.json"))
        content = archive.read("arrays/a.npy")
    np.testing.assert_array_equal(np.load(BytesIO(content)), np.arange(3.0))
    assert header["format"] == "covey"
    assert header["format_version"] == 1
    assert header["covey_version"] == __version__
    assert header["manifest"] == {"n": 1}
    assert header["arrays"]["a"] == {
        "dtype": "<f8",
        "shape": [3],
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def test_equal_content_gives_equal_bytes(tmp_path):
    X = np.arange(6.0).reshape(2, 3)
    container.write(tmp_path / "1", {"a": 1, "b": 2}, {"x": X, "y": X.T})
    container.write(tmp_path / "2", {"b": 2, "a": 1}, {"y": X.T.copy(), "x": np.asfortranarray(X)})
    container.write(tmp_path / "3", {"a": 1, "b": 3}, {"x": X, "y": X.T})
    first, second, third = ((tmp_path / name).read_bytes() for name in "123")
    assert first == second != third


def test_a_view_is_stored_as_what_it_shows(tmp_path):
    X = np.arange(24.0).reshape(4, 6)[::2, ::-3]
    container.write(tmp_path / "view", {}, {"x": X})
    assert_same(container.read(tmp_path / "view")[1], {"x": X})


@pytest.mark.parametrize(
    ("manifest", "arrays", "message"),
    [
        ({"f": object()}, {}, "JSON"),
        ({"nan": float("nan")}, {}, "JSON.*NaN"),
        ({"set": {1}}, {}, "JSON"),
        ({}, {"a": np.array([1, "x"], dtype=object)}, "dtype object"),
        ({}, {"a": np.zeros(2, "f4,i4")}, "Expected array 'a'"),
        ({}, {"a": np.zeros(2, [("x", "U0")])["x"]}, "Expected array 'a'"),
        ({}, {"": np.ones(1)}, "array names"),
        ({}, {"../a": np.ones(1)}, "array names"),
        ({}, {"/a": np.ones(1)}, "array names"),
        ({}, {"a\\b": np.ones(1)}, "array names"),
        ({}, {"a\0b": np.ones(1)}, "array names"),
        ({}, {"\ud800": np.ones(1)}, "array names"),
    ],
)
def test_content_that_cannot_be_stored(path, manifest, arrays, message):
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        container.write(path, manifest, arrays)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_an_endless_manifest_is_refused(path):
    manifest = {}
    manifest["self"] = manifest
    with pytest.raises(InputError, match="JSON"):
        container.write(path, manifest, {})
    for _ in range(100_000):
        manifest = {"deeper": manifest}
    with pytest.raises(InputError, match="JSON"):
        container.write(path, manifest, {})


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "missing" / "m.covey", tmp_path / "file" / "m.covey"):
        with pytest.raises(InputError, match="Create it first"):
            container.write(place, {}, {})
    with pytest.raises(InputError, match="Add a file name"):
        container.write(tmp_path, {}, {})
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("failing", ["replace", "fsync"])
@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError("no space left"), InputError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_failing_write_leaves_the_old_file(path, monkeypatch, failing, error, raised):
    def fail(*arguments):
        raise error

    before = path.read_bytes()
    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(raised):
        container.write(path, {"n": 2}, {"a": np.zeros(5)})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_the_file_replaces_an_old_one_in_its_own_folder(path, monkeypatch):
    calls = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append(names), replace(*names)))
    container.write(path, {"n": 2}, {})
    ((temporary, target),) = calls
    assert temporary.parent == target.parent
    assert container.read(path) == ({"n": 2}, {})
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_permissions_follow_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        container.write(tmp_path / "m", {}, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_is_followed(path, tmp_path):
    link = tmp_path / "latest"
    link.symlink_to(path)
    container.write(link, {"n": 2}, {})
    assert link.is_symlink()
    assert container.read(path) == ({"n": 2}, {})


def test_a_name_as_long_as_the_system_allows(tmp_path):
    container.write(tmp_path / ("m" * 255), {}, {})


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing is there\. Check the path"):
        container.read(tmp_path / "missing")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ArtifactError, match="not a file"):
        container.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK", bytes(range(1, 256)) * 4])
def test_something_else(tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(ArtifactError, match="Expected a Covey file"):
        container.read(tmp_path / "other")


@pytest.mark.parametrize(
    "members",
    [
        {"word/document.xml": b"<xml/>"},
        {"manifest.json": b'{"name": "an extension"}'},
        {"manifest.json": b"[]"},
    ],
)
def test_the_zip_of_something_else(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "other", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ArtifactError, match="Expected a Covey file"):
        container.read(tmp_path / "other")


def test_a_newer_format(path):
    edit_header(path, format_version=2, covey_version="9.8.7")
    with pytest.raises(ArtifactError, match=r"format 2.*Covey 9\.8\.7.*Upgrade"):
        container.read(path)


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None])
def test_a_format_version_that_never_was(path, version):
    edit_header(path, format_version=version)
    with pytest.raises(ArtifactError, match="format version"):
        container.read(path)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe\xfd", b'{"format": "covey", "format_version": 1', b"[" * 100_000],
)
def test_a_manifest_that_is_not_json(path, text):
    rewrite(path, lambda members: members.update({"manifest.json": text}))
    with pytest.raises(ArtifactError, match="not JSON"):
        container.read(path)


@pytest.mark.parametrize(
    "entries",
    [
        {"arrays": None},
        {"arrays": ["a", "b"]},
        {"arrays": {"a": None, "b": None}},
        {"arrays": {"a": {}, "b": {}}},
        {"manifest": None},
        {"manifest": 3},
    ],
)
def test_a_manifest_of_the_wrong_shape(path, entries):
    edit_header(path, **entries)
    with pytest.raises(ArtifactError, match="damaged"):
        container.read(path)


def test_a_missing_array(path):
    rewrite(path, lambda members: members.pop("arrays/b.npy"))
    with pytest.raises(ArtifactError, match=r"lacks arrays/b\.npy"):
        container.read(path)


def test_a_member_too_many(path):
    rewrite(path, lambda members: members.update({"arrays/c.npy": b"x"}))
    with pytest.raises(ArtifactError, match="does not list"):
        container.read(path)


def test_a_hash_that_does_not_match(path):
    rewrite(path, lambda members: members.update({"arrays/a.npy": npy(np.arange(3.0) + 1)}))
    with pytest.raises(ArtifactError, match="array 'a' do not match their sha256"):
        container.read(path)


def test_a_damaged_file_says_what_to_do(path):
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ArtifactError, match=r"cut short.*Copy or download the file again"):
        container.read(path)


def test_a_file_cut_short_anywhere(path):
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ArtifactError):
            container.read(path)


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_a_byte_flipped_anywhere(path, mask):
    content = path.read_bytes()
    manifest, arrays = container.read(path)
    refused = 0
    for offset in range(0, len(content), 2 if mask == 0xFF else 5):
        damaged = bytearray(content)
        damaged[offset] ^= mask
        path.write_bytes(damaged)
        try:
            received = container.read(path)
        except ArtifactError:
            refused += 1
        else:
            assert received[0] == manifest
            assert_same(received[1], arrays)
    assert refused > 100


def test_a_compressed_file_cannot_be_a_bomb(path):
    def change(members):
        members["arrays/a.npy"] = npy(np.zeros(10**6))

    rewrite(path, change, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 20_000
    with pytest.raises(ArtifactError, match="more bytes than the file"):
        container.read(path)


@pytest.mark.parametrize("member", ["manifest.json", "arrays/a.npy"])
def test_a_compressed_member_is_refused(path, member):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = bytes(1000)  # room enough for what the members claim
        for name, content in members.items():
            method = zipfile.ZIP_DEFLATED if name == member else zipfile.ZIP_STORED
            archive.writestr(name, content, method)
    with pytest.raises(ArtifactError, match="it was compressed"):
        container.read(path)


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (npy_header((10**13,)), {"shape": [10**13]}),
        (npy_header((10**13, 10**13)), {"shape": [10**13, 10**13]}),
        (npy_header((-1, -3)) + bytes(24), {"shape": [-1, -3]}),
        (npy_header((10**13,), "<U0"), {"shape": [10**13], "dtype": "<U0"}),
        (npy_header((3,)) + bytes(23), {}),
        (npy_header((3,)) + bytes(25), {}),
        (npy_header((3,)) + bytes(24), {"shape": [4]}),
        (npy_header((3,)) + bytes(24), {"dtype": "<i8"}),
        (npy_header((3,), "|O") + bytes(24), {"dtype": "|O"}),
        (npy(np.array([print], dtype=object), allow_pickle=True), {"dtype": "|O", "shape": [1]}),
        (npy(np.zeros(3, "f4,i4")), {"dtype": "|V8"}),
        (npy(np.asfortranarray(np.zeros((2, 3)))), {"shape": [2, 3]}),
        (b"\x93NUMPY\x03\x00" + npy_header((3,))[8:] + bytes(24), {}),
        (b"garbage", {}),
        (b"", {}),
    ],
)
def test_an_array_that_is_not_what_it_declares(path, content, declared):
    replace_array(path, content, **declared)
    with pytest.raises(ArtifactError, match="damaged"):
        container.read(path)


def test_the_attack_helper_is_consistent(path):
    replace_array(path, npy(np.arange(3.0) + 1))
    np.testing.assert_array_equal(container.read(path)[1]["a"], [1, 2, 3])


@pytest.mark.parametrize("name", ["../../evil", "/evil", "a/../b", "a\\b", ""])
def test_an_array_whose_name_leads_elsewhere(path, name):
    def change(members):
        header = json.loads(members["manifest.json"])
        content = members.pop("arrays/a.npy")
        header["arrays"][name] = header["arrays"].pop("a")
        members |= {"manifest.json": json.dumps(header).encode(), f"arrays/{name}.npy": content}

    rewrite(path, change)
    with pytest.raises(ArtifactError, match="as Covey never does"):
        container.read(path)
