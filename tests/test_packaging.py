"""What pyproject.toml lists against what is there: a package that is missing there is missing from the wheel only."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_in_the_wheel():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {folder.parent.relative_to(ROOT) for folder in (ROOT / "hwsv").rglob("*.py")}
    code = {".".join(folder.parts) for folder in folders}
    data = set(listed["package-dir"])
    assert set(listed["packages"]) == code | data
    for package, folder in listed["package-dir"].items():
        assert (ROOT / folder).is_dir(), package


def test_data_files_inside_packages_are_in_the_wheel():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    carried = {
        file
        for package, patterns in listed.items()
        for pattern in patterns
        for file in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    others = {f for f in (ROOT / "hwsv").rglob("*") if f.is_file() and f.suffix not in (".py", ".pyc", ".nbi", ".nbc")}
    assert others - carried == set()
