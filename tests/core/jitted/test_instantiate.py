"""Templates over jitted functions: bound by name, cached on disk, never stale."""

import importlib.util
import sys

import numpy as np
from numba import njit

from gymnast.core.jitted.instantiate import _jitted, instantiate


@njit
def plus_one(x):
    return x + 1


@njit
def doubled(x):
    return 2 * x


def twice(x):
    return function(function(x))  # noqa: F821 - what `instantiate` binds


def module(path, text):
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_one_template_serves_several_functions():
    assert instantiate(twice, "plus", function=plus_one)(3) == 5
    assert instantiate(twice, "double", function=doubled)(3) == 12


def test_machine_code_is_found_again_on_disk():
    first = instantiate(twice, "plus", function=plus_one)
    first(np.float32(1))
    _jitted.cache_clear()  # as another process begins
    again = instantiate(twice, "plus", function=plus_one)
    assert again is not first
    assert again(np.float32(1)) == 3
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_loop_is_made_once_for_the_same_functions():
    first = instantiate(twice, "plus", function=plus_one)
    assert instantiate(twice, "plus", function=plus_one) is first
    assert instantiate(twice, "plus", function=doubled) is not first


def test_an_edited_instruction_gets_a_new_name_too(tmp_path):
    text = "from numba.extending import intrinsic\n@intrinsic\ndef rule(typingctx, x):\n    return x(x), {}\n"
    page = "from numba import njit\n@njit\ndef step(x):\n    return rule(x)\n"

    def name(amount):
        step = module(tmp_path / "page.py", page)
        step.rule = module(tmp_path / "rules.py", text.format(amount)).rule
        return instantiate(twice, "page", function=step.step).__name__

    assert name(1) == name(1)
    assert name(1) != name(2)


def test_an_edited_source_file_gets_a_new_name_even_when_it_is_only_called(tmp_path):
    rules, text = tmp_path / "rules.py", "from numba import njit\n@njit\ndef rule(x):\n    return x + {}\n"
    page = "from numba import njit\n@njit\ndef step(x):\n    return rule(x)\n"

    def name(amount):
        step = module(tmp_path / "page.py", page)
        step.rule = module(rules, text.format(amount)).rule
        return instantiate(twice, "page", function=step.step).__name__

    assert name(1) == name(1)
    assert name(1) != name(2)


def test_a_kernel_gets_a_new_name_when_what_it_calls_is_edited(tmp_path, monkeypatch):
    rules, text = tmp_path / "rules.py", "from numba import njit\n@njit\ndef rule(x):\n    return x + {}\n"
    page = "from rules import rule\nfrom gymnast.core.jitted.instantiate import kernel\n"
    page += "@kernel\ndef step(x):\n    return rule(x)\n"

    def step(amount):
        monkeypatch.setitem(sys.modules, "rules", module(rules, text.format(amount)))
        return module(tmp_path / "page.py", page).step

    one, two = step(1), step(20)
    assert one.__name__ != two.__name__
    assert two(3) == 23
    assert step(20).__name__ == two.__name__
