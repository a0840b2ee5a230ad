"""Gymnasium's loop over environments in this process, with what it leaves to them put right."""

from copy import deepcopy
from typing import Any

from gymnasium.vector import SyncVectorEnv


class Loop(SyncVectorEnv):
    """Keeps final observations apart from the environments' own arrays, which the reset that follows may reuse."""

    def _add_info(self, vector_infos: dict[str, Any], env_info: dict[str, Any], env_num: int) -> dict[str, Any]:
        if "final_obs" in env_info:
            env_info = {**env_info, "final_obs": deepcopy(env_info["final_obs"])}
        added: dict[str, Any] = super()._add_info(vector_infos, env_info, env_num)
        return added
