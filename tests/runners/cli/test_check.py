import pytest

CHECKS = ("spaces", "Gymnasium's own checker", "values", "rewards and ends", "seeding", "copies", "exact resume")


def test_a_sound_environment_passes(gymnast):
    said = gymnast("check own_envs:Corridor")
    assert said.code == 0
    assert said.out.count("ok ") == 7


def test_a_native_environment_passes(gymnast):
    said = gymnast("check CartPole-v1")
    assert said.code == 0
    assert "saved and restored bit for bit" in said.out


def test_an_environment_that_gives_nan_fails(gymnast):
    said = gymnast("check own_envs:NanReward")
    assert said.code == 1
    assert "values: a reward is not finite (nan)" in said.out


def test_an_environment_that_raises_fails(gymnast):
    said = gymnast("check own_envs:Raises")
    assert said.code == 1
    assert "values: RuntimeError: the motor burned out" in said.out


def test_an_environment_that_ends_the_program_fails(gymnast):
    said = gymnast("check own_envs:Leaves")
    assert (said.code, "values: SystemExit: 0" in said.out, "resume: " in said.out) == (1, True, True)


def test_a_space_without_a_fixed_size_is_wrong_input(gymnast):
    said = gymnast("check own_envs:Worded")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert "observation space Text(1, 5, " in said.err
    assert "has no fixed size; supported are Box" in said.err


def test_a_game_is_checked_with_legal_moves(gymnast):
    said = gymnast("check tictactoe")
    assert said.code == 0
    assert "restored bit for bit" in said.out


FOUND = {
    "Masked": "values: the action_mask allows none of the 2 actions at step 4",
    "Misshapen": "values: the observation has shape (2,) at step 150; declared is (1,)",
    "Outside": "values: the observation[0] is 9 at step 150, outside of [0, 5]",
    "Numbered": "values: the observation is 5 at step 150, which is not in Discrete(5)",
    "NumberedReset": "values: the observation is 5 after a reset (step ",
    "Old": "values: step gave 4 values at step 0, and not (observation, reward, terminated, truncated, info)",
    "OldReset": "values: reset gave one ndarray, and not (observation, info): this is the interface of the old gym",
    "WordedEnd": "values: terminated is 'no' (str) at step 0; it must be True or False",
    "Far": "spaces: a bound of the observation, -1e+300, is beyond float32; use infinity",
    "Huge": "values: a reward, 1e+300 at step 0, is beyond float32",
    "Rewards": "values: a reward has shape (2,) at step 0; it must be one number",
    "NanObservation": "values: the observation is not finite (nan) at step 150",
    "Sharing": "copies: a copy takes another course when a second one is stepped beside it",
    "one_object": "copies: two copies are one and the same object; make a new environment with every call",
    "Brackets": "rewards and ends: RuntimeError: no [/red] tag",
}


@pytest.mark.parametrize("env", FOUND)
def test_what_breaks_the_contract_is_found_and_every_line_is_printed(gymnast, env):
    said = gymnast(f"check own_envs:{env}")
    assert said.code == 1
    assert f"failed  {FOUND[env]}" in said.out
    for name in CHECKS:
        assert f"  {name}: " in said.out, name
    assert "\x1b" not in said.out, "escape codes have no place in a pipe"


def test_an_environment_without_an_end_is_remarked_on(gymnast):
    said = gymnast("check own_envs:Unending")
    assert said.code == 0
    assert "remark  rewards and ends: rewards 0 to 1, and no episode ended in 2,048 steps" in said.out


@pytest.mark.parametrize("env", ["NanReward", "NanObservation"])
def test_nan_is_no_reason_to_doubt_exact_resume(gymnast, env):
    out = gymnast(f"check own_envs:{env}").out
    assert "nan, which is not a number" in out
    assert "takes another course" not in out


def test_what_float32_loses_is_remarked_on_and_said_at_the_start(gymnast, tmp_path):
    lost = "as large as 1e+07, where float32 goes in steps of 1 and loses what is smaller"
    out = gymnast("check own_envs:Offset").out
    assert f"remark  rewards and ends: observations are {lost}" in out
    said = gymnast(
        f"train ppo own_envs:Offset --steps 64 --agent.horizon 16 --num-envs 2 --evals 0 --out {tmp_path}/run"
    )
    assert said.code == 0
    assert lost in said.out


def test_what_is_said_of_goals_is_held_against_the_steps(gymnast):
    said = gymnast("check goal_envs:Bonus").out
    assert "failed  goals: a step gives -0.75, and compute_reward -1 for the same goals" in said


def test_environments_without_goals_are_not_asked_for_them(gymnast):
    assert "goals:" not in gymnast("check own_envs:Corridor").out
