"""What a wheel holds: every package, every preset, the marker of types."""

import tomllib
from pathlib import Path

import gymnast

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_with_code_is_a_listed_package() -> None:
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("[!.]*/**/__init__.py") if "build" not in path.parts}
    assert {".".join(("gymnast", *folder.parts)) for folder in folders} | {"gymnast"} == set(
        PROJECT["tool"]["setuptools"]["packages"]
    )


def test_the_presets_and_the_types_are_package_data() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    assert data == {
        "gymnast": ["__init__.pyi", "py.typed"],
        "gymnast.configs": ["*.toml"],
        "gymnast.envs.games": ["data/*"],
        "gymnast.runners.cli": ["templates/*"],
        "gymnast.runners.web": ["static/*"],
    }
    assert (ROOT / "py.typed").exists()
    assert list((ROOT / "configs").glob("*.toml"))


def test_the_root_holds_no_module_beside_the_package_itself() -> None:
    assert sorted(path.name for path in ROOT.glob("*.py")) == [
        "__init__.py",
        "__main__.py",
    ]  # setuptools would ship any other


def test_one_version_stands_in_every_place_that_states_it() -> None:
    assert PROJECT["project"]["version"] == gymnast.__version__
    assert f"\nversion: {gymnast.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## [{gymnast.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_shipped() -> None:
    assert PROJECT["project"]["license"] == "MIT"
    assert [(ROOT / file).read_text().split("\n")[0] for file in PROJECT["project"]["license-files"]] == ["MIT License"]
