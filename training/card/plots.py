"""The card's own plots: figures by year with intervals, as SVG for the style sheet of an exported model."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from models.export_svg import WIDTH, below, opening, shown_ticks, ticks_around

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 240.0, 56.0, 12.0, 12.0, 46.0
# Series of one year stand beside one another.
_APART = 14.0


@dataclass(frozen=True)
class Series:
    """One figure by year; where it has intervals, as whiskers. None where a year has none."""

    name: str
    style: str
    values: Sequence[float | None]
    lows: Sequence[float | None] = ()
    highs: Sequence[float | None] = ()


def years_svg(years: Sequence[int], series: Sequence[Series], title: str, *, percent: bool = False) -> str:
    """Return a plot of one or more figures by year.

    Args:
        years: rising, at least one.
        series: as many values each as there are years.
        title: is read out, and shown on hovering.
        percent: the figures are shares, to be written as percentages.
    """
    scale, unit = (100.0, "%") if percent else (1.0, "")

    def shown(value: float) -> str:
        return f"{value:.1%}" if percent else f"{value:.4f}"

    known = [
        value for each in series for of in (each.values, each.lows, each.highs) for value in of
        if value is not None
    ]  # fmt: skip
    ticks = ticks_around(min(known) * scale, max(known) * scale, zero=percent)
    floor = _HEIGHT - _BOTTOM
    step = (WIDTH - _LEFT - _RIGHT) / len(years)

    def height(value: float) -> float:
        return floor - (value * scale - ticks[0]) / (ticks[-1] - ticks[0]) * (floor - _TOP)

    parts = opening(_HEIGHT, title)
    for tick, label in zip(ticks, shown_ticks(ticks), strict=True):
        y = height(tick / scale)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{label}{unit}</text>'
        )
    for place, year in enumerate(years):
        parts.append(below(_LEFT + step * (place + 0.5), floor + 17, str(year)))
    for number, each in enumerate(series):
        shift = _APART * (number - (len(series) - 1) / 2)
        for place, value in enumerate(each.values):
            if value is None:
                continue
            x, y = _LEFT + step * (place + 0.5) + shift, height(value)
            tip = f"{years[place]}, {each.name}: {shown(value)}"
            low, high = _at(each.lows, place), _at(each.highs, place)
            if low is not None and high is not None:
                line = f"M{x:.1f},{height(low):.1f}V{height(high):.1f}"
                parts.append(f'<path class="{each.style} whisker" d="{line}"/>')
                tip += f" ({shown(low)}–{shown(high)})"
            parts.append(_mark(each, x, y, tip))
    x, y = _LEFT, _HEIGHT - 12.0
    for each in series:
        parts.append(_mark(each, x + 4, y))
        parts.append(f'<text class="tick" x="{x + 13:.0f}" y="{y + 3.5:.1f}">{escape(each.name)}</text>')
        x += 34 + sum(12.0 if ord(character) > 0x2E7F else 6.2 for character in each.name)
    return "\n".join([*parts, "</svg>"])


# Marks differ by shape too, for whoever tells no colours apart: round, square, and half-round.
_ROUND = {"total": 4, "prior": 0, "correction": 2}


def _mark(series: Series, x: float, y: float, tip: str = "") -> str:
    said = f"<title>{escape(tip)}</title>" if tip else ""
    place = f'x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" rx="{_ROUND[series.style]}"'
    return f'<rect class="{series.style} mark" {place}>{said}</rect>'


def _at(values: Sequence[float | None], place: int) -> float | None:
    return values[place] if place < len(values) else None
