// git mc in opencode: a plugin for your own session, one file without dependencies.
//
// It brings the tools of `git mc mcp` (mc_launch …), the commands /mc,
// /mc-jobs …, and news: what becomes of jobs is shown as a toast, and told to the session that last
// had to do with them once that rests. `git mc install opencode` puts it in place.
//
// Most commands are answered here, without the model, in a message that the model does not see. News
// come from one `git mc jobs --watch`, which lives as long as this does; nothing is asked again and
// again. Inside a job there are only the tools that are for its agent. Nothing here may throw but by
// intent: opencode would show it.

import { execFile, spawn, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"

const SERVER = { type: "local", command: ["git", "mc", "mcp", "--plain-names"], enabled: true }
// Opencode puts it, and `_`, before the name of each tool: hence the plain names.
const NAME = "mc"

const QUIET = 5 * 60 * 1000
const SHOWN = 8000
const LONGEST = 20000
const HANDLED = "git mc has answered"

const words = (text) => text.trim().split(/\s+/).filter(Boolean)
const operands = (text) => ["--", ...words(text)]

// By command: what it is for, what `git mc` is told, or else what the model is.
const COMMANDS = {
  mc: { about: "What runs, what is done, what to do next", run: () => ["overview"] },
  "mc-jobs": { about: "List the jobs", run: (text) => ["jobs", ...operands(text)] },
  "mc-status": { about: "Show everything about a job", needs: "JOB", run: (text) => ["status", ...operands(text)] },
  "mc-attach": {
    about: "How to get to a job's terminal",
    needs: "JOB",
    run: (text) => ["attach", "--print", ...operands(text)],
  },
  "mc-capture": {
    about: "Show the last lines of a job's terminal",
    needs: "JOB [LINES]",
    run: (text) => {
      const [job, lines = "40"] = words(text)
      return ["capture", `--lines=${lines}`, "--", job]
    },
  },
  "mc-diff": {
    about: "Show which files a job has changed",
    needs: "JOB",
    run: (text) => ["diff", "--stat", words(text)[0]],
  },
  "mc-approve": {
    about: "Go on with a plan that waits for you",
    run: (text) => ["plan", "approve", ...operands(text)],
  },
  "mc-cleanup": {
    about: "Remove finished jobs: those named, or all",
    run: (text) => (words(text).length ? ["cleanup", ...operands(text)] : ["cleanup", "--all"]),
  },
  "mc-launch": {
    about: "Start an agent on a task of its own",
    template:
      "Start a job with the tool mc_launch for the task below. Choose a short name. Write a prompt " +
      "that stands for itself, since the agent knows nothing of this session; then say what was " +
      "started, and do not do the task yourself.\n\n$ARGUMENTS",
  },
  "mc-plan": {
    about: "Split a task into jobs that depend on one another",
    template:
      "Plan the task below as jobs that run at the same time where they can, in files of their " +
      "own where possible, each with a prompt that stands for itself and dependsOn where one needs " +
      "what another made. Start it with the tool mc_plan, in the mode copilot unless told " +
      "otherwise, then show it with mc_plan_status.\n\n$ARGUMENTS",
  },
}

// What the model is told where a command cannot be answered without it.
const asked = (words) => `Run the command \`git mc ${words}\` and show what it prints, nothing else.`

const ENDED = { completed: "success", failed: "error", conflict: "warning", needs_rebase: "warning", merged: "success" }
const WANTING = { blocked: "is blocked", needs_review: "wants a review" }

// What there is to tell of a job that was so before, and is so now: [text, variant], or nothing.
const news = (before, job) => {
  const words = [job.report?.message, job.reason]
  const said = (["completed", "running"].includes(job.state) ? words : words.reverse()).find(Boolean)
  const tail = said ? `: ${said}` : ""
  if (job.state !== before.state)
    return ENDED[job.state] && [`${job.name} is ${job.state.replaceAll("_", " ")}${tail}`, ENDED[job.state]]
  if (job.state !== "running") return undefined
  const { status, at } = job.report ?? {}
  if (WANTING[status] && at !== before.report?.at) return [`${job.name} ${WANTING[status]}${tail}`, "warning"]
  if (job.activity?.state === "waiting" && before.activity?.state !== "waiting")
    return [`${job.name} waits for you: git mc answer ${job.name}`, "warning"]
  return undefined
}

const card = (job) => {
  const told = job.report ? `; ${job.report.status}: ${job.report.message}` : ""
  const doing = job.state === "running" && job.activity ? `, ${job.activity.state}` : ""
  return `- ${job.name} (${job.state}${doing}) on ${job.branch}${told}`
}

// The folder of git mc in this repository; nothing outside of one, or where no one is needed.
const look = (folder) => {
  const asked = ["rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir"]
  const { status, stdout } = spawnSync("git", asked, { cwd: folder, encoding: "utf8" })
  if (status !== 0) return undefined
  const [own, common] = stdout.split("\n")
  return { root: join(common, "mission-control"), inside: Boolean(process.env.MC_JOB) || existsSync(join(own, "mc-job")) }
}

// By folder: which of the files that this may be in is at work there. Opencode loads one that is
// installed for the user, one for the project, and calls them one after the other; what comes second
// steps back. It also calls one file anew before it is done with the call before.
const AT_WORK = (globalThis[Symbol.for("git-mc at work")] ??= new Map())
const FILE = new URL(import.meta.url).pathname

const claim = (directory) => {
  const mine = { file: FILE }
  if ((AT_WORK.get(directory) ?? mine).file !== FILE) return undefined
  AT_WORK.set(directory, mine)
  return () => AT_WORK.get(directory) === mine && AT_WORK.delete(directory)
}

export const GitMissionControl = async ({ client, directory }) => {
  const place = look(directory)
  if (!place) return {}

  const config = async (settings) => {
    settings.mcp = { [NAME]: SERVER, ...settings.mcp }
    if (place.inside) return
    const commands = Object.entries(COMMANDS).map(([name, { about, template }]) => {
      const own = template ?? asked(`${name.replace(/^mc-?/, "")} $ARGUMENTS`)
      return [name, { description: about, template: own }]
    })
    settings.command = { ...Object.fromEntries(commands), ...settings.command }
  }
  if (place.inside) return { config }
  const release = claim(directory)
  if (!release) return {}

  const now = { jobs: undefined, child: undefined, session: undefined, untold: [], toasted: 0 }
  const parents = new Map()

  const quietly = async (step) => {
    try {
      return await step()
    } catch {
      return undefined
    }
  }

  const toast = (message, variant = "info", duration = SHOWN) =>
    quietly(() => client.tui.showToast({ body: { title: "git mc", message, variant, duration } }))

  // Whether it was written: opencode's client tells of a fault, or throws it.
  const write = async (session, text, ignored) => {
    const done = await quietly(() =>
      client.session.prompt({
        path: { id: session },
        body: { noReply: true, parts: [{ type: "text", text, ignored, synthetic: !ignored }] },
      }),
    )
    return done !== undefined && !done.error
  }

  const hear = (line) => {
    const { jobs } = JSON.parse(line)
    const before = now.jobs
    now.jobs = new Map(jobs.map((job) => [job.name, job]))
    if (!before) return
    for (const job of jobs) {
      const one = news(before.get(job.name) ?? {}, job)
      if (!one) continue
      toast(...one)
      if (now.session) now.untold.push(one[0])
    }
  }

  // Where git mc was never used there is nothing to hear, and nothing is made to hear it.
  const listen = () => {
    if (now.child || !existsSync(place.root)) return
    const child = spawn("git", ["mc", "jobs", "--watch", "--json"], {
      cwd: directory,
      stdio: ["ignore", "pipe", "ignore"],
    })
    now.child = child
    child.on("error", () => {})
    child.on("close", () => (now.child = undefined))
    createInterface({ input: child.stdout }).on("line", (line) => quietly(() => hear(line)))
  }

  const rested = async (session) => {
    listen()
    if (session === now.session && now.untold.length) {
      const told = now.untold.splice(0)
      const lines = told.map((line) => `- ${line}`).join("\n")
      const written = await write(session, `What became of jobs of git mc meanwhile:\n${lines}`, false)
      if (!written) now.untold.unshift(...told)
    }
    const running = [...(now.jobs?.values() ?? [])].filter((job) => job.state === "running")
    if (!running.length || Date.now() - now.toasted < QUIET) return
    now.toasted = Date.now()
    const names = running.map((job) => (job.activity ? `${job.name} (${job.activity.state})` : job.name))
    await toast(`${running.length} ${running.length === 1 ? "job runs" : "jobs run"}: ${names.join(", ")}`)
  }

  const root = (session) => {
    while (parents.has(session)) session = parents.get(session)
    return session
  }

  const on = async (type, about) => {
    if (type === "session.created" && about.info?.parentID) parents.set(about.info.id, about.info.parentID)
    else if (type === "session.idle" && !parents.has(about.sessionID)) await rested(about.sessionID)
  }

  const mc = (argv) =>
    new Promise((done) => {
      const options = { cwd: directory, encoding: "utf8", maxBuffer: 1 << 24 }
      execFile("git", ["mc", ...argv], options, (_fault, stdout, stderr) => {
        const text = [stdout, stderr].map((part) => part.trimEnd()).filter(Boolean).join("\n")
        done(text.length > LONGEST ? `${text.slice(0, LONGEST)}\n…` : text || "done")
      })
    })

  const answer = async ({ command, sessionID, arguments: text = "" }) => {
    const { run, needs } = COMMANDS[command] ?? {}
    now.session = COMMANDS[command] ? root(sessionID) : now.session
    if (!run) return
    const said = needs && !words(text).length ? `use: /${command} ${needs}` : await mc(run(text))
    listen()
    await write(sessionID, `\`\`\`\n${said}\n\`\`\``, true)
    // There is no other way to keep a command from the model.
    throw new Error(HANDLED)
  }

  listen()
  return {
    config,
    dispose: async () => {
      release()
      now.child?.kill()
    },
    event: ({ event }) => quietly(() => on(event.type, event.properties ?? {})),
    "tool.execute.after": async ({ tool, sessionID }) => {
      if (!tool.startsWith(`${NAME}_`)) return
      now.session = root(sessionID)
      listen()
    },
    "command.execute.before": answer,
    "experimental.session.compacting": async (_session, output) => {
      const live = [...(now.jobs?.values() ?? [])].filter((job) => job.state !== "merged")
      if (!live.length) return
      output.context.push(
        `Jobs of git mc in this repository, each an agent in a worktree of its own (tools: mc_overview, ` +
          `mc_status, mc_wait, mc_diff, mc_merge):\n${live.map(card).join("\n")}`,
      )
    },
  }
}
