"""detectors/ is pure: no Kafka, no clock, no environment, no logging, nothing of the other half."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import detectors

MODULES = sorted(Path(detectors.__path__[0]).glob("**/*.py"))
FORBIDDEN = {
    *("faust", "mode", "aiokafka", "prometheus_client", "stream", "click", "rich", "pydantic_settings"),
    *("os", "sys", "time", "logging", "asyncio", "threading", "random", "secrets", "socket", "subprocess"),
    *("pathlib", "tempfile", "io"),
}
CLOCKS = {
    "now",
    "utcnow",
    "today",
    "time_ns",
    "monotonic",
    "perf_counter",
    "getenv",
    "environ",
    "open",
    "print",
}


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level names of what a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield str(node.module).partition(".")[0]


def named(tree: ast.AST) -> Iterator[str]:
    """Names and attributes that are used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def test_there_are_modules_to_check() -> None:
    """An empty list would prove nothing."""
    assert len(MODULES) > 15


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_imports_nothing_impure(path: Path) -> None:
    """Another broker or a notebook could use `detectors` unchanged."""
    assert not FORBIDDEN & set(imported(ast.parse(path.read_text())))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_reads_no_clock_and_no_environment(path: Path) -> None:
    """Time enters only with the data."""
    names = set(named(ast.parse(path.read_text())))
    if path.name == "groups.py":
        names -= {"now"}  # a local: the accounts a group has now
    assert not CLOCKS & names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_module_is_of_a_size_to_be_read(path: Path) -> None:
    """No module passes 400 lines."""
    assert len(path.read_text().splitlines()) <= 400
