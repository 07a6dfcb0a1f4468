"""The timeline: which trial held which slot, and when."""

from app.dashboard.charts.look import COLOURS, LINE, TEXT, Options, by_status, chart, columns
from app.dashboard.formats import words
from app.views.shape import View

_BAR = """(params, api) => {
  const start = api.coord([api.value(0), api.value(2)]);
  const end = api.coord([api.value(1), api.value(2)]);
  const height = Math.max(2, api.size([0, 1])[1] * 0.72);
  return {type: "rect", style: api.style(),
    shape: {x: start[0], y: start[1] - height / 2, width: Math.max(1.5, end[0] - start[0]), height}};
}"""


def timeline(view: View, now: str) -> Options:
    """A bar for each trial in its slot; one that still runs ends now.

    Args:
        view: timeline.
        now: ISO 8601.
    """
    rows = columns(view.series[0], "started_at", "finished_at", "slot", "number", "status")
    rows = [[row[0], row[1] or now, *row[2:]] for row in rows if row[0] is not None]
    slots = 1 + max((row[2] for row in rows), default=0)
    bars = [
        {
            "type": "custom",
            "name": words(status),
            ":renderItem": _BAR,
            "itemStyle": {"color": COLOURS[status]},
            "encode": {"x": [0, 1], "y": 2},
            "data": [row[:4] for row in some],
        }
        for status, some in by_status(rows, 4).items()
    ]
    return chart(
        f"Timeline of {len(rows)} trials over {slots} slots",
        bars,
        xAxis={
            "type": "time",
            "axisLabel": {"color": TEXT, "hideOverlap": True},
            "splitLine": {"lineStyle": {"color": LINE}},
        },
        yAxis={
            "type": "category",
            "data": [str(slot) for slot in range(slots)],
            "name": "slot",
            "nameTextStyle": {"color": TEXT},
            "axisLabel": {"color": TEXT},
        },
        dataZoom=[{"type": "inside"}],
    )
