"""Alert rules and dashboard: well-formed, firing when they should, about metrics that exist."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.monitoring.promtool import judged
from tests.served import ROOT, Json, Served

FOLDER = ROOT / "monitoring"
OF_PROMETHEUS = {"up", "ALERTS"}
"""Those that Prometheus makes itself."""
_STRINGS = re.compile(r'"[^"]*"')
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)")
_MATCHERS = re.compile(r"\{[^}]*\}")
_SYNTAX = {"and", "or", "by", "on"}


@pytest.mark.usefixtures("promtool")
def test_the_rules_are_rules_and_fire_when_they_should() -> None:
    """By promtool: syntax, then each alert on series that should and should not set it off."""
    code, said = judged("check", "rules", "alerts.yaml", cwd=FOLDER)
    assert code == 0, said
    assert f"{len(_alerts())} rules found" in said
    code, said = judged("test", "rules", "alerts_test.yaml", cwd=FOLDER)
    assert code == 0, said


def test_every_alert_is_tried_both_ways() -> None:
    """The tests of the rules name each alert once where it fires and once where it does not."""
    trials = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]
    fired: set[str] = set()
    silent: set[str] = set()
    for each in (one for test in trials for one in test["alert_rule_test"]):
        (fired if each.get("exp_alerts") else silent).add(each["alertname"])
    names = {rule["alert"] for rule in _alerts()}
    assert fired == names
    assert silent == names


@pytest.mark.usefixtures("promtool")
def test_the_expressions_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    """Each panel's query would be taken by Prometheus, once Grafana has filled its variables in."""
    rules = [
        {"record": f"panel:{number}", "expr": _filled(expression)}
        for number, expression in enumerate(_expressions(_dashboard()))
    ]
    assert len(rules) > 20
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    code, said = judged("check", "rules", str(file), cwd=tmp_path)
    assert code == 0, said


@pytest.mark.usefixtures("promtool")
def test_what_the_service_tells_is_well_formed(worked: Served) -> None:
    """By promtool: names, units, types and help texts are as Prometheus wants them."""
    text = worked.client.get("/metrics").text
    code, said = judged("check", "metrics", cwd=FOLDER, stdin=text)
    assert code == 0, said
    assert not said.strip(), said


def test_dashboard_and_alerts_name_metrics_that_exist(worked: Served) -> None:
    """Every metric of a panel, of a variable and of a rule is told by a service that has worked."""
    told = {
        sample.name
        for family in text_string_to_metric_families(worked.client.get("/metrics").text)
        for sample in family.samples
    }
    dashboard = _dashboard()
    expressions = [*_expressions(dashboard), *(str(rule["expr"]) for rule in _alerts())]
    expressions += [
        variable["definition"].removeprefix("label_values(").rpartition(",")[0]
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    ]
    named = {name for expression in expressions for name in _metrics(expression)}
    assert {"http_requests_total", "sweepfront_tracker_lag_seconds"} <= named
    assert not named - told - OF_PROMETHEUS


def test_what_our_metrics_are_called_stands_in_the_documentation(worked: Served) -> None:
    """docs/monitoring.md explains each family that begins with our name, and no other."""
    families = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(worked.client.get("/metrics").text)
        if family.name.startswith("sweepfront_")
    }
    text = (ROOT / "docs" / "monitoring.md").read_text()
    explained = {name for name in re.findall(r"`(sweepfront_\w+)", text) if "." not in name}
    assert explained == families


def test_the_dashboard_can_be_imported() -> None:
    """The source of data is a variable, ids are unique, and no two panels cover each other."""
    dashboard = _dashboard()
    assert dashboard["uid"] == "sweepfront"
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    covered: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & covered, panel["title"]
        assert max(x for x, _ in cells) < 24
        covered |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["description"]


def _dashboard() -> Json:
    dashboard: Json = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    return dashboard


def _alerts() -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        rule
        for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
        for rule in group["rules"]
    ]
    return rules


def _expressions(dashboard: Json) -> Iterator[str]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield annotation["expr"]


def _filled(expression: str) -> str:
    filled = expression.replace("$__rate_interval", "5m")
    return filled.replace("$job", ".*").replace("$instance", ".*")


def _metrics(expression: str) -> set[str]:
    """The names of series in PromQL: words that are no function, label or keyword."""
    bare = _GROUPING.sub(" ", _MATCHERS.sub("{}", _STRINGS.sub('""', _filled(expression))))
    found = re.findall(r"\b[a-zA-Z_][a-zA-Z0-9_]{1,}\b(?!\s*\()", bare)
    return {word for word in found if word not in _SYNTAX}
