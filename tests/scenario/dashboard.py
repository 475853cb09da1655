"""Asks bourdon-web every question of the Grafana dashboard, as the Infinity data source would, and looks for each column
that the dashboard shows: dashboard.py ADDRESS BRIDGE TAG"""

import json
import os
import sys
import urllib.parse
import urllib.request

DASHBOARD = os.path.join(os.environ["BOURDON_SOURCE"], "docs", "grafana", "bourdon.json")
DEADLINE_S = 30


def asked(question, variables):
    for name, value in variables.items():
        question = question.replace("${" + name + "}", value)
    assert "${" not in question, question
    with urllib.request.urlopen(question, timeout=DEADLINE_S) as answer:
        return json.load(answer)


def has(row, selector):
    for key in selector.split("."):
        if key not in row:
            return False
        row = row[key] or {}
    return True


def main():
    address, bridge, tag = sys.argv[1:]
    variables = {"address": address, "bridge": urllib.parse.quote(bridge), "tag": urllib.parse.quote(tag), "every": "1s"}
    variables |= {"__from:date:iso": "2020-01-01T00:00:00.000Z", "__to:date:iso": "2199-01-01T00:00:00.000Z"}
    with open(DASHBOARD, encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    shown = 0
    for target in (target for panel in panels for target in panel.get("targets", [])):
        for row in asked(target["url"], variables)[target["root_selector"]]:
            missing = [column["selector"] for column in target["columns"] if not has(row, column["selector"])]
            assert not missing, f"{target['url']}: no {missing} in {row}"
            shown += 1
    assert shown > 3, "hardly anything is shown"
    print(f"{shown} rows")


main()
