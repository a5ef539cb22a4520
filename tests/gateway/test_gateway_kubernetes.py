"""The example for Kubernetes agrees with the gateway."""

from __future__ import annotations

from typing import Any

import yaml

from roark_otel import cli
from support.paths import EXAMPLES

FILE = EXAMPLES / "kubernetes" / "gateway" / "gateway.yaml"


def parts() -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all(FILE.read_text(encoding="utf-8"))}


def test_its_command_its_probes_and_its_grace_period() -> None:
    found = parts()["StatefulSet"]["spec"]
    assert found["replicas"] == 1
    pod = found["template"]["spec"]
    (container,) = pod["containers"]
    options = cli.new_parser().parse_args(container["command"][1:])
    assert options.command == "gateway"
    assert options.stop_timeout < pod["terminationGracePeriodSeconds"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports == {"otlp-http": options.port, "otlp-grpc": options.grpc_port}
    assert {one["name"]: one["port"] for one in parts()["Service"]["spec"]["ports"]} == ports
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert str(options.token_file).startswith(mounts["token"])
    assert mounts["spool"] == next(one["value"] for one in container["env"] if one["name"] == "ROARK_SPOOL_DIR")
