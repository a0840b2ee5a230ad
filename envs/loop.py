"""Gymnasium's loop over environments in this process, with what it leaves to them put right."""

from copy import deepcopy
from typing import Any

from gymnasium.vector import SyncVectorEnv

from .wrappers import used


class Loop(SyncVectorEnv):
    """Passes on what is used of the infos, and final observations.

    Those are kept apart from the environments' own arrays, which the reset that follows may reuse.
    """

    def _add_info(self, vector_infos: dict[str, Any], env_info: dict[str, Any], env_num: int) -> dict[str, Any]:
        kept = used(env_info)
        if "final_info" in env_info:
            kept |= {"final_obs": deepcopy(env_info["final_obs"]), "final_info": used(env_info["final_info"])}
        added: dict[str, Any] = super()._add_info(vector_infos, kept, env_num)
        return added
