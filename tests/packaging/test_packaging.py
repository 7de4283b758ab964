"""The shipped Dockerfile, manifest and unit, checked by the tools of their own worlds; and the scripts by shellcheck."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)


def documents():
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / "pod.yaml").read_text()))


def pod():
    return next(document for document in documents() if document["kind"] == "Pod")


def sidecar(of=None):
    return (of or pod())["spec"]["initContainers"][0]


# ---------------------------------------------------------------------------------------------- image


def test_dockerfile_passes_hadolint():
    done = run(BIN / "hadolint", DEPLOY / "Dockerfile")
    assert done.returncode == 0, done.stdout + done.stderr


def test_image_runs_as_nobody_in_particular():
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER 65532:65532$", text, re.MULTILINE)
    assert text.count("FROM ") == 2


def package_of(library):
    """The Debian package of a library; dpkg knows files by the path from before /lib became a link to /usr/lib."""
    real = library.resolve()
    for path in (library, real, str(real).removeprefix("/usr")):
        found = run("dpkg-query", "--search", path)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    raise AssertionError(f"no package owns {library}")


def test_image_has_every_library_the_program_needs():
    program = ROOT / "build" / "release" / "sluiced"
    libraries = re.findall(r"=> (/\S+)", run("ldd", program).stdout)
    assert libraries, f"{program} is missing: build it first"
    text = (DEPLOY / "Dockerfile").read_text()
    always = {"libc6", "libstdc++6", "libgcc-s1"}
    for library in libraries:
        package = package_of(Path(library))
        assert package in always or re.search(rf"\b{re.escape(package)}\b", text), f"{library} of {package}"


# ---------------------------------------------------------------------------------------------- Kubernetes


@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_manifest_is_valid(version):
    done = run(BIN / "kubernetes-validate", "-k", version, "--strict", DEPLOY / "kubernetes" / "pod.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_manifest_check_finds_a_planted_mistake(tmp_path):
    planted = (DEPLOY / "kubernetes" / "pod.yaml").read_text().replace("periodSeconds", "periodSecond", 1)
    (tmp_path / "pod.yaml").write_text(planted)
    assert run(BIN / "kubernetes-validate", "-k", "1.34", "--strict", tmp_path / "pod.yaml").returncode != 0


def test_it_is_a_native_sidecar_with_probes_and_drain():
    container = sidecar()
    assert container["restartPolicy"] == "Always"
    paths = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/startupz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
    assert container["lifecycle"]["preStop"]["httpGet"]["path"] == "/drain"
    assert "cpu" not in container["resources"]["limits"]


def test_containers_meet_the_restricted_standard():
    spec = pod()["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in spec["initContainers"] + spec["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"]["drop"] == ["ALL"]


def test_the_pod_waits_longer_than_the_drain():
    (config,) = [document for document in documents() if document["kind"] == "ConfigMap"]
    drain = yaml.safe_load(config["data"]["sluice.yaml"])["shutdown"]["drain.timeout.ms"]
    assert pod()["spec"]["terminationGracePeriodSeconds"] > int(drain.removesuffix("s"))


def test_the_configuration_in_the_manifest_is_right(tmp_path):
    (config,) = [document for document in documents() if document["kind"] == "ConfigMap"]
    (tmp_path / "sluice.yaml").write_text(config["data"]["sluice.yaml"])
    program = ROOT / "build" / "release" / "sluiced"
    done = run(program, "--config", tmp_path / "sluice.yaml", "--check-config", env={"POD_NAME": "orders-1"})
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------------------------------------- systemd


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that exists on this machine."""
    text = (DEPLOY / "systemd" / "sluiced.service").read_text().replace("/usr/bin/sluiced", "/bin/true")
    path = tmp_path / "sluiced.service"
    path.write_text(text)
    return path


def test_unit_is_valid(unit):
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert done.returncode == 0 and "sluiced" not in done.stderr, done.stderr


def test_unit_check_finds_a_planted_mistake(unit):
    unit.write_text(unit.read_text().replace("PrivateTmp=", "PrivateTemp="))
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert "PrivateTemp" in done.stderr


def test_unit_is_hardened(unit):
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout


# ---------------------------------------------------------------------------------------------- scripts


def scripts():
    command = ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in run(*command).stdout.splitlines():
        path = ROOT / name
        if path.is_file() and (path.suffix == ".sh" or path.read_bytes()[:64].startswith(b"#!/usr/bin/env bash")):
            yield name


@pytest.mark.parametrize("name", sorted(scripts()))
def test_script_passes_shellcheck(name):
    done = run("shellcheck", "-x", ROOT / name)
    assert done.returncode == 0, done.stdout
    assert (ROOT / name).stat().st_mode & 0o111 or name.endswith("common.sh"), f"{name} is not executable"
