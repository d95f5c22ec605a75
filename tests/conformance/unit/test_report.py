"""The page is written between its marks, and holds every reason."""

from pathlib import Path

import pytest

from conformance import report
from conformance.comparison import Tally
from conformance.reasons import REASONS


def test_the_page_is_written_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    rows = "| own | 1 | 1 | 0 | 0 | 0 | 0 |\n| github | 7 | 7 | 0 | 0 | 0 | 0 |"
    marks = ("<!-- measured: written by `make conformance` -->", "<!-- /measured -->")
    page.write_text(f"before\n{marks[0]}\nold\n{rows}\n{marks[1]}\nafter\n")
    tally = Tally(valid_forwarded=3)
    tally.explained[REASONS[0].name] = 2
    report.write_page({"own": tally}, page)
    text = page.read_text()
    assert text.startswith("before\n<!--")
    assert text.endswith("-->\nafter\n")
    assert "| own | 5 | 3 | 0 | 0 | 2 | 0 |" in text
    assert "| github | 7 |" in text
    assert "| own | 1 |" not in text
    assert f"- **{REASONS[0].name}**: {REASONS[0].text}" in text
    assert "\nold\n" not in text


def test_a_page_without_marks_is_not_touched(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before")
    with pytest.raises(ValueError, match="no place"):
        report.write_page({}, page)


def test_every_reason_is_on_the_page() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "conformance.md"
    text = page.read_text(encoding="utf-8")
    assert [reason.name for reason in REASONS if reason.text not in text] == []
