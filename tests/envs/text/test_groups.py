"""Groups, and rows that wait, with the algorithms that can learn from them."""

import pytest

from gymnast.core.errors import UsageError
from gymnast.core.rollout.engine import Rollout, Whole
from gymnast.envs import text
from gymnast.runners.runs.run import preset
from gymnast.runners.training.train import Training
from probes import SEED

TINY = {"width": 16, "layers": 1, "heads": 2, "hidden": ()}


@pytest.mark.parametrize("args", [{"group": 4}, {"waits": True}])
def test_algorithms_that_learn_from_steps_refuse_them_before_they_begin(args):
    run = preset("ppo", "gymnast/Copy-v0", "none", agent=TINY, env_args=args, num_envs=8, steps=2000)
    with pytest.raises(UsageError, match="leave out group and waits"):
        Training(run)
    run = preset("reinforce", "gymnast/Copy-v0", "none", agent=TINY, env_args=args, num_envs=8, steps=200)
    with Training(run) as training:
        training.iterate()


def test_rows_that_do_not_wait_give_steps():
    Rollout(text.make("gymnast/Copy-v0", 8), 16, SEED)
    Rollout(text.make("gymnast/Copy-v0", 8, group=4), Whole(1), SEED)
