"""Names by which parts of observations and infos are known."""

MASK = "action_mask"
"""Last key to the part of an observation that holds the available actions: 1 for each that is, 0 for the others."""

MASKS = (MASK, "action_masks")
"""Keys of an info under which environments give it."""

SUCCESS = ("is_success", "success")
"""Keys of an episode's last info under which environments say whether it reached what it was for."""

STATE = "game_state"
"""Key of a Dict observation that holds a game's exact position, for a search; not a feature."""
