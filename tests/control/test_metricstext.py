import re

from bootwave import __version__
from bootwave.control.metricstext import Metric, metrics_text
from bootwave.metrics import Counter, CounterPage

SAMPLE = re.compile(r"[a-z_]+(\{[a-z_]+=\"[^\"]*\"\})? -?[0-9.e+-]+")


def test_every_counter_of_all_processes_is_there() -> None:
    page = CounterPage(2)
    page.row(0).add(Counter.DOCUMENTS, 3)
    page.row(1).add(Counter.DOCUMENTS, 4)
    text = metrics_text(page.totals(), ()).decode()
    assert "\nbootwave_documents_total 7\n" in text
    assert f'bootwave_build_info{{version="{__version__}"}} 1\n' in text
    for counter in Counter:
        name = f"bootwave_{counter.name.lower()}_total"
        assert f"# HELP {name} {counter.help}\n# TYPE {name} counter\n{name} " in text


def test_every_line_is_one_of_the_format() -> None:
    more = [
        Metric("workers", "gauge", "processes\nthat serve", {"": 2}),
        Metric("age_seconds", "gauge", "since the start", {"": 1.5}),
        Metric("lost_total", "counter", "x", {'reason="slow"': 0, 'reason="late"': 9}),
    ]
    text = metrics_text(CounterPage(1).totals(), more).decode()
    assert text.endswith("\n")
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or SAMPLE.fullmatch(line)
    assert "processes\\nthat serve" in text
    assert 'bootwave_lost_total{reason="late"} 9' in text
