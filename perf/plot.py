"""Cost against fleet size as an SVG, from a results file.

python -m perf.plot perf/results/<date>.json docs/performance.svg
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
COLOURS = ("#1f6fb4", "#c8553d", "#4d8b31")


def growth(results: Mapping[str, object]) -> dict[str, list[tuple[float, float]]]:
    """Return the curves of the growth row: ready and cold requests."""
    curves: dict[str, list[tuple[float, float]]] = {}
    lines = results["lines"]
    assert isinstance(lines, list)
    for line in lines:
        row, _, size = line["name"].partition("/")
        if row == "growth":
            for contender, curve in (("bootwave", "kept ready"), ("cold", "cold")):
                value = line["median"].get(contender)
                if value is not None:
                    curves.setdefault(curve, []).append((float(size), value))
    return curves


def svg(curves: Mapping[str, Points], title: str) -> str:
    """Return *curves* drawn over a logarithmic count of devices."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        raise ValueError("there is nothing to draw")
    low = math.floor(math.log10(min(x for x, _ in points)))
    high = max(math.ceil(math.log10(max(x for x, _ in points))), low + 1)
    top = _round_up(max(y for _, y in points))

    def across(x: float) -> float:
        share = (math.log10(x) - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def up(y: float) -> float:
        return HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(WIDTH / 2, 20, title, "middle"),
        _text(WIDTH / 2, HEIGHT - 10, "bound devices", "middle"),
        _text(8, TOP - 12, "µs of processor per request", "start"),
    ]
    for step in range(5):
        y = top * step / 4
        parts.append(_rule(LEFT, up(y), WIDTH - RIGHT, up(y)))
        parts.append(_text(LEFT - 8, up(y) + 4, f"{y:g}", "end"))
    for power in range(low, high + 1):
        x = across(10**power)
        parts.append(_rule(x, TOP, x, HEIGHT - BOTTOM))
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{10**power:,}", "middle"))
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in sorted(curve))
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" '
            'stroke-width="2"/>'
        )
        parts += [
            f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>'
            for x, y in curve
        ]
        x, y = sorted(curve)[-1]
        parts.append(_text(across(x) - 6, up(y) - 8, name, "end", colour))
    return "\n".join([*parts, "</svg>\n"])


def _round_up(value: float) -> float:
    """Return the least of 1, 2, 4 or 8 times a power of ten that *value* fits under."""
    power = 10 ** math.floor(math.log10(value))
    return next(float(n * power) for n in (1, 2, 4, 8, 10) if value <= n * power)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'
    )


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(text)}</text>"
    )


def main(source: str, target: str) -> None:
    """Draw the growth row of *source* into *target*."""
    results = json.loads(Path(source).read_text())
    title = f"Cost of a request against the fleet, {results['date'][:10]}"
    Path(target).write_text(svg(growth(results), title))


if __name__ == "__main__":
    main(*sys.argv[1:3])
