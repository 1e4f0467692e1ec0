# SPDX-License-Identifier: BSD-3-Clause
"""What came out: medians, ratios with their spread, the tables and the JSON.

Called by bench.py. Pure. A ratio of fewer than RATIO_ROUNDS rounds does not exist.
"""
from statistics import median

from contenders import BARE, SESSION

RATIO_ROUNDS = 5
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "KiB": 1, "/s": 1}


class Series:
    """One contender in one row: its values, round by round, and those they are compared with."""

    def __init__(self, unit):
        self.unit, self.values, self.bases, self.word = unit, [], [], ""

    def add(self, value, base):
        self.values.append(value / UNITS[self.unit])
        if base is not None:
            self.bases.append(base / UNITS[self.unit])

    def _paired(self, combine):
        if len(self.bases) < RATIO_ROUNDS or len(self.bases) != len(self.values):
            return None
        pairs = sorted(combine(value, base) for value, base in zip(self.values, self.bases))
        return median(pairs), pairs[0], pairs[-1]

    def ratio(self):
        """Median, lowest, highest of the rounds' ratios; None where there are too few."""
        return self._paired(lambda value, base: value / base)

    def added(self):
        return self._paired(lambda value, base: value - base)

    def spread(self):
        return min(self.values), median(self.values), max(self.values)

    def plain(self):
        if self.word:
            return {"not": self.word}
        return {"values": self.values, "compared with": self.bases, "median": median(self.values),
                "ratio": self.ratio(), "added": self.added()}


def number(value):
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def times(ratio):
    middle, low, high = (f"{value:.2f}" for value in ratio)
    return f"{middle}x ({low}-{high})"


class Result:
    """One row of the table."""

    def __init__(self, name, unit, target, series):
        self.name, self.unit, self.target, self.series = name, unit, target, series

    def against_target(self):
        """What the session came to, as far as the target speaks of it, and whether that is met."""
        series = self.series.get(SESSION)
        if not self.target or series is None or series.word:
            return None
        kind, limit = self.target
        if kind == "value":
            got, most = series.spread()[1], self.unit != "/s"
        else:
            found = series.ratio() if kind == "ratio" else series.added()
            if found is None:
                return None
            got, most = found[0], True
        sign = "<=" if most else ">="
        text = {"ratio": f"{sign} {limit}x", "added": f"{sign} +{limit} {self.unit}",
                "value": f"{sign} {limit} {self.unit}"}[kind]
        shown = {"ratio": f"{got:.2f}x", "added": f"+{number(got)} {self.unit}",
                 "value": f"{number(got)} {self.unit}"}[kind]
        return text, shown, got <= limit if most else got >= limit

    def lines(self):
        """For the terminal: a line each contender."""
        yield f"{self.name} ({self.unit})"
        for label, series in self.series.items():
            if series.word:
                yield f"  {label:22} {series.word}"
                continue
            low, middle, high = map(number, series.spread())
            ratio = series.ratio()
            yield (f"  {label:22} min {low:>7}  median {middle:>7}  max {high:>7}"
                   + (f"  {times(ratio)}" if ratio and label != BARE else ""))
        target = self.against_target()
        if target:
            yield f"  target {target[0]}: {target[1]}, {'met' if target[2] else 'MISSED'}"

    def cell(self, label):
        series = self.series.get(label)
        if series is None:
            return ""
        if series.word:
            return series.word
        text = number(series.spread()[1])
        ratio = series.ratio()
        return text if label == BARE or not ratio else f"{text}, {times(ratio)}"

    def plain(self):
        return {"row": self.name, "unit": self.unit, "target": self.target,
                "against target": self.against_target(),
                "contenders": {label: series.plain() for label, series in self.series.items()}}


def markdown(results, labels, about):
    """The tables of docs/PERFORMANCE.md."""
    lines = [f"- {name}: {text}" for name, text in about.items() if text]
    lines += ["", "| | " + " | ".join(labels) + " |", "|---" * (len(labels) + 1) + "|"]
    for result in results:
        cells = [result.cell(label) for label in labels]
        lines.append(f"| {result.name} ({result.unit}) | " + " | ".join(cells) + " |")
    lines += ["", "| target | wanted | measured | |", "|---|---|---|---|"]
    for result in results:
        target = result.against_target()
        if target:
            lines.append(f"| {result.name} | {target[0]} | {target[1]} "
                         f"| {'met' if target[2] else '**missed**'} |")
    return "\n".join(lines) + "\n"
