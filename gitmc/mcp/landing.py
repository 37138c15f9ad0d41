"""The tools that bring work together: changes, conflicts, merges, trains, plans. Pure."""

from __future__ import annotations

import json

from gitmc.mcp.faults import by_parameter
from gitmc.mcp.params import Param
from gitmc.mcp.tool import (
    COPY,
    LANDS,
    LINK,
    NAME,
    PLACEMENT,
    PLAN,
    RUN,
    TOUCH,
    Call,
    Given,
    Tool,
    options,
)

JOB_OF_PLAN = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "description": "Unique name of the job"},
        "prompt": {"type": "string", "description": "What its agent is to do"},
        "dependsOn": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Jobs that must have landed before it starts",
        },
        "touchSet": {"type": "array", "items": {"type": "string"}, "description": TOUCH},
        "copyFiles": {"type": "array", "items": {"type": "string"}, "description": COPY},
        "symlinkDirs": {"type": "array", "items": {"type": "string"}, "description": LINK},
        "commands": {"type": "array", "items": {"type": "string"}, "description": RUN},
        "agent": {"type": "string", "description": "Which agent runs it"},
        "mode": {"type": "string", "enum": ["vanilla", "plan", "ralph", "ulw"]},
        "command": {
            "type": "array",
            "items": {"type": "string"},
            "description": "A program and its words, to run in place of an agent",
        },
        "promptFile": {"type": "string", "description": "A file with the prompt, for `prompt`"},
        "priority": {"type": "integer", "description": "Higher ones start first"},
        "headless": {"type": "boolean", "description": "Run the agent without its interface"},
        "timeout": {
            "type": ["number", "string"],
            "description": 'End the agent after so many seconds, or "10m", "2h"',
        },
    },
}


def _merge(given: Given) -> Call:
    words = ["merge", "--json", given["name"], *options(given, message="--message", into="--into")]
    strategy = given.get("strategy") or ("squash" if given.get("squash") else None)
    if strategy is not None:
        words.append(f"--strategy={strategy}")
    if "test" in given:
        words.append("--test" if given["test"] else "--no-test")
    return Call(words)


def _merge_train(given: Given) -> Call:
    words = options(
        given, into="--into", test="--test", noTest="--no-test", setup="--setup",
        timeout="--timeout", slots="--slots", every="--every", strategy="--strategy",
        retries="--retries", detach="--detach",
    )  # fmt: skip
    return Call(["merge-train", "--json", "--verbose", *words, "--", *given.get("names", [])])


def _pr(given: Given) -> Call:
    words = ["pr", "--json", given["name"]]
    words += options(given, title="--title", draft="--draft", base="--base")
    return Call([*words, "--file=-"], given["body"].encode()) if "body" in given else Call(words)


def _plan(given: Given) -> Call:
    plan = {key: value for key, value in given.items() if key not in ("noPr", "placement")}
    words = options(given, placement="--placement", noPr="--no-pr")
    return Call(["plan", "start", "--json", *words, "-"], json.dumps(plan, indent=1).encode())


def _plan_approve(given: Given) -> Call:
    words = options(
        given, checkpoint="--checkpoint", retry="--retry", relaunch="--relaunch",
        accept="--accept", skip="--skip",
    )  # fmt: skip
    return Call(["plan", "approve", "--json", *words, *_which(given)])


def _which(given: Given) -> list[str]:
    return ["--", given["plan"]] if "plan" in given else []


LANDING = (
    Tool(
        "mc_diff", "Show a job's changes",
        "What a job has done since it left its base, with what is not committed yet.",
        (
            NAME,
            Param("stat", "flag", "Only how many lines of which files", default=False),
            Param("base", "text", "Compare with this. Default: the job's base"),
            Param("committed", "flag", "Leave out what is not committed", default=False),
        ),
        lambda given: Call(
            ["diff", "--json", *options(given, stat="--stat", base="--base",
             committed="--committed"), given["name"]]
        ),
        "mc.diff/1", reads_only=True,
    ),
    Tool(
        "mc_conflicts", "Predict conflicts",
        "Which jobs would conflict, with their base or with one another: each is merged in memory.",
        (Param("names", "jobs", "Only what involves these jobs"),),
        lambda given: Call(["conflicts", "--json", "--", *given.get("names", [])]),
        "mc.conflicts/1", reads_only=True,
    ),
    Tool(
        "mc_sync", "Bring the base into a job",
        "Bring the latest of its base into a job. On a conflict the job is left as it was, and "
        "the files are listed.",
        (
            NAME,
            Param("strategy", "text", "How it comes in", choices=("rebase", "merge"),
                  default="rebase"),
            Param("source", "text", "The base as it is here, or fetched from its remote",
                  choices=("local", "origin"), default="local"),
            Param("autostash", "flag", "Carry over what a running agent has uncommitted",
                  default=False),
        ),
        lambda given: Call(
            ["sync", "--json", *options(given, strategy="--strategy", source="--source",
             autostash="--autostash"), "--", given["name"]]
        ),
        "mc.sync/1", repeatable=True, open_world=True,
    ),
    Tool(
        "mc_merge", "Merge a job",
        "Land a job's work on its base. It is merged in memory and tested first; on a conflict or "
        "a failing test nothing moves.",
        (
            NAME,
            LANDS,
            Param("squash", "flag", "Deprecated: use strategy"),
            Param("message", "text", "The merge commit's message. Default: made from the job"),
            Param("into", "text", "Land on this branch. Default: the job's base"),
            Param("test", "flag", "Test the merged files first, or do not. Default: where there "
                  "is a test command"),
        ),
        _merge, "mc.merge/1",
    ),
    Tool(
        "mc_merge_train", "Land many branches",
        "Land many jobs or branches in a row, tested many at once on what each would make of the "
        "target. Whoever breaks the tests or conflicts is left out, and the others land. Without "
        "names: all completed jobs that are of no plan.",
        (
            Param("names", "texts", "Jobs or branches, in the order in which they are to land"),
            Param("into", "text", "Land on this branch. Default: the jobs' base"),
            Param("test", "text", "What has to pass. Default: the setting testCommand"),
            Param("noTest", "flag", "Land without testing anything", default=False),
            Param("setup", "texts", "Commands that prepare each test worktree"),
            Param("timeout", "number", "Seconds that a test may take", least=0),
            Param("slots", "whole", "Tests at once", least=1),
            Param("every", "flag", "Test each branch's own prefix", default=False),
            LANDS,
            Param("retries", "whole", "How often a failure is tried again", least=0),
            Param("detach", "flag", "Start it, and leave it to run by itself", default=False),
        ),
        _merge_train, "mc.train/1", says_no=True, counts=True,
    ),
    Tool(
        "mc_pr", "Open a pull request",
        "Push a job's branch and open a pull request, or find and update the one that is open.",
        (
            NAME,
            Param("title", "text", "Its title. Default: the one commit's, or the prompt's"),
            Param("body", "text", "What it says. Default: template, prompt, report and commits"),
            Param("draft", "flag", "Open it as a draft", default=False),
            Param("base", "text", "Open it against this branch. Default: the job's base"),
        ),
        _pr, "mc.pr/1", repeatable=True, open_world=True,
    ),
    Tool(
        "mc_plan", "Start a plan",
        "Start jobs that depend on one another. Each job starts once those that it depends on "
        "have landed on the plan's integration branch; in the end it is pushed for review. "
        "autopilot does all by itself, copilot waits to be approved first, supervisor pauses at "
        "checkpoints.",
        (
            Param("name", "text", "The plan's name, and its pull request's title", required=True),
            Param("jobs", "objects", "The jobs", required=True, items=JOB_OF_PLAN),
            Param("mode", "text", "How much it asks", default="autopilot",
                  choices=("autopilot", "copilot", "supervisor")),
            PLACEMENT,
            Param("base", "text", "What it is for. Default: the current branch"),
            Param("test", "text", "What has to pass before anything lands"),
            Param("maxParallel", "whole", "Jobs at once", least=1),
            LANDS._replace(about="How its jobs land"),
            Param("noPr", "flag", "Push nothing in the end", default=False),
        ),
        _plan, "mc.plan/1", open_world=True, retold=by_parameter,
    ),
    Tool(
        "mc_plan_status", "Show a plan",
        "A plan's jobs and their states, what it waits for, and what would clear that.",
        (PLAN,), lambda given: Call(["plan", "status", "--json", *_which(given)]), "mc.plan/1",
        reads_only=True,
    ),
    Tool(
        "mc_plan_approve", "Approve a plan",
        "Start a copilot's plan, or clear the checkpoint that a plan waits at. One answer a call.",
        (
            Param("checkpoint", "text", "Which checkpoint: pre_merge, on_error or pre_pr, or with "
                  "a job as on_error:JOB. Default: the first that it waits at"),
            Param("retry", "job", "Do again what went wrong with this job"),
            Param("relaunch", "job", "Have this job's agent go on, told what went wrong"),
            Param("accept", "job", "Take this job's work as it is"),
            Param("skip", "job", "Go on without this job"),
            PLAN,
        ),
        _plan_approve, "mc.plan/1", open_world=True,
    ),
    Tool(
        "mc_plan_cancel", "Cancel a plan",
        "End a plan: its agents and its train. Branches with work in them are kept.",
        (
            PLAN,
            Param("deleteBranch", "flag", "Delete the integration branch too, salvaged first",
                  default=False),
        ),
        lambda given: Call(
            ["plan", "cancel", "--json", *options(given, deleteBranch="--delete"),
             *_which(given)]
        ),
        "mc.plan/1", destroys=True,
    ),
)  # fmt: skip
