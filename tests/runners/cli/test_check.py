def test_a_sound_environment_passes(gymnast):
    said = gymnast("check own_envs:Corridor")
    assert said.code == 0
    assert said.out.count("ok ") == 5


def test_a_native_environment_passes(gymnast):
    said = gymnast("check CartPole-v1")
    assert said.code == 0
    assert "saved and restored bit for bit" in said.out


def test_an_environment_that_gives_nan_fails(gymnast):
    said = gymnast("check own_envs:NanReward")
    assert said.code == 1
    assert "a reward is not finite" in said.out


def test_an_environment_that_raises_fails(gymnast):
    said = gymnast("check own_envs:Raises")
    assert said.code == 1
    assert "step raised RuntimeError" in said.out


def test_a_space_without_a_fixed_size_is_wrong_input(gymnast):
    assert gymnast("check own_envs:Worded").code == 2


def test_a_game_is_checked_with_legal_moves(gymnast):
    said = gymnast("check tictactoe")
    assert said.code == 0
    assert "restored bit for bit" in said.out
