"""Files appear whole or not at all, and a saved generator is restored exactly."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Fixed

from genbench.storage import files, job_folders

LEARNED: dict[str, Any] = {
    "floats": np.array([0.1, np.pi]),
    "deep": {
        "ints": [np.arange(3), np.array([], dtype=np.int32)],
        "array": "a key of the file format",
        "dict": {"x": 1},
    },
    "a.b": np.array([1]),
    "a": {"b": np.array([2])},
    "number": np.array(3),
    "plain": [1, 2.5, None, True, "text\u00e9"],
    "half": np.array([[1.5]], dtype=np.float32),
}


class Stored(Fixed):
    def dump(self) -> dict[str, Any]:
        return LEARNED

    def restore(self, learned: dict[str, Any]) -> None:
        self.learned = learned


def same(first: Any, second: Any) -> bool:
    """Return whether two values and all arrays in them are equal, data types included."""
    if isinstance(first, np.ndarray):
        return isinstance(second, np.ndarray) and first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def test_a_saved_generator_is_restored_exactly(tmp_path: Path) -> None:
    files.save_generator(Stored(), tmp_path / "model")
    loaded = Stored()
    files.load_generator(loaded, tmp_path / "model")
    assert same(LEARNED, loaded.learned)


def test_large_arrays_are_written_as_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.save_generator(Stored(), tmp_path / "small")
    monkeypatch.setattr(files, "MAX_TRIED_BYTES", 0)
    files.save_generator(Stored(), tmp_path / "large")
    for folder in ("small", "large"):
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == [files.ARRAYS, files.LEARNED]
    for name in (files.ARRAYS, files.LEARNED):
        small, large = (tmp_path / folder / name for folder in ("small", "large"))
        assert small.read_bytes() == large.read_bytes()
        assert small.stat().st_mode == large.stat().st_mode


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    files.write_atomic(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_the_default_permissions(tmp_path: Path) -> None:
    files.write_atomic(tmp_path / "a", b"")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    files.write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["?", "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 5)])
def test_mapped_arrays_are_those_of_the_safetensors_library(tmp_path: Path, kind: str, shape: tuple[int, ...]) -> None:
    from safetensors.numpy import load_file, save_file

    values = np.arange(np.prod(shape, dtype=int)).astype(kind).reshape(shape)
    save_file({"one": values, "other": np.ones(3, np.int8), "third": np.arange(4.0)}, tmp_path / "x")
    arrays, expected = files.map_arrays(tmp_path / "x"), load_file(tmp_path / "x")
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)
        assert arrays[name].flags.aligned


def test_folders_of_killed_jobs_are_swept_unless_they_are_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, young, foreign = (tmp_path / f"{job_folders.PREFIX}{name}" for name in ("left", "young", "foreign"))
    for folder in (left, young):
        folder.mkdir()
        (folder / job_folders.LOCK).touch()
    foreign.mkdir()
    with job_folders.job_folder() as used:
        for path in (used / job_folders.LOCK, left / job_folders.LOCK):
            os.utime(path, (0, 0))
        with job_folders.job_folder():
            assert (left.exists(), young.exists(), foreign.exists(), used.exists()) == (False, True, True, True)
    assert not used.exists()
