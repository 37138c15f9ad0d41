"""The four languages in which agents speak with models: how a request reads, what an answer says.

Pure. An answer is a list of parts to be sent one after the other; what stands before its middle can
be sent, and the rest held back, which is an answer that stays in the middle of its stream.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Json = Any
"""What a JSON text holds."""


class Asked(NamedTuple):
    """A request: who says what, and which tools the model may call."""

    language: str
    users: tuple[str, ...]
    """What the user said, message by message; results of tools are elsewhere."""
    results: tuple[str, ...]
    """What the tools have answered so far."""
    tools: tuple[str, ...]
    system: str
    stream: bool
    schema: Json
    """What the answer has to look like, where it is to be JSON; else None."""

    @property
    def side(self) -> bool:
        """Whether it is one that a program makes for itself: for a title, a quota, a choice."""
        return not self.tools


class Said(NamedTuple):
    """An answer: words, and a call of a tool after them."""

    text: str
    tool: str | None = None
    arguments: Mapping[str, Json] = {}


class Stream(NamedTuple):
    """An answer as it goes over the wire: `before` its middle, and after it."""

    before: tuple[bytes, ...]
    after: tuple[bytes, ...]


USAGE = 7
"""Tokens, as the answers count them."""


def language(path: str) -> str | None:
    """The language of a request to `path`, or None where it is none of a model's."""
    path = path.partition("?")[0]
    for ending, name in (
        ("/chat/completions", "chat"),
        ("/responses", "responses"),
        ("/messages", "anthropic"),
        (":streamGenerateContent", "gemini"),
        (":generateContent", "gemini"),
    ):
        if path.endswith(ending):
            return name
    return None


def read(name: str, path: str, body: Json) -> Asked:
    """The request in `body`."""
    return _READERS[name](path, body)


def whole(asked: Asked, said: Said, number: int) -> Json:
    """The answer in one piece, the `number`th."""
    return _WHOLES[asked.language](said, number)


def stream(asked: Asked, said: Said, number: int) -> Stream:
    """The answer as events, the `number`th."""
    return _STREAMS[asked.language](said, number)


def failure(name: str, status: int, message: str) -> Json:
    """The body of an answer with an error's status."""
    if name == "anthropic":
        kind = "overloaded_error" if status >= 500 else "invalid_request_error"
        return {"type": "error", "error": {"type": kind, "message": message}}
    if name == "gemini":
        kind = "UNAVAILABLE" if status >= 500 else "INVALID_ARGUMENT"
        return {"error": {"code": status, "message": message, "status": kind}}
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def instance(schema: Json) -> Json:
    """The least that `schema` allows."""
    if not isinstance(schema, dict):
        return "a"
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            return instance(schema[choice][0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = (kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        return {key: instance(one) for key, one in schema.get("properties", {}).items()}
    return {"array": [], "number": 1, "integer": 1, "boolean": False, "null": None}.get(kind, "a")


def _texts(content: Json) -> str:
    if isinstance(content, str):
        return content
    parts = [part if isinstance(part, str) else part.get("text") for part in content or ()]
    return "\n".join(part for part in parts if isinstance(part, str))


def _read_chat(path: str, body: Json) -> Asked:
    said = body.get("messages", [])
    told = {
        role: tuple(_texts(one.get("content")) for one in said if one.get("role") in role)
        for role in (("user",), ("tool",), ("system", "developer"))
    }
    form = body.get("response_format") or {}
    return Asked(
        "chat",
        told["user",],
        told["tool",],
        tuple(tool["function"]["name"] for tool in body.get("tools") or ()),
        "\n".join(told["system", "developer"]),
        bool(body.get("stream")),
        (form.get("json_schema") or {}).get("schema"),
    )


def _read_responses(path: str, body: Json) -> Asked:
    given = body.get("input") or []
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    results = (one.get("output") for one in items if one.get("type", "").endswith("_call_output"))
    form = (body.get("text") or {}).get("format") or {}
    system = [body.get("instructions") or ""]
    system += [_texts(i["content"]) for i in items if i.get("role") in ("developer", "system")]
    tools = [
        inner.get("name", inner.get("type", ""))
        for tool in body.get("tools") or ()
        for inner in (tool.get("tools") or [tool])
    ]
    return Asked(
        "responses",
        tuple(_texts(one["content"]) for one in items if one.get("role") == "user"),
        tuple(_texts(one) for one in results),
        tuple(tools),
        "\n".join(system),
        bool(body.get("stream")),
        form.get("schema"),
    )


def _read_anthropic(path: str, body: Json) -> Asked:
    users, results, system = [], [], [_texts(body.get("system"))]
    for one in body.get("messages", []):
        if one["role"] == "system":
            system.append(_texts(one["content"]))
        if one["role"] != "user":
            continue
        content = one["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        answers = [part for part in parts if part.get("type") == "tool_result"]
        results += [_texts(part.get("content")) for part in answers]
        if text := _texts([part for part in parts if part.get("type") == "text"]):
            users.append(text)
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return Asked(
        "anthropic",
        tuple(users),
        tuple(results),
        tuple(tool["name"] for tool in body.get("tools") or ()),
        "\n".join(system),
        bool(body.get("stream")),
        form.get("schema"),
    )


def _read_gemini(path: str, body: Json) -> Asked:
    users, results = [], []
    for one in body.get("contents", []):
        parts = one.get("parts") or []
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        results += [json.dumps(answer.get("response")) for answer in answers]
        if one.get("role", "user") == "user" and (text := _texts(parts)):
            users.append(text)
    config = body.get("generationConfig") or {}
    tools = [
        declared["name"]
        for tool in body.get("tools") or ()
        for declared in tool.get("functionDeclarations") or ()
    ]
    return Asked(
        "gemini",
        tuple(users),
        tuple(results),
        tuple(tools),
        _texts((body.get("systemInstruction") or {}).get("parts")),
        ":streamGenerateContent" in path,
        config.get("responseJsonSchema") or config.get("responseSchema"),
    )


def _event(data: Json, name: str | None = None) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _chat_call(said: Said, number: int) -> list[Json]:
    if said.tool is None:
        return []
    function = {"name": said.tool, "arguments": json.dumps(said.arguments)}
    return [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]


_CHAT_USAGE = {"prompt_tokens": USAGE, "completion_tokens": USAGE, "total_tokens": 2 * USAGE}


def _chat(said: Said, number: int) -> Json:
    calls = _chat_call(said, number)
    message = {"role": "assistant", "content": said.text}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": number,
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "message": message | ({"tool_calls": calls} if calls else {}),
                "finish_reason": "tool_calls" if calls else "stop",
            }
        ],
        "usage": _CHAT_USAGE,
    }


def _chat_stream(said: Said, number: int) -> Stream:
    def chunk(delta: Json, finish: str | None = None, **more: Json) -> bytes:
        head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": number}
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return _event(head | {"model": "scripted", "choices": choices} | more)

    first, rest = _halves(said.text)
    calls = _chat_call(said, number)
    return Stream(
        (chunk({"role": "assistant", "content": first}),),
        (
            chunk({"content": rest}),
            *([chunk({"tool_calls": calls})] if calls else []),
            chunk({}, "tool_calls" if calls else "stop", usage=_CHAT_USAGE),
            b"data: [DONE]\n\n",
        ),
    )


def _response_items(said: Said, number: int) -> list[Json]:
    content = [{"type": "output_text", "text": said.text, "annotations": []}]
    items: list[Json] = [
        {
            "type": "message",
            "id": f"msg_{number}",
            "role": "assistant",
            "status": "completed",
            "content": content,
        }
    ]
    if said.tool is not None:
        items.append(
            {
                "type": "function_call",
                "id": f"fc_{number}",
                "call_id": f"call_{number}",
                "name": said.tool,
                "arguments": json.dumps(said.arguments),
                "status": "completed",
            }
        )
    return items


def _response(said: Said, number: int) -> Json:
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": number,
        "model": "scripted",
        "status": "completed",
        "output": _response_items(said, number),
        "usage": {
            "input_tokens": USAGE,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": USAGE,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 2 * USAGE,
        },
    }


def _response_stream(said: Said, number: int) -> Stream:
    count = iter(range(1000))

    def event(kind: str, **more: Json) -> bytes:
        return _event({"type": kind, "sequence_number": next(count)} | more, kind)

    done = _response(said, number)
    begun = done | {"status": "in_progress", "output": [], "usage": None}
    message, *calls = done["output"]
    where = {"item_id": message["id"], "output_index": 0, "content_index": 0}
    first, rest = _halves(said.text)
    empty = message | {"status": "in_progress", "content": []}
    part = message["content"][0]
    before = (
        event("response.created", response=begun),
        event("response.output_item.added", output_index=0, item=empty),
        event("response.content_part.added", **where, part=part | {"text": ""}),
        event("response.output_text.delta", **where, delta=first),
    )
    after = [
        event("response.output_text.delta", **where, delta=rest),
        event("response.output_text.done", **where, text=said.text),
        event("response.content_part.done", **where, part=part),
        event("response.output_item.done", output_index=0, item=message),
    ]
    for item in calls:
        open_item = item | {"arguments": "", "status": "in_progress"}
        there = {"item_id": item["id"], "output_index": 1}
        words = item["arguments"]
        after += [
            event("response.output_item.added", output_index=1, item=open_item),
            event("response.function_call_arguments.delta", **there, delta=words),
            event("response.function_call_arguments.done", **there, arguments=words),
            event("response.output_item.done", output_index=1, item=item),
        ]
    after.append(event("response.completed", response=done))
    return Stream(before, tuple(after))


def _anthropic(said: Said, number: int) -> Json:
    content: list[Json] = [{"type": "text", "text": said.text}]
    if said.tool is not None:
        call = {"id": f"toolu_{number}", "name": said.tool, "input": dict(said.arguments)}
        content.append({"type": "tool_use"} | call)
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": content,
        "stop_reason": "end_turn" if said.tool is None else "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": USAGE, "output_tokens": USAGE},
    }


def _anthropic_stream(said: Said, number: int) -> Stream:
    def event(kind: str, **more: Json) -> bytes:
        return _event({"type": kind} | more, kind)

    def delta(index: int, kind: str, **more: Json) -> bytes:
        return event("content_block_delta", index=index, delta={"type": kind} | more)

    done = _anthropic(said, number)
    begun = done | {"content": [], "stop_reason": None}
    first, rest = _halves(said.text)
    before = (
        event("message_start", message=begun),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        delta(0, "text_delta", text=first),
    )
    after = [delta(0, "text_delta", text=rest), event("content_block_stop", index=0)]
    for call in done["content"][1:]:
        after += [
            event("content_block_start", index=1, content_block=call | {"input": {}}),
            delta(1, "input_json_delta", partial_json=json.dumps(call["input"])),
            event("content_block_stop", index=1),
        ]
    end = {"stop_reason": done["stop_reason"], "stop_sequence": None}
    after += [
        event("message_delta", delta=end, usage={"output_tokens": USAGE}),
        event("message_stop"),
    ]
    return Stream(before, tuple(after))


def _gemini(said: Said, number: int, *, last: bool = True) -> Json:
    parts: list[Json] = [{"text": said.text}] if said.text else []
    if said.tool is not None:
        parts.append({"functionCall": {"name": said.tool, "args": dict(said.arguments)}})
    usage = {"promptTokenCount": USAGE, "candidatesTokenCount": USAGE, "totalTokenCount": 2 * USAGE}
    end = {"finishReason": "STOP"} if last else {}
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0} | end
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "scripted"}


def _gemini_stream(said: Said, number: int) -> Stream:
    first, rest = _halves(said.text)
    return Stream(
        (_event(_gemini(Said(first), number, last=False)),),
        (_event(_gemini(said._replace(text=rest), number)),),
    )


_READERS: Mapping[str, Callable[[str, Json], Asked]] = {
    "chat": _read_chat,
    "responses": _read_responses,
    "anthropic": _read_anthropic,
    "gemini": _read_gemini,
}
_WHOLES: Mapping[str, Callable[[Said, int], Json]] = {
    "chat": _chat,
    "responses": _response,
    "anthropic": _anthropic,
    "gemini": _gemini,
}
_STREAMS: Mapping[str, Callable[[Said, int], Stream]] = {
    "chat": _chat_stream,
    "responses": _response_stream,
    "anthropic": _anthropic_stream,
    "gemini": _gemini_stream,
}

SHELLS: Mapping[str, Callable[[str], Mapping[str, Json]]] = {
    "bash": lambda line: {"command": line, "description": "runs a line"},
    "Bash": lambda line: {"command": line, "description": "runs a line"},
    "exec_command": lambda line: {"cmd": line},
    "shell_command": lambda line: {"command": line},
    "shell": lambda line: {"command": ["sh", "-c", line]},
    "run_shell_command": lambda line: {"command": line, "description": "runs a line"},
}
"""By the name of an agent's tool that runs a line of shell: what it is called with."""


def shell(tools: Sequence[str], line: str) -> Said:
    """A call of whichever of `tools` runs a line of shell."""
    for name, arguments in SHELLS.items():
        if name in tools:
            return Said("Running it.", name, arguments(line))
    raise AssertionError(f"none of these tools is known to run a line: {sorted(tools)}")
