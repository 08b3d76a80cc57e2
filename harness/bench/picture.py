"""Draws a picture of the latencies: a bar for each mechanism, stacked from stages."""

from html import escape

from figures import STAGES

# A palette that colour-blind readers can distinguish.
COLOURS = ["#bbbbbb", "#4477aa", "#66ccee", "#228833", "#ccbb44", "#eeddcc"]
WIDTH, LEFT, RIGHT = 1000, 180, 110
ROW, BAR = 24, 16


def text(x, y, what, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(str(what))}</text>'


def panel(title, measurements, top, scale):
    """Draws a bar for each measurement, and a circle for each event that took much longer."""
    right = WIDTH - RIGHT
    yield text(0, top + 14, title, 'font-weight="bold"')
    top += 28
    bottom = top + ROW * len(measurements)
    for tick in range(0, int((right - LEFT) / scale), 2000):
        x = LEFT + tick * scale
        yield f'<path d="M{x:.1f} {top}V{bottom}" stroke="#ddd"/>'
        yield text(x, bottom + 14, tick, 'text-anchor="middle" fill="#666"')

    for m in measurements:
        middle = top + ROW / 2
        x = LEFT
        yield text(LEFT - 8, middle + 4, m["mechanism"], 'text-anchor="end"')
        for (name, _), colour in zip(STAGES, COLOURS):
            length = m["stages"][name] * scale
            yield f'<rect x="{x:.1f}" y="{middle - BAR / 2}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>'
            x += length
            if name == "user":
                yield f'<path d="M{x:.1f} {middle - ROW / 2}v{ROW}" stroke="#000"/>'
        yield text(WIDTH, middle + 4, f"{m['user']['median']} / {m['cycle']['median']}", 'text-anchor="end"')
        for cycle in m["outliers"]:
            x = min(LEFT + cycle * scale, right)
            yield f'<circle cx="{x:.1f}" cy="{middle}" r="2" fill="none" stroke="#aa3377"/>'
        top += ROW


def draw(by_work, works):
    longest = max(m["cycle"]["median"] for work in works for m in by_work[work])
    scale = (WIDTH - LEFT - RIGHT) / (longest * 1.02)
    body, top = [], 58
    body.append(text(0, 14, "Instructions since the event was raised, until", 'font-weight="bold"'))
    for i, ((_, stage), colour) in enumerate(zip(STAGES, COLOURS)):
        x, y = i % 3 * WIDTH / 3, 24 + i // 3 * 18
        body.append(f'<rect x="{x:.1f}" y="{y}" width="12" height="12" fill="{colour}"/>')
        body.append(text(x + 18, y + 11, stage))
    top += 22
    for work, title in works.items():
        body.extend(panel(title, by_work[work], top, scale))
        top += 28 + ROW * len(by_work[work]) + 36
    body.append(text(0, top, "The line: the program knows of the event. Circles: the slowest hundredth of the events."))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -6 {WIDTH + 24} {top + 20}" font-family="sans-serif" font-size="12">',
            f'<rect x="-12" y="-6" width="{WIDTH + 24}" height="{top + 20}" fill="#fff"/>',
            *body,
            "</svg>\n",
        ]
    )
