"""Figures as a page for people."""

from __future__ import annotations

import math
from typing import Any

HEAD = """<!-- Made by `cargo xtask eval`; do not edit. -->

# Detection

What the training makes of rows that it did not see. A run counts as found when one of its rows reaches the
threshold; a process alerts at most once for each label, so of ordinary work processes are counted. The ordinary
work is the kind that looks worst (packages, backups, administrators' hands on the files that attacks touch):
a server performs a few of these a day, not thousands, so shares of it are no rates of a host.

- *Unknown kinds*: eight folds; each row scored by trees that saw no case of its group or technique, nor any ordinary
  work of its kind. The alert threshold and the calibration come from here.
- *Known kinds*: three parts; each row scored by trees that knew other runs of its case. The kill threshold lies above
  all of its ordinary processes.
- *A later recording*: other runs of all cases, recorded afterwards with another seed, and one process in four of a
  build and test suite (git) that was not trained on, scored by trees that learned from the first recording alone. It
  was looked at for one choice, how much single words may say, which unknown kinds had decided in the same way.

Ordinary work has, beside the cases, builds and test suites of a host, one process in eight of them.
"""
WAYS = {
    "unknown_kinds": "unknown kinds",
    "known_kinds": "known kinds",
    "later_recording": "a later recording",
}
COLOURS = {
    "unknown_kinds": "#b3541e",
    "known_kinds": "#1f6f8b",
    "later_recording": "#3a7d44",
}


def page(result: dict[str, Any]) -> str:
    """Return the page, in Markdown."""
    ways = [way for way in WAYS if way in result]
    data = result["data"]
    lines = [
        HEAD,
        f"{data['attack_runs']} runs of {data['attack_cases']} attack cases ({data['attack_techniques']} techniques, "
        f"{data['attack_tactics']} tactics); {data['ordinary_runs']} runs of {data['ordinary_cases']} kinds of "
        f"ordinary work with {data['ordinary_processes']} processes.",
        "",
        "![Share of attack runs found, by the share of ordinary processes that alert](detection.svg)",
        "",
        "| | " + " | ".join(WAYS[way] for way in ways) + " |",
        "| --- |" + " --- |" * len(ways),
    ]

    def row(name: str, value: Any) -> None:
        lines.append(f"| {name} | " + " | ".join(str(value(result[way])) for way in ways) + " |")

    row("AUROC of runs by their highest row", lambda r: r["auroc_runs"])
    row("attack runs that alert", lambda r: f"{r['attack_runs_that_alert']}/{r['attack_runs']}")
    row("techniques of which most runs alert", lambda r: r["techniques_that_alert"])
    row("attack runs over the kill threshold", lambda r: f"{r['attack_runs_over_kill']}/{r['attack_runs']}")
    row(
        "ordinary processes that alert",
        lambda r: f"{r['ordinary_processes_that_alert']}/{r['ordinary_processes']}",
    )
    row("ordinary runs that alert", lambda r: f"{r['ordinary_runs_that_alert']}/{r['ordinary_runs']}")
    row(
        "ordinary processes over the kill threshold",
        lambda r: f"{r['ordinary_processes_over_kill']}/{r['ordinary_processes']} "
        f"(at most {r['over_kill_bound']:.1e}, 95 %)",
    )
    for index, rate in enumerate((1e-2, 1e-3, 1e-4)):
        row(f"attack runs found where {rate:g} of ordinary processes alert", lambda r, i=index: point(r, i))
    row("alerts a day of a host whose 50,000 processes were all of this kind", lambda r: a_day(r["alerts_a_day"]))
    row("time from a run's first row to its alert, median and 90 %", lambda r: milliseconds(r["wait_ms"]))
    row("rows of a run before its alert, median and 90 %", lambda r: " / ".join(f"{n:g}" for n in r["rows_before"]))
    lines += ["", "## By tactic", "", "Attack runs that alert.", ""]
    lines += ["| tactic | " + " | ".join(WAYS[way] for way in ways) + " |", "| --- |" + " --- |" * len(ways)]
    for tactic in sorted(result["unknown_kinds"]["by_tactic"]):
        row(tactic, lambda r, t=tactic: r["by_tactic"].get(t, "-"))
    lines += ["", "## Ordinary work that alerts", "", "Runs that alert, of unknown kinds and in the later recording.", ""]
    for way in ("unknown_kinds", "later_recording"):
        if way in result:
            cases = result[way]["ordinary_cases_that_alert"]
            lines.append(f"- {WAYS[way]}: " + ", ".join(f"{case} {share}" for case, share in cases.items()))
    if "ablations" in result:
        lines += ["", "## Without a kind of fact", "", "Unknown kinds, trained anew each time.", ""]
        lines += ["| | AUROC of runs | found at 1e-2 | found at 1e-3 |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {name} | {f['auroc_runs']:.3f} | {f['found_at_0.01']:.3f} | {f['found_at_0.001']:.3f} |"
            for name, f in result["ablations"].items()
        ]
    lines += ["", "## What the trees look at", "", "Share of the rows that pass a test of the feature.", ""]
    lines += ["| feature | share |", "| --- | --- |"]
    lines += [f"| `{name}` | {share:.3f} |" for name, share in result["importance"][:25]]
    return "\n".join(lines) + "\n"


def point(result: dict[str, Any], index: int) -> str:
    """Return one point with its interval."""
    points = result["rates"]
    if index >= len(points):
        return "too few processes"
    found = points[index]
    share = found["found"] / result["attack_runs"]
    return f"{share:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def a_day(alerts: list[float]) -> str:
    """Return a number of alerts with its interval."""
    middle, low, high = alerts
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


def milliseconds(times: list[float]) -> str:
    """Return times in the unit that suits."""
    return " / ".join(f"{time / 1000:.1f} s" if time >= 1000 else f"{time:.0f} ms" for time in times)


def plot(result: dict[str, Any]) -> str:
    """Return the curves as SVG: a logarithmic axis of false alarms, from 1e-5 to 1."""
    width, height, left, bottom = 640, 360, 60, 50

    def place(rate: float, found: float) -> str:
        x = left + (math.log10(max(rate, 1e-5)) + 5) / 5 * (width - left - 20)
        y = height - bottom - found * (height - bottom - 20)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for power in range(-5, 1):
        x, y = place(10.0**power, 0).split(",")
        parts.append(f'<path d="M{x} 20V{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{height - 30}" text-anchor="middle">1e{power}</text>')
    for tenth in range(0, 11, 2):
        x, y = place(1e-5, tenth / 10).split(",")
        parts.append(f'<path d="M{x} {y}H{width - 20}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{tenth / 10:g}</text>')
    parts.append(
        f'<text x="{(left + width) / 2}" y="{height - 8}" text-anchor="middle">'
        "share of ordinary processes that alert</text>"
    )
    for number, way in enumerate(way for way in WAYS if way in result):
        line = " ".join(place(rate, found) for rate, found in result[way]["roc"])
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[way]}" stroke-width="2"/>')
        parts.append(f'<text x="{left + 10}" y="{36 + 18 * number}" fill="{COLOURS[way]}">{WAYS[way]}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
