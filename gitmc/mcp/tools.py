"""The table of tools: what each is called and takes, and which `git mc …` it runs. Pure.

Names, parameters and defaults are those that users of opencode-mission-control know. What is a
parameter here and none there has a command's option behind it. A value goes into one word with its
option (`--title=…`) or stands behind `--`, so none is ever taken for an option.
"""

from __future__ import annotations

from gitmc.mcp.jobs import JOBS
from gitmc.mcp.landing import LANDING

TOOLS = (*JOBS, *LANDING)

BY_NAME = {tool.name: tool for tool in TOOLS}

PREFIX = "mc_"
"""What the name of every tool begins with."""
