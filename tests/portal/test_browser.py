"""Which browser is taken."""

from pathlib import Path

import pytest

from tests.portal.browser import find_chromium


def make(program: Path) -> Path:
    """A program that could be run."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.touch(mode=0o755)
    return program


def test_the_machines_own_browser_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    own, fetched = make(tmp_path / "bin" / "chromium"), make(tmp_path / "fetched" / "chrome")
    assert str(own) == find_chromium(fetched)


def test_then_comes_what_playwright_fetched_and_then_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    fetched = make(tmp_path / "fetched" / "chrome")
    assert str(fetched) == find_chromium(fetched)
    fetched.unlink()
    assert find_chromium(fetched) is None
