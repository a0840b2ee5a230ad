"""The registry: what it reads of modules that it does not import."""

import os

from gymnast.core.registry import Registry


def test_a_title_that_is_edited_is_read_anew(tmp_path):
    path = tmp_path / "cem.py"
    registry = Registry("agents", tmp_path, "algorithm")
    for time, (text, title) in enumerate([('"""One."""', "CEM"), ('NAME = "CrossEntropy"', "CrossEntropy")]):
        path.write_text(text)
        os.utime(path, ns=(time, time))
        assert registry.title("cem") == registry.title("cem") == title
