"""The tools for jobs: start, watch, talk to, stop and remove them. Pure."""

from __future__ import annotations

from gitmc.mcp.params import Param
from gitmc.mcp.tool import COPY, LINK, NAME, PLACEMENT, RUN, TOUCH, Call, Given, Tool, options
from gitmc.model.job import State


def _launch(given: Given) -> Call:
    words = ["launch", "--json", given["name"], "--file=-"]
    words += options(
        given, branch="--branch", placement="--placement", planFile="--plan-file",
        copyFiles="--copy", symlinkDirs="--symlink", commands="--run", agent="--agent",
        model="--model", base="--base", touchSet="--touch", timeout="--timeout",
        headless="--headless", unattended="--unattended", reuse="--reuse",
        withChanges="--with-changes", mode="--mode",
    )  # fmt: skip
    if "command" in given:
        words += ["--", *given["command"]]
    return Call(words, given["prompt"].encode())


def _jobs(given: Given) -> Call:
    words = ["jobs", "--json", *options(given, plan="--plan")]
    status = given.get("status", "all")
    return Call(words if status == "all" else [*words, f"--status={status}"])


def _cleanup(given: Given) -> Call:
    words = options(given, all="--all", deleteBranch="--delete-branch", force="--force")
    names = ["--", given["name"]] if "name" in given else []
    return Call(["cleanup", "--json", *words, *names])


def _report(given: Given) -> Call:
    words = options(given, progress="--progress")
    return Call(["report", given["status"], *words, "--", given["message"]])


def _answer(given: Given) -> Call:
    words = options(given, ask="--ask", reject="--reject")
    return Call(["answer", "--json", *words, "--", given["name"], *given.get("answer", [])])


def _wait(given: Given) -> Call:
    words = options(given, states="--for", any="--any", timeout="--timeout")
    return Call(["wait", "--json", "--verbose", *words, "--", *given["names"]])


JOBS = (
    Tool(
        "mc_launch", "Launch a job",
        "Start a coding agent on a task of its own, in a new git worktree, on a new branch, in a "
        "tmux session. It returns at once, while the agent works.",
        (
            Param("name", "job", "Job name, used for its branch and terminal", required=True),
            Param("prompt", "text", "The task, for the agent that is started", required=True),
            Param("branch", "text", "Git branch name. Default: mc/NAME"),
            PLACEMENT,
            Param("mode", "text", "How the agent goes about it; all but vanilla need "
                  "Oh-My-OpenCode. Default: the setting", choices=("vanilla", "plan", "ralph",
                  "ulw")),
            Param("planFile", "text", "The plan's file, for mode plan"),
            Param("copyFiles", "texts", COPY),
            Param("symlinkDirs", "texts", LINK),
            Param("commands", "texts", RUN),
            Param("agent", "text", "Which agent: opencode, claude, codex, gemini, … Default: the "
                  "setting"),
            Param("model", "text", "The model that the agent is to use"),
            Param("base", "text", "Where it starts. Default: the current branch"),
            Param("touchSet", "texts", TOUCH),
            Param("timeout", "number", "End the agent after so many seconds", least=0),
            Param("headless", "flag", "Start the agent without its user interface", default=False),
            Param("unattended", "flag", "Have the agent ask for no permissions", default=False),
            Param("reuse", "flag", "Take up an existing branch where it is", default=False),
            Param("withChanges", "flag", "Move the uncommitted changes into the job",
                  default=False),
            Param("command", "texts", "A program and its words, to run in place of an agent"),
        ),
        _launch, "mc.job/1",
    ),
    Tool(
        "mc_jobs", "List jobs", "List the jobs with their current status.",
        (
            Param("status", "text", "Only this status", default="all",
                  choices=("all", *(state.value for state in State))),
            Param("plan", "text", "Only the jobs of that plan"),
        ),
        _jobs, "mc.jobs/1", reads_only=True,
    ),
    Tool(
        "mc_status", "Show a job",
        "Everything about one job: state, activity, branch, worktree, terminal, report.",
        (NAME,), lambda given: Call(["status", "--json", "--", given["name"]]), "mc.job/1",
        reads_only=True, inside=True,
    ),
    Tool(
        "mc_capture", "Read a job's terminal",
        "The last lines of a job's terminal, or of its kept log when the terminal is gone.",
        (NAME, Param("lines", "whole", "How many lines", default=100, least=1, most=100_000)),
        lambda given: Call(
            ["capture", "--json", f"--lines={given.get('lines', 100)}", "--", given["name"]]
        ),
        "mc.capture/1", reads_only=True,
    ),
    Tool(
        "mc_attach", "How to attach",
        "The command that a person types to see a job's terminal.",
        (NAME,), lambda given: Call(["attach", "--print", "--", given["name"]]),
        reads_only=True,
    ),
    Tool(
        "mc_kill", "Stop a job",
        "End a running job's agent and all its processes. Its worktree and branch stay.",
        (NAME, Param("force", "flag", "Do not ask the agent first", default=False)),
        lambda given: Call(
            ["kill", "--json", *options(given, force="--force"), "--", given["name"]]
        ),
        "mc.jobs/1", destroys=True,
    ),
    Tool(
        "mc_cleanup", "Remove finished jobs",
        "Remove finished jobs' worktrees and records. Refused where work is not committed or has "
        "not landed, unless force is true: it is then salvaged first, and can be restored.",
        (
            NAME._replace(required=False, about="The job to clean up"),
            Param("all", "flag", "Clean up all jobs that are not running", default=False),
            Param("deleteBranch", "flag", "Delete the branch too", default=False),
            Param("force", "flag", "Salvage work that has not landed, then remove it",
                  default=False),
        ),
        _cleanup, "mc.cleanup/1", destroys=True, repeatable=True,
    ),
    Tool(
        "mc_overview", "Overview",
        "Who waits for a person, what runs, what is done or failed, plans and trains, predicted "
        "conflicts, and what to do next. The best first call.",
        (), lambda _: Call(["overview", "--json"]), "mc.overview/1", reads_only=True,
    ),
    Tool(
        "mc_report", "Report how a job goes",
        "For the agent inside a job: say how it goes. blocked and needs_review ask for a person; "
        "completed says that the work is done.",
        (
            Param("status", "text", "How it goes", required=True,
                  choices=("working", "blocked", "needs_review", "completed", "progress")),
            Param("message", "text", "Say it in words", required=True),
            Param("progress", "whole", "Percent done", least=0, most=100),
        ),
        _report, inside=True,
    ),
    Tool(
        "mc_send", "Send a message to a job",
        "Type a message into a running agent's terminal, and submit it.",
        (
            NAME,
            Param("text", "text", "The message", required=True),
            Param("wait", "flag", "Wait until the agent has dealt with it", default=False),
        ),
        lambda given: Call(
            ["send", "--json", "--file=-", *options(given, wait="--wait"), "--", given["name"]],
            given["text"].encode(),
        ),
        "mc.send/1",
    ),
    Tool(
        "mc_answer", "Answer a job's agent",
        "Show what a job's agent asks, or answer it: a permission with yes, always or no; a "
        "question with one of its answers, its number, or words of your own.",
        (
            NAME,
            Param("answer", "texts", "The answer: one string for each question. Default: show what "
                  "is asked"),
            Param("ask", "text", "Which of several"),
            Param("reject", "flag", "Turn it down, whatever it is", default=False),
        ),
        _answer, "mc.answer/1",
    ),
    Tool(
        "mc_wait", "Wait for jobs",
        "Wait until jobs are completed, or in one of the states that are named. It is over early "
        "when one of them can get there no more. It costs nothing while it waits.",
        (
            Param("names", "jobs", "The jobs", required=True),
            Param("states", "texts", "States to wait for. Default: completed or merged",
                  choices=tuple(state.value for state in State)),
            Param("any", "flag", "One of the jobs is enough", default=False),
            Param("timeout", "number", "Give up after so many seconds. Default: never", least=0),
        ),
        _wait, "mc.jobs/1", reads_only=True, says_no=True, counts=True,
    ),
)  # fmt: skip
