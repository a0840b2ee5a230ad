"""Some five hundred damaged and crafted files, the same ones every time."""

import fuzz
import numpy as np
import pytest

EACH = 50  # of eleven kinds


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    return fuzz.kinds(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize("number", range(11))
def test_a_damaged_file_gives_nothing_but_a_line_that_says_so(number, kinds, monkeypatch):
    monkeypatch.setattr(fuzz, "LIMIT", 60)  # which a busy machine does not reach
    name = list(kinds)[number]
    outcomes = [fuzz.attempt(kinds[name], np.random.default_rng([number, k])) for k in range(EACH)]
    assert not [(k, outcome) for k, outcome in enumerate(outcomes) if outcome not in ("read", "refused")], name
    assert outcomes.count("refused") > EACH // 3, name
