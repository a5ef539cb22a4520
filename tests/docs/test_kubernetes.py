"""Checks that the parts of the Kubernetes examples agree with one another and with the package."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roark_otel import cli
from roark_otel._settings.settings import VARIABLES, Settings
from roark_otel.cli.spool import SPOOL
from support.paths import EXAMPLES

if TYPE_CHECKING:
    import argparse

KUBERNETES = EXAMPLES / "kubernetes"
FILES = sorted(path.name for path in KUBERNETES.glob("*.yaml"))

Json = dict[str, Any]


def workloads(file: str) -> dict[str, Json]:
    """Returns the pods of a file by the name of their workload."""
    found = yaml.safe_load_all((KUBERNETES / file).read_text(encoding="utf-8"))
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in found}


PODS = [(file, name) for file in FILES for name in workloads(file)]


@pytest.fixture(name="pod", params=PODS, ids=lambda one: "/".join(one))
def _pod(request: pytest.FixtureRequest) -> Json:
    file, name = request.param
    return workloads(file)[name]


def containers(pod: Json) -> list[Json]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def variables(container: Json) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container.get("env", [])}


def couriers(pod: Json) -> list[Json]:
    return [one for one in containers(pod) if one.get("command", [""])[0] == "roark-otel"]


def test_every_variable_exists_and_is_valid(pod: Json) -> None:
    """Each variable in the files is a setting of this version with a valid value."""
    for container in containers(pod):
        found = {name: value for name, value in variables(container).items() if value}
        assert set(found) <= set(VARIABLES)
        arguments: dict[str, Any] = {VARIABLES[name]: value for name, value in found.items()}
        Settings().with_arguments(**arguments)


def test_the_spool_is_on_a_volume(pod: Json) -> None:
    """Every container that sets the spool's directory has a volume mounted there."""
    volumes = {one["name"] for one in pod["volumes"]}
    for container in containers(pod):
        mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
        assert set(mounts.values()) <= volumes
        if "ROARK_SPOOL_DIR" in variables(container):
            assert variables(container)["ROARK_SPOOL_DIR"] in mounts


def test_app_and_courier_share_spool_and_key() -> None:
    """In one file the volume, its mount path and the secret agree: couriers look where apps write."""
    for file in FILES:
        pods = list(workloads(file).values())
        configured = [one for pod in pods for one in containers(pod) if variables(one)]
        assert len(configured) == 2
        assert len({variables(one)["ROARK_SPOOL_DIR"] for one in configured}) == 1
        keys = {str(env["valueFrom"]) for one in configured for env in one["env"] if env["name"] == "ROARK_API_KEY"}
        assert len(keys) == 1
        assert (
            len({str({**volume.get("hostPath", {}), "name": volume["name"]}) for p in pods for volume in p["volumes"]})
            == 1
        )


def test_the_grace_period_covers_the_exit(pod: Json) -> None:
    """It covers the app's exit timeout, and then the courier's where both share a pod."""
    needed = 0.0
    for container in containers(pod):
        needed += float(variables(container).get("ROARK_EXIT_TIMEOUT_SECONDS", 0))
    for courier in couriers(pod):
        needed += float(courier["command"][courier["command"].index("--timeout") + 1])
    assert 0 < needed < pod["terminationGracePeriodSeconds"]


def test_no_container_has_more_permissions_than_it_needs(pod: Json) -> None:
    """Only the one that hands over a directory is root; no root file system is writable; capabilities are dropped."""
    for container in containers(pod):
        context = {**pod["securityContext"], **container["securityContext"]}
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        if container["name"] != "prepare":
            assert context["runAsNonRoot"] is True
            assert context["runAsUser"] > 0
            assert "add" not in context["capabilities"]


def test_the_spool_fits_its_volume(pod: Json) -> None:
    """The spool stays under the volume's limit, because Kubernetes evicts a pod whose volume outgrows it."""
    for volume in pod["volumes"]:
        if limit := volume.get("emptyDir", {}).get("sizeLimit"):
            gib = int(re.fullmatch(r"(\d+)Gi", limit)[1])  # type: ignore[index]
            for container in containers(pod):
                assert int(variables(container)["ROARK_SPOOL_MAX_BYTES"]) < gib * 1024**3


def test_couriers_run_a_command_that_exists(pod: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line accepts the commands in the files."""
    taken: list[argparse.Namespace] = []

    def take(options: argparse.Namespace) -> int:
        taken.append(options)
        return 0

    monkeypatch.setitem(cli.COMMANDS, "spool", replace(SPOOL, run=take))
    for courier in couriers(pod):
        assert cli.main(courier["command"][1:]) == 0
        assert taken[-1].action == "drain"
        assert taken[-1].follow is True


def test_readme_names_every_file() -> None:
    """The table of choices links to every file of the folder, and to no other."""
    linked = re.findall(r"\]\(([a-z]+\.yaml)\)", (KUBERNETES / "README.md").read_text(encoding="utf-8"))
    assert sorted(linked) == FILES
