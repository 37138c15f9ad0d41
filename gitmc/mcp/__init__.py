"""The tools of git mc for agents: a server of the Model Context Protocol on stdin and stdout.

Each call of a tool runs `git mc …` as a process of its own, with `--json` where there is such, and
answers with what that printed. It is never done in the server itself, though that would save the
start of a process (some 80 ms), because

- commands are written as processes: they end by signals, take locks that belong to their pid,
  become other programs, and have hooks and set-up commands write where they please. Here, stdout
  is the protocol's alone;
- a call that is canceled ends as Ctrl-C ends the command, which is the way out that each command
  has and that is tested, where a thread cannot be ended at all;
- there is one contract, that of the command line, so a tool cannot drift from its command;
- what a defect or a library takes with it is one call, and the server stays small.

`tools` is the table of tools: what each takes, and which words that makes. `words` says a document
in lines, `progress` how far a command is, and `faults` which parameter a fault is in. They are
pure, and need no library. `child` runs one command, which ends with us by `bound`; `server` speaks
the protocol, and is the only module that imports the library for it.
"""
