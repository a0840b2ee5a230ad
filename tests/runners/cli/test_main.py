import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.summary.writer.record_writer import RecordWriter

from gymnast import __version__, agents
from gymnast.runners.bench import SUITES
from gymnast.runners.runs import run as runs
from gymnast.runners.training.train import train


def test_help_prints_the_commands(gymnast):
    said = gymnast("--help")
    assert said.code == 0
    for command in ("train", "evaluate", "render", "plot", "list", "check", "lab", "bench"):
        assert f"gymnast {command}" in said.out


def test_version_is_printed(gymnast):
    assert gymnast("--version") == (0, f"gymnast {__version__}\n", "")


@pytest.mark.parametrize(
    "command", ["evaluate", "render", "plot", "list", "check", "lab", "bench", "train ppo CartPole-v1"]
)
def test_each_command_explains_its_options(gymnast, command):
    said = gymnast(f"{command} --help")
    assert said.code == 0
    assert f"gymnast {command}" in said.out


def test_train_help_shows_the_values_of_the_preset_beside_the_defaults(gymnast):
    said = flowing(gymnast("train ppo CartPole-v1 --help").out)
    assert "over all passes. (preset: 100000, default: 1000000)" in said
    assert "Adam step size. (preset: 0.001, default: 0.0003)" in said
    assert "(default: 1000000)" in flowing(gymnast("train ppo CartPole-v1 --preset none --help").out)


@pytest.mark.parametrize("algo", agents.names())
def test_an_algorithm_explains_all_its_options_without_an_environment(gymnast, algo):
    said = gymnast(f"train {algo} --help")
    assert said.code == 0
    assert said.out.index("--steps") < said.out.index("--agent.")
    assert agents.summary(algo) in flowing(said.out)
    for field in dataclasses.fields(agents.load(algo).Config):
        option = f"--agent.{field.name.replace('_', '-')} "
        assert f" {option}" in said.out or f" {option[:-1]}," in said.out


def flowing(text: str) -> str:
    """Help in one line, without the frame."""
    return " ".join(text.replace("│", " ").split())


WRONG = {
    "trian ppo CartPole-v1": "unknown command 'trian'. Did you mean 'train'?",
    "train ppo": "which environment?",
    "train --steps 5 ppo CartPole-v1": "the algorithm and the environment come first",
    "train pppo CartPole-v1": "unknown algorithm 'pppo'. Did you mean 'ppo'?",
    "train ppo Cartpole-v1": "unknown environment 'Cartpole-v1'. Did you mean 'CartPole-v1'?",
    "train ppo CartPole-v7": "'CartPole-v7' does not exist; the newest version is 'CartPole-v1'",
    "train ppo no_such_module:Env": "No module named 'no_such_module'",
    "train ppo own_envs:Corridr": "Did you mean 'Corridor'?",
    "train ppo own_envs:Worded": "has no fixed size; supported are Box",
    "train ppo own_envs:Commanded": "no policy head for the action space Dict('gas': Discrete(2))",
    "train ppo own_envs:Unmade": "Unmade: its constructor raised ValueError: no map file",
    "train ppo own_envs:Corridor --env.sise 4": "unknown argument 'sise'",
    "train ppo own_envs:Corridor --env.size": "--env.size needs a value",
    "train ppo CartPole-v1 --preset cartpole": "unknown preset 'cartpole' for ppo. Did you mean 'CartPole-v1'?",
    "train ppo CartPole-v1 --stpes 9": "unknown option '--stpes'. Did you mean '--steps'? See gymnast train ppo",
    "train ppo CartPole-v1 --agent.lrr 1": "unknown option '--agent.lrr'. Did you mean '--agent.lr'?",
    "train ppo CartPole-v1 --lr 1": "unknown option '--lr'. Did you mean '--agent.lr'?",
    "train ppo CartPole-v1 --agent.lr 1e-3,3e-4": "not a number; values to compare are for gymnast sweep",
    "train ppo CartPole-v1 --seeds x": "--seeds is 'x'; write how many",
    "train ppo CartPole-v1 --seeds 2 --agent.lr 1,2": "gymnast sweep ppo CartPole-v1 takes lists",
    "train ppo CartPole-v1 --seeds 2 --seed 1": "--seeds takes the place of --seed",
    "train ppo CartPole-v1 --jobs 2": "give --seeds too",
    "train ppo CartPole-v7 --seeds 2": "'CartPole-v7' does not exist",
    "sweep ppo": "the algorithm and the environment come first",
    "sweep ppo CartPole-v1 --agent.hidden 64,64": "as in --agent.hidden 64,64/256,256",
    "sweep --resume nowhere": "nowhere is not the folder of a sweep",
    "reproduce tabula": "Did you mean 'tabular'",
    "train ppo CartPole-v1 --learning-rate 1": "Did you mean '--agent.lr'?",
    "train ppo CartPole-v1 --agent.learning_rate 1": "Did you mean '--agent.lr'?",
    "train ppo CartPole-v1 --total_timesteps=9": "Did you mean '--steps'?",
    "train ppo CartPole-v1 --agent.steps 9": "Did you mean '--steps'?",
    "train CartPole-v1 ppo": "the algorithm comes first: gymnast train ppo CartPole-v1",
    "train ppo own_envs:Corridor --env.flag --seed 3": "--env.flag needs a value, such as --env.flag true",
    "train ppo own_envs:Corridor-v7": "'Corridor-v7' does not exist; the newest version is 'Corridor-v0'",
    "train ppo CartPole-v1 --steps ten": "--steps: 'ten' is not a number",
    "train ppo CartPole-v1 --steps 1.5": "--steps: '1.5' is not a whole number",
    "train ppo CartPole-v1 --steps": "Missing value for argument '--steps'",
    "train ppo CartPole-v1 --steps -5": "steps is -5; it must be at least 1",
    "train ppo CartPole-v1 --num-envs 0": "num_envs is 0; it must be at least 1",
    "train ppo CartPole-v1 --seed -1": "seed is -1; it must be at least 0",
    "train ppo CartPole-v1 --agent.activation swish": "invalid choice 'swish' for argument '--agent.activation'",
    "train ppo CartPole-v1 --backend fast": "unknown backend 'fast'",
    "train ppo CartPole-v1 --device gpu": "device 'gpu' is not available here",
    "train ppo CartPole-v1 100k": "one argument too many: '100k'",
    "train --resume": "Missing value for argument '--resume'",
    "train --resume nowhere": "nowhere is not the folder of a run: it has no run.json",
    "train --resume nowhere --seed 3": "unknown option '--seed': everything but --steps, --evals, --eval",
    "evaluate": "which runs? For example: gymnast evaluate runs/*",
    "evaluate nowhere": "nowhere is not the folder of a run",
    "evaluate nowhere --checkpoint worst": "Expected one of ('best', 'last')",
    "render nowhere elsewhere": "one argument too many: 'elsewhere'",
    "render nowhere": "nowhere is not the folder of a run",
    "plot": "which runs? For example: gymnast plot runs/*",
    "plot nowhere": "nowhere is not the folder of a run",
    "list robots": "no list of 'robots'. Known: agents, envs, presets, all, a2c",
    "check Cartpole-v1": "Did you mean 'CartPole-v1'?",
    "bench pppo": "unknown suite 'pppo'. Did you mean 'ppo'?",
    "bench ppo --repeats 0": "repeats is 0; it must be at least 1",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_input_gets_one_line_and_exit_code_2(gymnast, tmp_path, line):
    said = gymnast(line)
    assert said.code == 2
    assert said.err.startswith("gymnast: ")
    assert said.err.count("\n") == 1
    assert WRONG[line] in said.err
    assert not list(tmp_path.iterdir()), "wrong input leaves nothing behind"


def test_a_folder_that_holds_a_run_is_refused(gymnast, cartpole):
    said = gymnast("train ppo CartPole-v1 --out", cartpole)
    assert said.code == 2
    assert f"gymnast train --resume {cartpole}" in said.err


def test_a_folder_that_holds_anything_is_refused(gymnast, tmp_path):
    (tmp_path / "mine.txt").touch()
    assert "is not empty" in gymnast("train ppo CartPole-v1 --out", tmp_path).err
    assert "is a file" in gymnast("train ppo CartPole-v1 --out", tmp_path / "mine.txt").err


def test_a_missing_extra_is_named_with_the_command_that_installs_it(gymnast, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("Box2D", "gymnasium.envs.box2d"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "Box2D", None)
    said = gymnast("train ppo LunarLander-v3")
    assert said.code == 2
    assert 'pip install "gymnast[box2d]"' in said.err


def test_train_reports_where_the_run_is_and_what_to_do_with_it(gymnast, tmp_path):
    said = gymnast("train ppo CartPole-v1 --steps 1k --evals 1 --eval-episodes 2")
    (folder,) = Path("runs").iterdir()
    assert said.code == 0
    assert folder.name.startswith("ppo-CartPole-v1-s0-")
    assert f"gymnast evaluate {folder}" in said.out
    for file in ("run.json", "metrics.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors"):
        assert (folder / file).is_file()
    assert list(folder.glob("events.out.tfevents.*"))


def test_quiet_prints_nothing(gymnast):
    assert gymnast("train ppo CartPole-v1 --steps 256 --evals 0 --quiet") == (0, "", "")


def test_the_preset_that_was_used_is_kept(gymnast):
    gymnast("train ppo CartPole-v1 --steps 256 --evals 0 --quiet --out auto")
    gymnast("train ppo CartPole-v1 --steps 256 --evals 0 --quiet --out none --preset none")
    kept = [json.loads(Path(out, "run.json").read_text())["run"]["preset"] for out in ("auto", "none")]
    assert kept == ["CartPole-v1", "none"]


def test_options_reach_the_run(gymnast):
    gymnast(
        "train ppo own_envs:Corridor --steps 0.3k --seed 7 --num-envs 4 --evals 0 --out run --quiet "
        "--agent.lr 1e-3 --agent.horizon 16 --agent.hidden 8 8 --agent.normalize-obs --env.size 7 --eval-env.size 9"
    )
    run = json.loads(Path("run/run.json").read_text())["run"]
    assert (run["steps"], run["seed"], run["num_envs"]) == (300, 7, 4)
    assert (run["agent"]["lr"], run["agent"]["hidden"], run["agent"]["normalize_obs"]) == (1e-3, [8, 8], True)
    assert (run["env_args"], run["eval_args"]) == ({"size": 7}, {"size": 9})


def test_numbers_may_be_written_short(gymnast):
    gymnast("train ppo CartPole-v1 --steps 1e2 --num-envs 2 --evals 0 --quiet --out run --agent.minibatch 0.1k")
    run = json.loads(Path("run/run.json").read_text())["run"]
    assert (run["steps"], run["agent"]["minibatch"]) == (100, 100)


def test_a_failing_environment_exits_with_1_and_says_where_the_checkpoint_is(gymnast):
    said = gymnast("train ppo own_envs:Raises --steps 4k --num-envs 2 --agent.horizon 64 --evals 32 --out run --quiet")
    assert said.code == 1
    assert "RuntimeError: the motor burned out" in said.err
    assert "run/checkpoints/last.safetensors" in said.err
    assert said.err.count("\n") == 1


def test_evaluate_prints_one_json_object(gymnast, cartpole):
    said = gymnast("evaluate --episodes 3 --json", cartpole)
    figures = json.loads(said.out)
    assert said.code == 0
    assert {"mean", "std", "iqm", "ci", "episodes", "returns"} <= figures.keys()
    assert len(figures["returns"]) == figures["episodes"] == 3
    assert json.loads((cartpole / "eval.json").read_text())[-1] == figures


def test_evaluate_prints_a_table(gymnast, cartpole):
    said = gymnast("evaluate --episodes 3", cartpole)
    assert "ppo on CartPole-v1, best checkpoint" in said.out
    assert "mean" in said.out


def test_evaluate_prints_the_interquartile_mean_of_several_runs(gymnast, cartpole):
    folders = [cartpole]
    for seed in (1, 2):
        folders.append(Path(f"run-{seed}"))
        train(runs.preset("ppo", "CartPole-v1", steps=2048, evals=0, seed=seed), folders[-1])
    found = [json.loads(line) for line in gymnast("evaluate --episodes 3 --json", *folders).out.splitlines()]
    assert [one["run"] for one in found] == [str(folder) for folder in folders]
    means = [one["mean"] for one in found]
    said = gymnast("evaluate --episodes 3", *folders).out.splitlines()
    assert [float(line.split()[2]) for line in said[:3]] == [pytest.approx(mean, abs=0.005) for mean in means]
    low, middle, high = sorted(means)
    assert low < middle < high
    expected = (0.25 * low + middle + 0.25 * high) / 1.5  # a quarter of three runs is three quarters of one
    mean, half = np.mean(means), 4.30265 * np.std(means, ddof=1) / np.sqrt(3)  # Student's t of two degrees
    figures = f"mean {mean:.2f}  95% [{mean - half:.2f}, {mean + half:.2f}]  iqm {expected:.2f}"
    assert f"ppo on CartPole-v1 (3 seeds), best checkpoints, 3 episodes each: {figures}" == said[3]


def test_runs_of_different_configurations_are_not_pooled(gymnast, tmp_path, cartpole):
    folders = [shutil.copytree(cartpole, tmp_path / name) for name in "abc"]
    for folder, steps, seed in zip(folders, (2048, 2048, 4096), (0, 1, 0), strict=True):
        given = json.loads((folder / "run.json").read_text())
        given["run"] |= {"steps": steps, "seed": seed}
        (folder / "run.json").write_text(json.dumps(given))
    said = gymnast("evaluate --episodes 2 a b c")
    assert said.out.count("ppo on CartPole-v1, steps 2,048 (2 seeds)") == 1
    assert "(3 seeds)" not in said.out
    said = gymnast("evaluate --episodes 2 a b c --by env")
    assert "ppo on CartPole-v1 (3 runs of 2 seeds)" in said.out
    assert "2 runs have seed 0 (a, c); one seed is no sample" in said.err
    assert "pools runs that differ in steps" in said.err
    assert gymnast("evaluate a b --by stebs").code == 2


def test_the_folder_of_a_sweep_is_evaluated_drawn_and_reported_as_its_runs(gymnast, tmp_path, cartpole):
    for name in ("s0", "s1"):
        shutil.copytree(cartpole, tmp_path / "five" / name)
    said = gymnast("evaluate five --episodes 2")
    assert (said.code, "2 runs of 1 seed" in said.out) == (0, True)
    assert gymnast("plot five").code == 0
    assert gymnast("report five").code == 0
    assert "five/s1" in (tmp_path / "report.html").read_text()


def test_a_run_without_a_checkpoint_is_left_out_of_an_evaluation_of_several(gymnast, tmp_path, cartpole):
    for name in "ab":
        shutil.copytree(cartpole, tmp_path / name)
    shutil.rmtree(tmp_path / "a" / "checkpoints")
    said = gymnast("evaluate --episodes 2 a b")
    assert (said.code, "left out: a has no checkpoint yet" in said.err) == (0, True)
    assert "b (2,048 steps)" in said.out
    alone = gymnast("evaluate a")
    assert (alone.code, "a has no checkpoint yet; the first one comes with" in alone.err) == (2, True)


def test_every_evaluation_is_kept(gymnast, tmp_path, cartpole):
    shutil.copytree(cartpole, tmp_path / "run", ignore=shutil.ignore_patterns("eval.json"))
    for line in ("--episodes 1", "--episodes 2", "--episodes 2"):  # the last is equal to the one before
        assert gymnast(f"evaluate run {line}").code == 0
    kept = json.loads((tmp_path / "run" / "eval.json").read_text())
    assert [(one["episodes"], one["ci"] is None) for one in kept] == [(1, True), (2, False)]


def test_an_evaluation_that_cannot_be_kept_is_printed_all_the_same(gymnast, tmp_path, cartpole):
    shutil.copytree(cartpole, tmp_path / "run", ignore=shutil.ignore_patterns("eval.json"))
    (tmp_path / "run" / "eval.json").mkdir()
    said = gymnast("evaluate run --episodes 2")
    assert (said.code, "return  mean" in said.out, "not kept in run/eval.json" in said.err) == (0, True, True)


def test_nothing_is_evaluated_where_one_of_the_runs_is_none(gymnast, cartpole):
    said = gymnast("evaluate --episodes 2", cartpole, "nowhere")
    assert (said.code, said.out) == (2, "")
    assert "nowhere is not the folder of a run" in said.err


def test_a_closed_pipe_ends_a_list_quietly():
    code = "import sys; from gymnast.runners.cli.main import main; main(['list'])"
    piped = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert piped.stdout is not None
    assert piped.stderr is not None
    piped.stdout.close()
    assert piped.wait() == 0
    assert piped.stderr.read() == b""
    piped.stderr.close()


def test_a_failing_worker_is_told_in_one_line(gymnast):
    said = gymnast(
        "train ppo own_envs:Raises --steps 4k --num-envs 2 --agent.horizon 64 --backend workers --out run --quiet"
    )
    assert (said.code, said.err.count("\n")) == (1, 1), said.err
    assert "raised RuntimeError: the motor burned out" in said.err
    assert "(GYMNAST_TRACEBACK=1 shows where)" in said.err


def test_a_full_disk_is_told_in_one_line(gymnast, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RecordWriter, "write", full)  # in TensorBoard's thread
    said = gymnast("train ppo CartPole-v1 --steps 4k --evals 0 --out run --quiet")
    assert (said.code, said.err.count("\n")) == (1, 1), said.err
    assert "gymnast: cannot write metrics to run: No space left on device." in said.err


def test_actions_that_are_not_finite_are_blamed_on_the_learning(gymnast):
    said = gymnast("train a2c Pendulum-v1 --agent.lr 1e6 --steps 4k --evals 0 --out run --quiet")
    assert (said.code, said.err.count("\n")) == (1, 1), said.err
    assert "the policy's actions are not finite" in said.err
    assert "learning has diverged. A smaller agent.lr" in said.err


def test_an_expert_of_another_environment_is_refused_in_one_short_line(gymnast, cartpole):
    said = gymnast("collect", cartpole, "Acrobot-v1", "--out", "demos")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert f"expert {cartpole} was trained on CartPole-v1; it does not fit Box(" in said.err
    assert "another one wrote it" not in said.err
    assert not Path("demos").exists()


def test_the_package_is_a_command():
    run = subprocess.run([sys.executable, "-m", "gymnast", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout == f"gymnast {__version__}\n"


def test_bench_lists_its_suites_without_measuring(gymnast):
    said = gymnast("bench")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines() if line.startswith("  ")] == [*SUITES, "learning"]
