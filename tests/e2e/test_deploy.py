"""What is shipped to run the service, checked as far as that goes without an engine or a cluster."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from numba.core.caching import UserProvidedCacheLocator
from support.full_path import READY_S, Service, on_its_own
from support.prometheus import ROOT

import detectors
from stream.cli import COMMANDS
from stream.embedded import EmbeddedBroker
from stream.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KUBERNETES = ROOT / "deploy" / "kubernetes"
VERSION = "1.34"
TEN_MINUTES_S = 600
COUNT = {"type": "integer", "minimum": 0}
SCALED_OBJECT = {
    "type": "object",
    "required": ["scaleTargetRef", "triggers"],
    "additionalProperties": False,
    "properties": {
        "scaleTargetRef": {"type": "object", "required": ["name"]},
        "advanced": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "horizontalPodAutoscalerConfig": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"behavior": {"type": "object"}},
                }
            },
        },
        "fallback": {"type": "object", "required": ["failureThreshold", "replicas"]},
        "triggers": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "metadata"],
                "properties": {"metadata": {"type": "object", "additionalProperties": {"type": "string"}}},
            },
        },
        **dict.fromkeys(("minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod"), COUNT),
    },
}
"""What we use of KEDA's ScaledObject v1alpha1 (config/crd/bases/keda.sh_scaledobjects.yaml there)."""


def documents(*, of: str = "") -> Iterator[dict[str, Any]]:
    """All objects of the manifests, or those of one kind."""
    for path in sorted(KUBERNETES.glob("*.yml")):
        for document in yaml.safe_load_all(path.read_text()):
            if not of or document["kind"] == of:
                yield document


def pods() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every workload, and the only container of its pods."""
    for kind in ("Deployment", "Job"):
        for workload in documents(of=kind):
            (container,) = workload["spec"]["template"]["spec"]["containers"]
            yield workload, container


def test_compose_accepts_its_file_and_every_image_is_pinned() -> None:
    """By Compose itself; the folders it mounts exist; what builds on us names a command."""
    done = subprocess.run(["docker-compose", "config"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    for name, service in services.items():
        assert service["image"].rpartition(":")[2] not in {"", "latest", service["image"]}, name
        for mount in service.get("volumes", []):
            source = mount if isinstance(mount, str) else mount["source"]
            assert not source.startswith("/") or Path(source.split(":")[0]).is_dir(), source
        if service["image"].startswith("tocsin:"):
            assert service["command"][0] in COMMANDS
            assert service["read_only"] is True
        assert "healthcheck" in service or name == "topics", name
    replicas = [services[name]["deploy"]["replicas"] for name in ("tocsin-worker", "tocsin-deliver")]
    assert replicas == [2, 2]


def test_the_image_is_built_from_what_is_there_and_sent() -> None:
    """Each file that the Dockerfile copies exists, and .dockerignore lets it through."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    copied = [
        path
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
        for path in line.split()
    ]
    sources = {path for path in copied if not path.startswith("--")}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources == allowed
    assert {path for path in sources if not (ROOT / path).exists()} == set()
    assert os.access(ROOT / "deploy" / "entrypoint.sh", os.X_OK)


def test_manifests_are_what_kubernetes_and_keda_take() -> None:
    """Against Kubernetes' own schemas, strictly; what KEDA hands on to an autoscaler as an autoscaler's."""
    (scaled,) = documents(of="ScaledObject")
    jsonschema.validate(scaled["spec"], SCALED_OBJECT)
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "keda-hpa"},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                **scaled["spec"]["scaleTargetRef"],
            },
            "maxReplicas": scaled["spec"]["maxReplicaCount"],
            **scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"],
        },
    }
    ours = [d for d in documents() if d["kind"] not in {"ScaledObject", "Kustomization"}]
    assert len(ours) > 10
    for document in [*ours, scaler]:
        kubernetes_validate.validate(document, VERSION, strict=True)


def test_every_manifest_is_applied_and_what_refers_to_another_finds_it() -> None:
    """Kustomize's list is complete; selectors, secrets, ports, probes and the scaler's target exist."""
    (kustomization,) = documents(of="Kustomization")
    files = {path.name for path in KUBERNETES.glob("*.yml")} - {"kustomization.yml"}
    assert set(kustomization["resources"]) == files
    labels = [workload["spec"]["template"]["metadata"]["labels"] for workload, _ in pods()]
    selectors = [d["spec"]["selector"] for d in documents(of="Service")]
    selectors += [d["spec"]["selector"]["matchLabels"] for d in documents(of="PodDisruptionBudget")]
    selectors += [d["spec"]["podSelector"]["matchLabels"] for d in documents(of="NetworkPolicy")]
    for selector in selectors:
        assert [found for found in labels if selector.items() <= found.items()], selector
    (scaled,) = documents(of="ScaledObject")
    names = {workload["metadata"]["name"] for workload, _ in pods()}
    assert scaled["spec"]["scaleTargetRef"]["name"] in names
    (settings,) = documents(of="ConfigMap")
    defaults = Settings()
    ports = {"worker": defaults.metrics_port, "deliver": defaults.deliver_port, "web": defaults.web_port}
    for workload, container in pods():
        assert {"name": settings["metadata"]["name"]} in [
            one.get("configMapRef") for one in container["envFrom"]
        ]
        command = container["args"][0]
        assert command in COMMANDS
        if workload["kind"] == "Deployment":
            (port,) = container["ports"]
            assert port["containerPort"] == ports[command]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] == port["name"]


def test_pods_are_confined_and_scaling_is_slow() -> None:
    """No root, nothing writable but /tmp, no rights; ten minutes at least before a worker goes."""
    for workload, container in pods():
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
        assert {"requests", "limits"} <= set(container["resources"])
    (scaled,) = documents(of="ScaledObject")
    (settings,) = documents(of="ConfigMap")
    down = scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert min(scaled["spec"]["cooldownPeriod"], down["stabilizationWindowSeconds"]) >= TEN_MINUTES_S
    partitions = {settings["data"][f"TOCSIN_{name}_PARTITIONS"] for name in ("POSTS", "SKETCHES")}
    assert partitions == {str(scaled["spec"]["maxReplicaCount"])}


def test_grafana_is_given_the_source_and_the_folder_that_compose_mounts() -> None:
    """Provisioning names Prometheus as Compose does, and the path at which the dashboards are mounted."""
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    (provider,) = yaml.safe_load((folder / "dashboards" / "tocsin.yml").read_text())["providers"]
    mounts = services["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounts
    for path in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"):
        assert json.loads(path.read_text())["uid"] == path.stem


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
async def test_the_worker_runs_on_a_read_only_root_with_the_kernels_of_the_image(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """Mounted as Compose and Kubernetes do: all is read-only but a tmpfs, no home; nothing is compiled."""
    settings = await on_its_own(
        embedded_broker,
        prefix,
    )
    # As the image holds them: our kernels are compiled by now, beside their sources.
    package = Path(detectors.__file__).parent
    kernels = tmp_path / "numba"
    into = kernels / UserProvidedCacheLocator.get_suitable_cache_subpath(str(package / "jit.py"))
    shutil.copytree(package / "__pycache__", into, ignore=shutil.ignore_patterns("*.pyc"))
    n_kernels = len(list(into.glob("*.nbc")))
    assert n_kernels > 5
    command = tmp_path / "tocsin"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m stream.cli "$@"\n')
    command.chmod(0o755)
    writable = "/mnt"
    script = f"""
        mount --make-rprivate / && mount --bind / / && mount -o remount,ro,bind /
        mount -t tmpfs tmpfs {writable}
        ! touch {ROOT}/written 2>/dev/null && ! touch {tmp_path}/written 2>/dev/null || exit 9
        cd {ROOT} && exec {ROOT}/deploy/entrypoint.sh worker
    """
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "KERNELS": str(kernels),
        "NUMBA_CACHE_DIR": f"{writable}/numba",
        "TMPDIR": writable,
        "TOCSIN_DATA_DIR": f"{writable}/tocsin",
    }
    argv = ["env", *(f"{name}={value}" for name, value in env.items()), "unshare", "-m", "sh", "-c", script]
    with Service(settings, tmp_path, argv) as worker:
        await worker.ready(READY_S)
        (pid,) = set(re.findall(r"\[(\d+)\] \[INFO\] \[\^Worker\]", worker.log()))
        root = Path(f"/proc/{pid}/root")
        assert not os.access(root / "etc", os.W_OK)
        assert len(list((root / writable[1:] / "numba").rglob("*.nbc"))) == n_kernels
