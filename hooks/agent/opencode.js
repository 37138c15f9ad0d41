// What opencode loads as a plugin for a job. It tells what the job's agent does by the script
// `signal`, and takes answers and prompts from files, so that no port has to be open for them.
//
//   $MC_ASKS/asks/<id>.json      what the agent asks a person: written here, gone once answered
//   $MC_ASKS/answers/<n>.json    {reply} or {answers} or {reject} to `ask`, or a {prompt}: taken away
//                                here once it is done; what went wrong is then in <n>.failed
//
// Only the root session speaks for the job, and of several the one that was prompted last: subagents
// have sessions of their own, whose turns end too. An error stands until the next prompt; opencode
// says `idle` after it as well. A request that is tried again is an error once it failed twice,
// until there is an answer. Nothing here may throw: opencode would show it to the user.
//
// A prompt that comes while a turn is about to end, as one does that failed, is kept by opencode but
// no turn takes it up. So it is given again, as the same message, when the session rests and no answer
// to it was begun; unless the user has stopped the agent since.
//
// A first prompt that tells it to read its prompt's file is made what the file says: outside of the
// worktree it may not read without asking.

import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from "node:fs"
import { join } from "node:path"

const RETRIES = 2
const TICK = 1000
const TIMES = 4

export const MissionControl = async ({ client }) => {
  const { MC_SIGNAL: signal, MC_ASKS: folder, MC_OPENCODE: first, MC_PROMPT_FILE: file } = process.env
  // An opencode that the agent itself starts inherits all that, and is not the job's.
  if (!signal || (first && first !== String(process.pid))) return {}
  process.env.MC_OPENCODE = String(process.pid)
  // It may be loaded more than once, and each is told of everything: they share what they know.
  const now = (globalThis.gitMissionControl ??= { failed: false, retrying: false })
  const children = (now.children ??= new Set())
  const asks = (now.asks ??= new Map())
  const given = (now.given ??= [])

  const quietly = (step) => {
    try {
      return step()
    } catch {
      return undefined
    }
  }

  const tell = (state, again = false) => {
    if (state === now.said && !again) return
    now.said = state
    spawnSync(signal, [state, now.root ?? ""], { stdio: "ignore", timeout: 5000 })
  }

  const prompted = (session) => {
    if (children.has(session)) return
    now.root = session
    now.failed = now.retrying = false
    if (!asks.size) tell("working", true)
  }

  const busy = () => {
    if (!asks.size && !now.failed && !now.retrying) tell("working")
  }

  const rested = (session) => {
    for (const [id, ask] of asks) if (ask.sessionID === session) answered(id)
    if (session !== now.root || asks.size || now.failed) return
    now.retrying = false
    tell("idle")
  }

  const asked = (kind, ask) => {
    asks.set(ask.id, ask)
    if (folder)
      quietly(() => {
        const path = join(folder, "asks", `${ask.id}.json`)
        writeFileSync(`${path}.new`, JSON.stringify({ kind, ...ask }), { mode: 0o600 })
        renameSync(`${path}.new`, path)
      })
    tell("waiting")
  }

  const answered = (id) => {
    asks.delete(id)
    if (folder) quietly(() => rmSync(join(folder, "asks", `${id}.json`), { force: true }))
  }

  const on = (type, about) => {
    const session = about.sessionID ?? about.info?.sessionID
    if (type === "session.created" || type === "session.updated") {
      const info = about.info ?? {}
      if (info.parentID) children.add(info.id)
      else if (type === "session.created" && now.root === undefined) prompted(info.id)
      return
    }
    if (type === "permission.asked") return asked("permission", about)
    if (type === "question.asked") return asked("question", about)
    if (/^(permission|question)\.(replied|rejected)$/.test(type)) {
      answered(about.requestID ?? about.permissionID ?? about.id)
      return busy()
    }
    if (session === undefined ? type !== "session.error" : children.has(session)) {
      if (type === "session.idle") rested(session)
      return
    }
    now.root ??= session
    if (session !== undefined && session !== now.root) return
    if (type === "session.error") {
      if (about.error?.name === "MessageAbortedError") return void given.splice(0)
      now.failed = true
      tell("error")
    } else if (type === "session.idle") again(session)
    else if (type === "message.updated" && about.info?.parentID) begun(about.info.parentID)
    else if (type === "session.status" && about.status?.type === "busy") busy()
    else if (type === "session.status" && about.status?.type === "retry") {
      if ((about.status.attempt ?? RETRIES) < RETRIES) return
      now.retrying = true
      tell("error")
    } else if (type === "message.part.delta" && now.retrying) {
      now.retrying = false
      busy()
    }
  }

  // The client of plugins has no names yet for the newest of these.
  const post = async (url, body) => {
    const done = await client._client.post({ url, body, headers: { "Content-Type": "application/json" } })
    if (!done.response?.ok) throw new Error(`${url}: ${JSON.stringify(done.error ?? done.response?.status)}`)
  }

  const prompt = (session, body) => post(`/session/${session}/prompt_async`, body)

  const whole = (parts) => {
    for (const part of parts)
      if (file && part.text === `Read ${file} and do what it says.`) part.text = readFileSync(file, "utf8")
  }

  const kept = (parts) => {
    for (const { id, messageID, text } of parts) {
      const one = given.find((one) => one.message === undefined && one.text === text)
      if (one) Object.assign(one, { message: messageID, part: id })
    }
  }

  // An answer is to the last message that it found, and to all before that; their names ascend.
  const begun = (message) => {
    const rest = given.filter((one) => one.message === undefined || one.message > message)
    given.splice(0, given.length, ...rest)
  }

  const again = (session) => {
    const left = given.filter((one) => one.message !== undefined && one.times++ < TIMES)
    if (!left.length) return rested(session)
    for (const { message, part, text } of left) {
      const body = { messageID: message, parts: [{ id: part, type: "text", text }] }
      prompt(session, body).catch(() => {
        begun(message)
        rested(session)
      })
    }
  }

  const give = async ({ ask, reply, answers, reject, message, prompt: text }) => {
    if (text !== undefined) {
      if (now.root === undefined) throw new Error("there is no session yet")
      const one = { text, times: 0 }
      given.push(one)
      return prompt(now.root, { parts: [{ type: "text", text }] }).catch((fault) => {
        given.splice(given.indexOf(one), 1)
        throw fault
      })
    }
    if (!asks.has(ask)) throw new Error("that is not asked any more")
    if (reply) return post(`/permission/${ask}/reply`, { reply, ...(message ? { message } : {}) })
    return reject ? post(`/question/${ask}/reject`, {}) : post(`/question/${ask}/reply`, { answers })
  }

  const take = async (name) => {
    const path = join(folder, "answers", name)
    const taken = `${path}.taken`
    try {
      renameSync(path, taken)
    } catch {
      return
    }
    try {
      await give(JSON.parse(readFileSync(taken, "utf8")))
    } catch (fault) {
      quietly(() => writeFileSync(path.replace(/json$/, "failed"), fault.message, { mode: 0o600 }))
    }
    quietly(() => rmSync(taken, { force: true }))
  }

  let watcher, tick
  if (folder)
    quietly(() => {
      for (const one of ["asks", "answers"]) mkdirSync(join(folder, one), { recursive: true, mode: 0o700 })
      const box = join(folder, "answers")
      const look = () => quietly(() => readdirSync(box).filter((name) => name.endsWith(".json")).forEach(take))
      watcher = watch(box, look)
      // For what the watcher misses; it is not what keeps opencode alive.
      tick = setInterval(look, TICK)
      tick.unref?.()
      look()
    })

  return {
    dispose: async () => {
      watcher?.close()
      clearInterval(tick)
    },
    "chat.message": async ({ sessionID }, { parts = [] } = {}) =>
      quietly(() => {
        prompted(sessionID)
        if (sessionID === now.root) kept(parts)
        quietly(() => whole(parts))
      }),
    event: async ({ event }) => quietly(() => on(event.type, event.properties ?? {})),
  }
}
