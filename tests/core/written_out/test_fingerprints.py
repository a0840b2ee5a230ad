"""Fingerprints are recorded of functions that a twin equals, and change with all that counts."""

import functools
import importlib
import inspect
import pkgutil
import tokenize
from io import StringIO
from textwrap import dedent

import pytest
import torch
import twins

from gymnast.agents import a2c, bc, dqn, ppo, sac, td3
from gymnast.core.games import inference
from gymnast.core.mirror import Mirror, fingerprint
from gymnast.core.nets import memory
from gymnast.core.rollout import exploring, fused, policy


def compiled_scan_is_the_readable_one():
    keep, new, state = (torch.rand(shape) for shape in ((9, 3, 4), (9, 3, 4), (3, 4)))
    given = keep, new, torch.rand(9, 3) < 0.3, state
    torch.testing.assert_close(memory.compiled_recurrence(*given), memory.recurrence(*given))


MIRRORS = {
    "ppo": (ppo._MIRROR, [twins.clipped_surrogate_is_ppos_loss]),
    "a2c": (a2c._MIRROR, [twins.policy_gradient_is_a2cs_loss]),
    "bc": (bc._MIRROR, [twins.likelihood_is_bcs_loss]),
    "acting": (fused.SAMPLED, [twins.jitted_actor_is_the_networks_policy]),
    "a policy's acting": (policy._SAMPLED, [twins.jitted_actor_is_the_readable_acting]),
}
ALONE = {
    "greedy acting": (fused.GREEDY, twins.jitted_actor_is_greedy_as_the_network),
    "epsilon-greedy acting": (policy._GREEDY, twins.jitted_actor_is_greedy_as_the_network),
    "sac's acting": (sac._EXPLORED, functools.partial(twins.jitted_actor_explores_as, sac)),
    "td3's acting": (td3._EXPLORED, functools.partial(twins.jitted_actor_explores_as, td3)),
    "acting in a box": (exploring._INSIDE, functools.partial(twins.jitted_actor_explores_as, sac)),
    "sac": (sac._MIRROR, functools.partial(twins.written_out_are_the_steps_of, sac)),
    "td3": (td3._MIRROR, functools.partial(twins.written_out_are_the_steps_of, td3)),
    "a scan": (memory._MIRROR, compiled_scan_is_the_readable_one),
    "inference": (inference._MIRROR, twins.jitted_inference_is_the_networks_answer),
}


def recorded(mirror):
    """An error that names what changed, with the new fingerprints, unless all is as recorded."""
    changed = mirror.changed()
    lines = "\n".join(f"  {name}: {now or 'no source'}" for name, now in changed.items())
    assert not changed, f"The twin is equal to what it mirrors. Record the new fingerprints beside the Mirror:\n{lines}"


@pytest.mark.parametrize("name", MIRRORS)
def test_fingerprints_are_those_of_functions_that_the_twin_equals(name):
    mirror, checks = MIRRORS[name]
    for check in checks:
        for kind in twins.ACTIONS:
            check(kind)
            check(kind, entropy_coef=0.1, normalize_obs=True, activation="relu")
    recorded(mirror)


@pytest.mark.parametrize("name", ALONE)
def test_fingerprints_are_those_of_functions_that_the_jitted_twin_equals(name):
    mirror, check = ALONE[name]
    check()
    recorded(mirror)


def test_fingerprints_are_those_of_functions_that_the_regression_equals(monkeypatch):
    for jitted in (True, False):
        twins.regression_is_dqns_steps(monkeypatch, jitted=jitted)
        twins.regression_is_dqns_steps(monkeypatch, "discrete", jitted=jitted, double=True, loss="squared")
    recorded(dqn._MIRROR)


def test_no_mirror_is_left_out_of_these_tests():
    tested = [mirror for mirror, _ in (*MIRRORS.values(), *ALONE.values())] + [dqn._MIRROR]
    covered = {(module.__name__, name) for mirror in tested for module, names in mirror._recorded for name in names}
    for found in mirrors():
        assert {(module.__name__, name) for module, names in found._recorded for name in names} <= covered


def mirrors():
    for part in ("agents", "core"):
        package = importlib.import_module(f"gymnast.{part}")
        for info in pkgutil.walk_packages(package.__path__, f"gymnast.{part}."):
            yield from (x for x in vars(importlib.import_module(info.name)).values() if isinstance(x, Mirror))


def test_nothing_mirrored_has_an_f_string_that_pythons_read_differently():
    for mirror in mirrors():
        for module, names in mirror._recorded:
            for name in names:
                function = functools.reduce(getattr, name.split("."), module)
                source = dedent(inspect.getsource(getattr(function, "py_func", function)))
                tokens = tokenize.generate_tokens(StringIO(source).readline)
                assert not [token for token in tokens if token.string[:2].lower() in ('f"', "f'")], name


def test_nothing_mirrored_reads_a_number_from_its_file_that_no_fingerprint_holds():
    for mirror in mirrors():
        for module, names in mirror._recorded:
            for name in names:
                function = functools.reduce(getattr, name.split("."), module)
                function = inspect.unwrap(getattr(function, "py_func", function))
                read = {word: function.__globals__.get(word) for word in function.__code__.co_names}
                assert not [word for word, value in read.items() if isinstance(value, int | float)], name


def doubled(x):
    return 2 * x + 1


def other(x):
    return 2 * x + 2


def test_brackets_and_code_count_comments_and_layout_do_not():
    assert fingerprint(doubled) != fingerprint(other)
    namespace = {}
    for k, text in enumerate(("def f(x):\n    return 2 * x + 1\n", "def f(x):  # twice\n\n  'Twice.'\n  return 2*x+1")):
        filename = f"<written {k}>"
        importlib.import_module("linecache").cache[filename] = (len(text), None, text.splitlines(True), filename)
        exec(compile(text, filename, "exec"), namespace)
        namespace[k] = namespace["f"]
    assert fingerprint(namespace[0]) == fingerprint(namespace[1]) != ""
    assert fingerprint(namespace[0]) != fingerprint(doubled)  # another name


def test_what_has_no_source_or_remembers_something_has_no_fingerprint():
    namespace = {}
    exec("def f(x):\n    return x", namespace)

    def closed(x):
        return x + len(namespace)

    for function in (namespace["f"], closed, functools.partial(doubled, 1), len):
        assert fingerprint(function) == ""
    assert fingerprint(doubled, namespace["f"]) == ""


class Doubling:
    def double(self, x):
        return 2 * x


@functools.wraps(doubled)
def wrapped(x):
    return other(x)


def test_a_wrapper_is_not_what_it_wraps():
    assert fingerprint(wrapped) not in ("", fingerprint(doubled))


def test_a_mirror_sees_names_and_code_that_are_exchanged_and_put_back(monkeypatch):
    mirror = Mirror(__name__, {"doubled": fingerprint(doubled), "Doubling.double": fingerprint(Doubling.double)})
    assert mirror.shows()
    for place, name, replacement in (
        (globals(), "doubled", other),
        (globals(), "doubled", functools.partial(other)),
        (globals(), "doubled", None),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(place, name, replacement)
            assert not mirror.shows()
        assert mirror.shows()
    with monkeypatch.context() as patch:
        patch.setattr(doubled, "__code__", other.__code__)
        assert not mirror.shows()
    with monkeypatch.context() as patch:
        patch.setattr(Doubling, "double", other)
        assert not mirror.shows()
    assert mirror.shows()
    assert not Mirror(__name__, {"doubled": fingerprint(other)}, mirror).shows()
