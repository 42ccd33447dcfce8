"""Precision against recall for every threshold, drawn as SVG."""

from collections.abc import Sequence
from html import escape
from typing import Final

from unblur.tasks.detection.scores import Found

_SIDE_PX: Final = 420
_LEFT_PX: Final = 56
_TOP_PX: Final = 16
_LEGEND_PX: Final = 200
_BOTTOM_PX: Final = 48
_COLOURS: Final = ("#666", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's, which the colour-blind tell apart."""
_TICKS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def as_svg(summaries: Sequence[Found], score: float) -> str:
    """Draw one line a method, with a dot at the score that the table is made with.

    Args:
        summaries: One a method.
        score: That of the dots.
    """
    width = _LEFT_PX + _SIDE_PX + _LEGEND_PX
    height = _TOP_PX + _SIDE_PX + _BOTTOM_PX
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' "
        f"height='{height}' font-family='sans-serif' font-size='13'>",
        f"<rect width='{width}' height='{height}' fill='#fff'/>",
        *_axes(),
    ]
    for number, summary in enumerate(summaries):
        parts += _line(summary, score, number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes() -> list[str]:
    parts = []
    for tick in _TICKS:
        x, y = _place(tick, tick)
        parts += [
            f"<path d='M{x} {_TOP_PX}V{_TOP_PX + _SIDE_PX}M{_LEFT_PX} {y}H{_LEFT_PX + _SIDE_PX}' "
            "stroke='#ddd'/>",
            f"<text x='{x}' y='{_TOP_PX + _SIDE_PX + 18}' text-anchor='middle'>{tick:g}</text>",
            f"<text x='{_LEFT_PX - 8}' y='{y + 4}' text-anchor='end'>{tick:g}</text>",
        ]
    x, y = _place(0.5, 0.5)
    return [
        *parts,
        f"<text x='{x}' y='{_TOP_PX + _SIDE_PX + 40}' text-anchor='middle'>recall</text>",
        f"<text transform='translate(14 {y}) rotate(-90)' text-anchor='middle'>precision</text>",
    ]


def _line(summary: Found, score: float, number: int) -> list[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    dashes = " stroke-dasharray='6 4'" if number >= len(_COLOURS) else ""
    places = [
        _place(point.recall, point.precision)
        for point in summary.curve
        if point.recall is not None and point.precision is not None
    ]
    name = escape(summary.method, quote=True)
    parts = [
        f"<polyline points='{' '.join(f'{x},{y}' for x, y in places)}' fill='none' "
        f"stroke='{colour}' stroke-width='2'{dashes}><title>{name}</title></polyline>"
    ]
    at = summary.at
    if at.precision is not None and at.recall is not None:
        x, y = _place(at.recall, at.precision)
        words = f"{name}, score {score:g}: precision {at.precision:.3f}, recall "
        parts.append(
            f"<circle cx='{x}' cy='{y}' r='5' fill='{colour}'>"
            f"<title>{words}{at.recall:.3f}</title></circle>"
        )
    left, top = _LEFT_PX + _SIDE_PX + 16, _TOP_PX + 14 + 22 * number
    return [
        *parts,
        f"<path d='M{left} {top - 4}h22' stroke='{colour}' stroke-width='3'{dashes}/>",
        f"<text x='{left + 30}' y='{top}'>{name}</text>",
    ]


def _place(recall: float, precision: float) -> tuple[float, float]:
    x, y = _LEFT_PX + recall * _SIDE_PX, _TOP_PX + (1 - precision) * _SIDE_PX
    return round(x, 1), round(y, 1)
