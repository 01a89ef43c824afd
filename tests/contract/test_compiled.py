"""What a wheel has compiled: modules that mypyc leaves as they are meant, and never beside their sources."""

import ast
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import detectors
from stream.detection import COMPILED

ROOT = Path(__file__).parents[2]
HOOK = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
    "hooks"
]
MODULES = HOOK["mypyc"]["include"]


@pytest.mark.parametrize("name", MODULES)
def test_compiled_module_defines_no_struct(name: str) -> None:
    """Mypyc drops the arguments of a class statement (`kw_only`, `array_like`) without a word."""
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.ClassDef):
            assert not node.keywords
            assert "Struct" not in ast.dump(ast.Tuple(node.bases))


@pytest.mark.parametrize("name", MODULES)
def test_a_wheel_runs_compiled_and_the_sources_as_they_stand(name: str) -> None:
    """A compiled module among the sources would be run instead of them, however they change."""
    spec = find_spec(name.removesuffix(".py").replace("/", "."))
    assert spec is not None
    is_wheel = Path(detectors.__path__[0]) != ROOT / "detectors"
    assert (not str(spec.origin).endswith(".py")) == is_wheel == COMPILED
