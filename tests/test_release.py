"""What a release consists of agrees: one version, one name, workflows made of `make` targets."""

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = (ROOT / "pyproject.toml").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
RELEASING = (ROOT / "RELEASING.md").read_text()
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CLIENT = ROOT / "clients" / "browser"


def tool(name):
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / f"tools/{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "tools"))
    return module


version = tool("version")


# --- one version --------------------------------------------------------------------------------


def versions_in(root):
    """Yield each place with a version, and the version."""
    cargo = (root / "Cargo.toml").read_text()
    for name, found in re.findall(r'^(djwto-\w+) = .*version = "([^"]+)"', cargo, re.MULTILINE):
        yield f"Cargo.toml, {name}", found
    yield "CHANGELOG.md", version.newest_heading(root)[0]
    yield "openapi.json", json.loads((root / "docs/openapi.json").read_text())["info"]["version"]
    for path in (root / "clients/browser").glob("package*.json"):
        package = json.loads(path.read_text())
        yield path.name, package["version"]
        yield path.name, package.get("packages", {}).get("", package)["version"]


def test_all_that_is_published_has_one_version():
    assert {place: found for place, found in versions_in(ROOT) if found != version.current()} == {}


@pytest.mark.parametrize("workspace", version.WORKSPACES)
def test_a_lock_file_has_the_version(workspace):
    text = (ROOT / workspace / "Cargo.lock").read_text()
    crates = {path.parent.name for path in ROOT.glob("crates/*/Cargo.toml")}
    found = re.findall(r'^name = "([^"]+)"\nversion = "([^"]+)"', text, re.MULTILINE)
    assert {number for name, number in found if name in crates} <= {version.current()}


@pytest.mark.parametrize("path", sorted(ROOT.glob("crates/*/Cargo.toml")), ids=str)
def test_a_crate_asks_the_workspace(path):
    text = path.read_text()
    for key in ("version", "edition", "rust-version", "license"):
        assert f"\n{key}.workspace = true\n" in text
    assert re.search(r'^description = ".+"$', text, re.MULTILINE)
    assert "publish = false" in text or 'readme = "README.md"' in text


def test_python_asks_cargo():
    assert 'dynamic = ["version"]' in PYPROJECT
    assert not re.search(r"^version\b", PYPROJECT, re.MULTILINE)


def test_a_new_version_reaches_every_place(tmp_path):
    files = ["Cargo.toml", "CHANGELOG.md", "docs/openapi.json"]
    files += [str(path.relative_to(ROOT)) for path in CLIENT.glob("package*.json")]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    # As npm writes them, also where the client is not here.
    (tmp_path / "clients/browser").mkdir(parents=True, exist_ok=True)
    lock = {"name": "djwto", "version": "0.1.0", "packages": {"": {"version": "0.1.0"}}}
    (tmp_path / "clients/browser/package-lock.json").write_text(json.dumps(lock))
    version.write("7.8.9", tmp_path)
    assert version.current(tmp_path) == "7.8.9"
    assert {found for _, found in versions_in(tmp_path)} == {"7.8.9"}
    before = (ROOT / "Cargo.toml").read_text().replace(f'"{version.current()}"', '"7.8.9"')
    assert (tmp_path / "Cargo.toml").read_text() == before


def test_a_tag_is_the_version_and_has_a_date(tmp_path):
    (tmp_path / "Cargo.toml").write_text('[workspace.package]\nversion = "0.2.0"\n')
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## 0.2.0 (unreleased)\n")
    with pytest.raises(SystemExit, match=r"the tag is v0\.1\.0, Cargo\.toml has 0\.2\.0"):
        version.check_tag("v0.1.0", tmp_path)
    with pytest.raises(SystemExit, match=r"no date for 0\.2\.0"):
        version.check_tag("v0.2.0", tmp_path)
    changelog.write_text("# Changelog\n\n## 0.2.0 (2027-01-31)\n")
    version.check_tag("v0.2.0", tmp_path)
    changelog.write_text("# Changelog\n\n## 0.1.0 (2027-01-31)\n")
    with pytest.raises(SystemExit, match=r"begins with 0\.1\.0"):
        version.check_tag("v0.2.0", tmp_path)


# --- one name, and what is said of the package ----------------------------------------------------


def test_the_name_of_the_distribution_is_that_of_pyproject():
    (name,) = re.findall(r'^\[project\]\n(?:#.*\n)*name = "([^"]+)"$', PYPROJECT, re.MULTILINE)
    assert f'version("{name}")' in (ROOT / "python/djwto/openapi.py").read_text()
    installed = re.compile(r"\b(?:pip install|uv add)\b[^\n`]*?[ \"']((?:django-)?djwto)\b(?!\.)")
    for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
        assert set(installed.findall(path.read_text())) <= {name}, path


def test_classifiers_name_what_the_tests_run_on():
    versions = tool("pythons").VERSIONS
    found = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PYPROJECT)
    assert tuple(found) == versions
    assert f'requires-python = ">={versions[0]}"' in PYPROJECT
    page = (ROOT / "docs/versions.md").read_text()
    assert f"Python {versions[0]} to {versions[-1]}" in page
    for django in re.findall(r'"Framework :: Django :: (\d\.\d)"', PYPROJECT):
        assert f"| Django {django}" in page
    (rust,) = re.findall(r'^rust-version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert f"Rust {rust}" in page


# --- workflows ------------------------------------------------------------------------------------


def jobs():
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            yield f"{path.name}, {name}", job


def targets_of(command):
    """Give the targets of a `make` command, without its variables."""
    return [word for word in command.split()[1:] if "=" not in word]


def test_every_step_is_a_target_of_the_makefile():
    rules = set(re.findall(r"^([\w-]+):(?!=)", MAKEFILE, re.MULTILINE))
    for where, job in jobs():
        for step in job["steps"]:
            if "run" not in step:
                continue
            command = step["run"].removeprefix("sudo ")
            assert command.startswith("make "), where
            if command == "make ${TARGETS}":
                rows = job["strategy"]["matrix"]["target"]
                found = [target for row in rows for target in targets_of(f"make {row}")]
            else:
                found = targets_of(command)
            assert found, where
            assert set(found) <= rules, where


def test_pull_requests_run_what_the_project_runs():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    # YAML 1.1 reads the key `on` as True.
    assert set(workflow[True]) == {"push", "pull_request"}
    ours = re.findall(r"^make (.+)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert set(ours) <= set(workflow["jobs"]["make"]["strategy"]["matrix"]["target"])


def test_actions_are_few_and_pinned_by_hashes_with_a_source():
    found = set()
    for path in WORKFLOWS:
        text = path.read_text()
        pinned = re.findall(
            r"^ +# From [\w-]+/[\w-]+, \.github/workflows/\S+\.ya?ml\n"
            r" +uses: ([\w./-]+)@[0-9a-f]{40} # v[\d.]+$",
            text,
            re.MULTILINE,
        )
        assert len(pinned) == text.count("uses:")
        found.update(pinned)
    assert len(found) <= 6
    for action in found:
        assert f"`{action}`" in RELEASING


def test_no_job_has_more_rights_than_it_says():
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text())["permissions"] == {}
    writers = {where: job["permissions"] for where, job in jobs() if "id-token" in str(job)}
    assert set(writers) == {f"release.yml, {name}" for name in ("attest", "pypi", "crates", "npm")}
    assert [where for where, job in jobs() if job["permissions"].get("contents") == "write"] == [
        "release.yml, tag"
    ]
    assert not any("secrets." in path.read_text() for path in WORKFLOWS)


@pytest.mark.parametrize("target", ["dist", "test", "test-long"])
def test_a_stage_is_a_target_of_the_makefile(target):
    (stages,) = re.findall(rf"^{target}:\n\t\+@\$\(STAGES\) (.+)$", MAKEFILE, re.MULTILINE)
    rules = set(re.findall(r"^([\w-]+):(?!=)", MAKEFILE, re.MULTILINE))
    assert {stage.partition("=")[0] for stage in stages.split()} <= rules
