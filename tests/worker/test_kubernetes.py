"""Checks that the parts of the example for Kubernetes agree with one another and with the command."""

from __future__ import annotations

from typing import Any

import yaml

from roark_otel import cli
from roark_otel._settings.settings import VARIABLES, Settings
from support.paths import EXAMPLES

FILE = EXAMPLES / "kubernetes" / "worker" / "worker.yaml"

Json = dict[str, Any]


def documents() -> dict[str, Json]:
    return {one["kind"]: one for one in yaml.safe_load_all(FILE.read_text(encoding="utf-8"))}


def worker() -> Json:
    (found,) = documents()["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_its_command_is_one_of_this_version() -> None:
    known = cli.new_parser().parse_args(worker()["command"][1:])
    assert known.command == "worker"
    assert known.instance == "$(POD_NAME)"
    assert known.metrics_host == "0.0.0.0"  # noqa: S104 - probes come from the node


def test_its_variables_are_settings_with_valid_values() -> None:
    own = [one for one in worker()["env"] if one["name"] not in {"POD_NAME", "MALLOC_ARENA_MAX"}]
    assert {one["name"] for one in own} <= set(VARIABLES)
    arguments: dict[str, Any] = {VARIABLES[one["name"]]: one["value"] for one in own if "value" in one}
    Settings().with_arguments(**arguments)


def test_the_state_is_on_a_volume_of_its_own() -> None:
    spec = documents()["StatefulSet"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    mounts = {one["name"]: one["mountPath"] for one in worker()["volumeMounts"]}
    known = cli.new_parser().parse_args(worker()["command"][1:])
    assert mounts[claim["metadata"]["name"]] == known.state_dir
    volumes = {one["name"] for one in spec["template"]["spec"]["volumes"]}
    assert mounts.keys() == volumes | {claim["metadata"]["name"]}


def test_probes_ask_the_port_that_the_command_opens() -> None:
    known = cli.new_parser().parse_args(worker()["command"][1:])
    ports = {one["name"]: one["containerPort"] for one in worker()["ports"]}
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert ports[worker()[name]["httpGet"]["port"]] == known.metrics_port


def test_a_worker_ends_before_it_is_killed() -> None:
    grace = documents()["StatefulSet"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    without = [one for one in worker()["command"][1:] if not one.startswith("--stop-timeout")]
    assert cli.new_parser().parse_args(worker()["command"][1:]).stop_timeout < grace
    assert cli.new_parser().parse_args(without).stop_timeout < 30, "what Kubernetes waits for unless it is set"


def test_one_worker_at_a_time_is_taken_away() -> None:
    found = documents()
    labels = found["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
