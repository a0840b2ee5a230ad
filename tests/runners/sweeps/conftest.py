import pytest
import sweeping

from gymnast.runners.sweeps import children


@pytest.fixture(scope="session", name="nursery")
def _nursery():
    """One nursery for all sweeps of a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "program", sweeping.program)
        born = children.Nursery()
    yield born
    born.close()


@pytest.fixture(autouse=True)
def quick(nursery, monkeypatch):
    """Processes of sweeps begin at once."""
    monkeypatch.setattr(children, "program", sweeping.program)
    monkeypatch.setattr(children, "_nursery", nursery)
