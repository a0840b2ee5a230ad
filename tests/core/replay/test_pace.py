import pytest

from gymnast.core.errors import UsageError
from gymnast.core.replay.pace import Pace


def test_the_number_of_gradient_steps_keeps_to_the_ratio_of_all_copies_together():
    pace = Pace(0.3, starts=10)
    taken = []
    for _ in range(40):
        assert pace.waits == (pace.steps < 10)
        pace.steps += 7
        due = max(pace.owed(), 0)
        pace.updates += due
        taken.append(pace.updates)
        assert taken[-1] == max(int((pace.steps - 10) * 0.3 + 1e-9), 0)


def test_it_goes_on_where_it_was():
    pace, other = Pace(1.0, 5), Pace(1.0, 5)
    pace.steps, pace.updates = 12, 6
    other.load_state(pace.state())
    assert other.owed() == 1


def test_more_gradient_steps_than_can_be_owed_are_refused():
    pace = Pace(2.0, starts=10)
    pace.steps, pace.updates = 20, 15
    pace.refuse_debt(5)
    with pytest.raises(UsageError, match="owes 5 gradient steps: it is damaged"):
        pace.refuse_debt(4)
