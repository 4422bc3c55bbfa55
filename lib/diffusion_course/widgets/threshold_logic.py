"""What the threshold explorer computes: a confusion table for any threshold and any share of anomalies."""

import html
import math
from dataclasses import dataclass

import numpy as np

from diffusion_course.metrics.detection import Confusion, check_scores


@dataclass(frozen=True)
class Detector:
    """Scores of test cases, sorted by kind, so that each threshold costs two look-ups.

    Attributes:
        normals, anomalies: scores of each kind, ascending.
    """

    normals: np.ndarray
    anomalies: np.ndarray

    @classmethod
    def from_scores(cls, scores: np.ndarray, is_anomaly: np.ndarray) -> "Detector":
        """Raises ValueError as `check_scores`."""
        scores, is_anomaly = check_scores(scores, is_anomaly)
        return cls(np.sort(scores[~is_anomaly]), np.sort(scores[is_anomaly]))

    def limits(self) -> tuple[float, float]:
        """(smallest score, largest score of a normal case, or the 95th percentile of anomalies if larger)."""
        low = min(self.normals[0], self.anomalies[0])
        return float(low), float(max(self.normals[-1], np.quantile(self.anomalies, 0.95)))

    def confusion(self, threshold: float, per_thousand: float | None = None) -> Confusion:
        """What becomes of the cases when ``score > threshold`` raises the alarm.

        Args:
            threshold: on the scale of the scores.
            per_thousand: None counts the test cases as they are. A number from 0 to 1000 gives the counts to
                expect among 1,000 cases of which so many are anomalies.

        Raises:
            ValueError: ``per_thousand`` is out of range.
        """
        false_alarms = len(self.normals) - int(np.searchsorted(self.normals, threshold, "right"))
        caught = len(self.anomalies) - int(np.searchsorted(self.anomalies, threshold, "right"))
        if per_thousand is None:
            return Confusion(
                caught, len(self.anomalies) - caught, false_alarms, len(self.normals) - false_alarms
            )
        if not 0 <= per_thousand <= 1000:
            raise ValueError(
                f"`per_thousand` must lie between 0 and 1000. Received: per_thousand={per_thousand}"
            )
        recall, alarm = caught / len(self.anomalies), false_alarms / len(self.normals)
        strange, usual = per_thousand, 1000 - per_thousand
        return Confusion(strange * recall, strange * (1 - recall), usual * alarm, usual * (1 - alarm))


def _percent(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.1%}"


def _count(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or value >= 10 else f"{value:.1f}"


def in_words(table: Confusion) -> str:
    """The table as one sentence, for readers who do not see it."""
    return (
        f"{_count(table.caught)} anomalies caught, {_count(table.missed)} missed, "
        f"{_count(table.false_alarms)} false alarms, {_count(table.passed)} normal beats passed: "
        f"recall {_percent(table.recall)}, precision {_percent(table.precision)}, "
        f"F1 {_percent(table.f1)}, accuracy {_percent(table.accuracy)}."
    )


def table_html(table: Confusion) -> str:
    """The confusion table and the four measures as HTML; signs repeat what the colours say."""
    right, wrong = "background:#cfe3f7", "background:#ffe1b3"
    cell = "padding:.35em .8em;border:1px solid #999;text-align:right;color:#111"
    head = "padding:.35em .8em;border:1px solid #999;text-align:left;font-weight:normal"

    def row(name: str, *cells: tuple[str, str, float]) -> str:
        body = "".join(
            f'<td style="{cell};{colour}">{html.escape(sign)} <b>{_count(value)}</b></td>'
            for sign, colour, value in cells
        )
        return f'<tr><th scope="row" style="{head}">{name}</th>{body}</tr>'

    top = "".join(f'<th scope="col" style="{head}">{t}</th>' for t in ("", "alarm", "no alarm"))
    rows = row("anomaly", ("✓ caught", right, table.caught), ("✗ missed", wrong, table.missed))
    rows += row("normal", ("✗ false alarms", wrong, table.false_alarms), ("✓ passed", right, table.passed))
    values = {
        "recall": table.recall,
        "precision": table.precision,
        "F1": table.f1,
        "accuracy": table.accuracy,
    }
    line = " · ".join(f"{name} <b>{_percent(value)}</b>" for name, value in values.items())
    return (
        f'<table style="border-collapse:collapse"><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>'
        f"<p>{line}</p>"
    )
