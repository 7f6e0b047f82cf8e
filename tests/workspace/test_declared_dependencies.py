"""Each package declares what it imports, and nothing else."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted((ROOT / "packages").iterdir())

# Editable installations do not tell which modules they hold.
SIBLINGS = {package.name.replace("-", "_"): [package.name] for package in PACKAGES}

# Needed at run time by something else than an import statement of the package.
NEVER_IMPORTED = {
    "xec-analysis": {"xec-export", "xec-train"},  # the demo runs their commands
    "xec-data": {"pymysql"},  # SQLAlchemy imports it
    "xec-train": {"tensorboard", "nvidia-ml-py"},  # torch imports them
    "xec-export": {"onnxscript"},  # torch.onnx.export(dynamo=True) imports it
}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return normalized(match.group())


def imported_modules(package: Path) -> set[str]:
    modules: set[str] = set()
    for file in (package / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.split(".")[0])
    return modules - set(sys.stdlib_module_names)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_declared_dependencies_are_the_imported_ones(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    requirements = list(project["dependencies"])
    for extra in project.get("optional-dependencies", {}).values():
        requirements += extra
    declared = {requirement_name(requirement) for requirement in requirements}

    distributions = {**packages_distributions(), **SIBLINGS}
    imported = set()
    for module in imported_modules(package) - {package.name.replace("-", "_")}:
        providers = {normalized(provider) for provider in distributions.get(module, [])}
        assert providers, f"{package.name} imports {module}, which no installed distribution provides"
        assert providers & declared, f"{package.name} imports {module} without declaring {providers}"
        imported |= providers

    # A requirement for another platform (a marker) cannot be installed here: its twin stands for it.
    here = {
        requirement_name(requirement)
        for requirement in requirements
        if ";" not in requirement or requirement_name(requirement) in imported
    }
    unused = here - imported - NEVER_IMPORTED.get(package.name, set())
    assert not unused, f"{package.name} declares {unused} and never imports it"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_package_is_complete(package: Path) -> None:
    module = package / "src" / package.name.replace("-", "_")
    for file in (
        package / "README.md",
        package / "CHANGELOG.md",
        module / "__about__.py",
        module / "py.typed",
    ):
        assert file.is_file(), f"{file} is missing"
    version = re.search(r'"(.+)"', (module / "__about__.py").read_text())
    assert version
    assert f"## {version.group(1)}" in (package / "CHANGELOG.md").read_text()
    assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    assert project["license-files"] == ["LICENSE"]
    assert project["authors"]
    assert project["keywords"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_links_of_a_readme_hold_outside_the_repository(package: Path) -> None:
    text = (package / "README.md").read_text()
    links = re.findall(r"\]\(([^)\s]+)", text) + re.findall(r"<(?:a|img)[^>]+(?:href|src)=\"([^\"]+)", text)
    assert not [link for link in links if not re.match(r"https?://|#", link)]
