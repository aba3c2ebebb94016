"""Prints what the tests of starting measured at the end of pytest's report."""

import pytest

PREFIX = "seconds to import: "


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line with the times that tests recorded."""
    reports = [report for report in terminalreporter.getreports("passed") if report.when == "call"]
    measured = {name.removeprefix(PREFIX): float(str(seconds)) for report in reports
                for name, seconds in report.user_properties if name.startswith(PREFIX)}  # fmt: skip
    if measured:
        times = ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in measured.items())
        terminalreporter.write_line(f"import function_app, median of 5: {times}")
