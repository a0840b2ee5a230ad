"""The shell completes commands and options."""

import subprocess


def completed(script: str, *words: str) -> list[str]:
    """The words that bash offers for the last one."""
    quoted = " ".join(f"'{word}'" for word in words)
    ask = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _gymnast; echo ${{COMPREPLY[@]}}"
    return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_commands_algorithms_environments_and_options(gymnast):
    script = gymnast("completion bash").out
    assert completed(script, "gymnast", "tr") == ["train"]
    assert completed(script, "gymnast", "train", "pp") == ["ppo"]
    assert completed(script, "gymnast", "train", "ppo", "CartP") == ["CartPole-v0", "CartPole-v1"]
    assert completed(script, "gymnast", "train", "ppo", "CartPole-v1", "--agent.lr") == [
        "--agent.lr",
        "--agent.lr-schedule",
    ]
    assert completed(script, "gymnast", "sweep", "ppo", "CartPole-v1", "--jo") == ["--jobs"]
    assert completed(script, "gymnast", "tune", "ppo", "CartPole-v1", "--tr") == ["--trust", "--track", "--trials"]
    assert completed(script, "gymnast", "tune", "--resume", "--tr") == ["--trials"]
    assert completed(script, "gymnast", "reproduce", "tab") == ["tabular"]
    assert completed(script, "gymnast", "evaluate", "--epi") == ["--episodes"]
    assert completed(script, "gymnast", "bench", "buf") == ["buffers"]
    assert completed(script, "gymnast", "evaluate", "ru") == []
