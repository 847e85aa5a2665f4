"""Shape plots as SVG, written by hand: sharp at any size, readable offline, and text for screen readers."""

import math
from dataclasses import dataclass
from html import escape

from models.export_words import signed

WIDTH, _HEIGHT = 640.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 12.0, 10.0, 46.0
# Between what is known and the segment for missing values.
_GAP = 14.0
_MOST_LABELS = 8


# One list of contributions for each curve.
Series = tuple[list[float], ...]


@dataclass(frozen=True)
class Curve:
    """One of the curves of a plot: its class in the style sheet and its name in the legend."""

    style: str
    name: str


def number_svg(
    series: Series, labels: list[str], bounds: list[str], title: str, curves: tuple[Curve, ...]
) -> str:
    """Return a plot of prior, correction and sum over equally wide ranges, missing values apart on the right.

    `labels` names every range for tool tips, `bounds` what is written below where ranges of a number part.
    """
    known = len(labels) - 1
    step = (WIDTH - _LEFT - _RIGHT - _GAP) / (known + 1)
    edges = [_LEFT + step * place for place in range(known)] + [WIDTH - _RIGHT - step]
    ticks = ticks_around(min(map(min, series)), max(map(max, series)))
    floor = _HEIGHT - _BOTTOM

    def height(value: float) -> float:
        return floor - (value - ticks[0]) / (ticks[-1] - ticks[0]) * (floor - _TOP)

    parts = [
        *opening(_HEIGHT, title),
    ]
    for tick, shown in zip(ticks, shown_ticks(ticks), strict=True):
        y = height(tick)
        style = "zero" if shown == "0" else "grid"
        parts.append(f'<line class="{style}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{shown}</text>')
    for values, curve in zip(series, curves, strict=True):
        for first, last in ((0, known - 1), (known, known)):
            path: list[str] = []
            for place in range(first, last + 1):
                x, y = edges[place], height(values[place])
                path.append(f"{'L' if path else 'M'}{x:.1f},{y:.1f}H{x + step:.1f}")
            parts.append(f'<path class="{curve.style}" d="{"".join(path)}"/>')
    for place, label in enumerate(labels):
        tip = _tip(label, [values[place] for values in series], curves)
        size = f'x="{edges[place]:.1f}" y="{_TOP}" width="{step:.1f}" height="{floor - _TOP:.1f}"'
        parts.append(f'<rect class="tip" {size}>{tip}</rect>')
    every = max(1, math.ceil(len(bounds) / _MOST_LABELS))
    for place in range(0, len(bounds), every):
        x = edges[place] + step
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{floor}" y2="{floor + 5}"/>')
        parts.append(below(x, floor + 17, bounds[place]))
    parts.append(below(edges[known] + step / 2, floor + 17, labels[known], max(step, 70.0)))
    return "\n".join([*parts, *_legend(_LEFT, _HEIGHT - 10, curves), "</svg>"])


def level_svg(series: Series, labels: list[str], title: str, curves: tuple[Curve, ...]) -> str:
    """Return a plot of a category or a flag: a line for each level, further right being more risk."""
    ticks = ticks_around(min(map(min, series)), max(map(max, series)))
    left, row = 190.0, 19.0
    floor = _TOP + row * len(labels)
    tall = floor + _BOTTOM

    def right(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - 24.0 - left)

    parts = [
        *opening(tall, title),
    ]
    for tick, shown in zip(ticks, shown_ticks(ticks), strict=True):
        x = right(tick)
        style = "zero" if shown == "0" else "grid"
        parts.append(f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{floor}"/>')
        parts.append(below(x, floor + 15, shown))
    y = _TOP
    for place, label in enumerate(labels):
        parts.append(f'<text class="tick" x="{left - 8}" y="{y + row / 2 + 3.5}" text-anchor="end">')
        parts.append(f"{escape(_cut(label, left))}</text>")
        for values, curve in zip(series, curves, strict=True):
            inset = 2.5 if curve is curves[-1] else 5.5
            x = right(values[place])
            parts.append(f'<path class="{curve.style}" d="M{x:.1f},{y + inset}V{y + row - inset}"/>')
        tip = _tip(label, [values[place] for values in series], curves)
        parts.append(f'<rect class="tip" x="0" y="{y}" width="{WIDTH}" height="{row}">{tip}</rect>')
        y += row
    return "\n".join([*parts, *_legend(left, tall - 10, curves), "</svg>"])


def opening(height: float, title: str) -> list[str]:
    """Return how a plot begins: its size and its title, which is read out and shown on hovering."""
    return [
        f'<svg class="shape" role="img" viewBox="0 0 {WIDTH:.0f} {height:.0f}">',
        f"<title>{escape(title)}</title>",
    ]


def _legend(x: float, y: float, curves: tuple[Curve, ...]) -> list[str]:
    parts = []
    for curve in curves:
        parts.append(f'<path class="{curve.style}" d="M{x:.0f},{y:.1f}H{x + 22:.0f}"/>')
        parts.append(f'<text class="tick" x="{x + 27:.0f}" y="{y + 3.5:.1f}">{escape(curve.name)}</text>')
        x += 110
    return parts


def _tip(label: str, values: list[float], curves: tuple[Curve, ...]) -> str:
    """Return what is shown on hovering."""
    said = "; ".join(f"{curve.name} {signed(value)}" for curve, value in zip(curves, values, strict=True))
    return f"<title>{escape(label)}: {escape(said)}</title>"


def below(x: float, y: float, text: str, room: float = 80.0) -> str:
    """Return a label below the axis, cut to its room; the table beside the plot has it in full."""
    shown = escape(_cut(text, room))
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{shown}</text>'


def _cut(text: str, room: float) -> str:
    """Return a text cut to about a width; Chinese characters are twice as wide as others."""
    width, most = 0.0, room / 6.0
    for place, character in enumerate(text):
        width += 2.0 if ord(character) > 0x2E7F else 1.0
        if width > most:
            return f"{text[: max(1, place - 1)]}…"
    return text


def shown_ticks(ticks: list[float]) -> list[str]:
    """Return ticks with as many decimals as their step has."""
    step = ticks[1] - ticks[0]
    decimals = next((d for d in range(12) if abs(round(step, d) - step) < step * 1e-6), 12)
    near = [0.0 if abs(tick) < step * 1e-6 else tick for tick in ticks]
    return [f"{tick:.{decimals}f}".replace("-", "−") if tick else "0" for tick in near]


def ticks_around(low: float, high: float, *, zero: bool = True) -> list[float]:
    """Return about five round numbers around a span, 0 among them if it is asked for."""
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    span = high - low or 1.0
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * place for place in range(first, max(last, first + 1) + 1)]
