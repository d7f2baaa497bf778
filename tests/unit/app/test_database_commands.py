"""``python -m app database`` and ``python -m app specs``, as an operator sees them."""

import io
import sys
from pathlib import Path

import pytest

from app.__main__ import main
from services.database import database_url, open_database
from services.database.revisions import known_revisions
from tests.exchange import add_name, add_spec, resolved_spec

HEAD = known_revisions()[-1]


@pytest.fixture(autouse=True)
def _data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands work on a database of this test's."""
    use(monkeypatch, tmp_path / "data")


def use(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    """Work on the database in a directory from now on."""
    monkeypatch.setenv("WEIGHTBANK_DATA_DIR", str(directory))


def fill(directory: Path) -> None:
    """Make a database with a spec that has a name."""
    directory.mkdir()
    engine = open_database(database_url("", data_directory=directory))
    add_name(engine, "vision/mlp", add_spec(engine, resolved_spec(3), seed=4))
    engine.dispose()


def test_the_status_is_told_and_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is made before it is asked for."""
    assert main(["database", "status"]) == 0
    out = capsys.readouterr().out
    assert f"pending   {' '.join(known_revisions())}\n" in out
    assert not (tmp_path / "data").exists()
    assert main(["database", "upgrade"]) == 0
    assert capsys.readouterr().out == f"applied   {' '.join(known_revisions())}\n"
    assert main(["database", "upgrade"]) == 0
    assert "nothing was pending" in capsys.readouterr().out
    assert main(["database", "status"]) == 0
    assert f"revision  {HEAD}\nhead      {HEAD}\npending   nothing\n" in capsys.readouterr().out


def test_specs_go_from_one_database_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a file, which is whole or not there."""
    fill(tmp_path / "data")
    file, again = tmp_path / "specs.jsonl", tmp_path / "again.jsonl"
    file.write_text("an older one")
    assert main(["specs", "export", str(file)]) == 0
    assert "exported 1 specs, 1 names, 1 versions" in capsys.readouterr().err
    use(monkeypatch, tmp_path / "other")
    assert main(["specs", "import", str(file)]) == 0
    assert "1 new specs" in capsys.readouterr().err
    assert main(["specs", "export", str(again)]) == 0
    assert again.read_bytes() == file.read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.jsonl*")) == ["again.jsonl", "specs.jsonl"]


def test_a_pipe_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The file alone is on standard output."""
    fill(tmp_path / "data")
    assert main(["specs", "export", "-", "--team", "vision"]) == 0
    content = capsysbinary.readouterr().out
    assert content.startswith(b'{"format":') and content.endswith(b'"}\n')  # noqa: PT018
    use(monkeypatch, tmp_path / "other")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["specs", "import", "-"]) == 0
    assert b"1 new versions" in capsysbinary.readouterr().err


def test_a_bad_file_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With status 1."""
    (tmp_path / "cut").write_bytes(b'{"format":"weightbank specs","version":1}\n')
    for file, mentioned in (("cut", "was cut"), ("none", "No such file")):
        assert main(["specs", "import", str(tmp_path / file)]) == 1
        err = capsys.readouterr().err
        assert mentioned in err
        assert len(err.splitlines()) == 1
    assert main(["specs", "export", str(tmp_path / "none" / "file")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told_without_a_word_of_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No server was to start."""
    file = tmp_path / "nowhere.jsonl"
    assert main(["specs", "import", str(file)]) == 1
    assert capsys.readouterr().err == f"weightbank: file '{file}': No such file or directory\n"
