import numpy as np

from gymnast.core.batch import Batch, Episodes

# Two environments, three steps: the first is truncated after step 0 and terminated after step 2.
BATCH = Batch(
    obs=np.arange(8.0).reshape(4, 2),
    action=np.zeros((3, 2), np.int64),
    reward=np.zeros((3, 2), np.float32),
    terminated=np.array([[False, False], [False, False], [True, False]]),
    truncated=np.array([[True, False], [False, False], [False, False]]),
    valid=np.array([[True, True], [True, True], [True, False]]),
    first=np.array([[True, False], [True, False], [False, False], [True, False]]),
    final_at=np.array([[0, 0], [2, 0]]),
    final_obs=np.array([10.0, 20.0]),
    episodes=Episodes(np.array([0, 0]), np.array([1.0, 2.0]), np.array([1, 2])),
    extras={},
)


def test_steps_counts_the_valid_ones():
    assert BATCH.steps == 5


def test_an_episode_is_done_whatever_ended_it():
    assert BATCH.done.tolist() == [[True, False], [False, False], [True, False]]


def test_edge_observations_are_the_last_ones_then_the_final_ones():
    assert BATCH.edge_obs.tolist() == [6, 7, 10, 20]


def test_next_value_by_hand():
    value = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    edge_value = np.array([7, 8, 100, 200], np.float32)
    # truncated at (0, 0): V(final) = 100; terminated at (2, 0): 0, although V(final) = 200
    assert BATCH.next_value(value, edge_value).tolist() == [[100, 4], [5, 6], [0, 8]]


def test_next_value_leaves_its_arguments_alone():
    value, edge_value = np.ones((3, 2), np.float32), np.ones(4, np.float32)
    BATCH.next_value(value, edge_value)
    assert (value == 1).all()
    assert (edge_value == 1).all()


def test_terminated_and_truncated_at_once_is_worth_nothing():
    both = BATCH.truncated.copy()
    both[2, 0] = True
    batch = Batch(**{name: getattr(BATCH, name) for name in Batch.__slots__} | {"truncated": both})
    assert batch.next_value(np.ones((3, 2), np.float32), np.ones(4, np.float32))[2].tolist() == [0, 1]
    assert batch.discount(0.9)[2, 0] == 0


def test_what_follows_a_step_is_the_final_observation_where_an_episode_ended():
    # obs is 0..7, two in a row; (0, 0) ended with 10 and (2, 0) with 20
    assert BATCH.next_obs().tolist() == [[10, 3], [4, 5], [20, 7]]
    assert BATCH.obs.tolist() == np.arange(8.0).reshape(4, 2).tolist()


def test_what_follows_counts_for_nothing_after_a_termination_alone():
    np.testing.assert_allclose(BATCH.discount(0.9), [[0.9, 0.9], [0.9, 0.9], [0.0, 0.9]], rtol=1e-6)
