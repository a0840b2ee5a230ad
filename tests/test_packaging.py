"""What a wheel holds: every package, every preset, the marker of types."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_with_code_is_a_listed_package() -> None:
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("[!.]*/**/__init__.py") if "build" not in path.parts}
    assert {".".join(("gymnast", *folder.parts)) for folder in folders} | {"gymnast"} == set(
        PROJECT["tool"]["setuptools"]["packages"]
    )


def test_the_presets_and_the_marker_of_types_are_package_data() -> None:
    data = PROJECT["tool"]["setuptools"]["package-data"]
    assert data == {
        "gymnast": ["py.typed"],
        "gymnast.configs": ["*.toml"],
        "gymnast.envs.games": ["data/*"],
    }
    assert (ROOT / "py.typed").exists()
    assert list((ROOT / "configs").glob("*.toml"))


def test_the_root_holds_no_module_beside_the_package_itself() -> None:
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]  # setuptools would ship any other inside it
