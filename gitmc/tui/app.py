"""The screen itself."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen as Board
from textual.widgets import Static

from gitmc.control.fuzzy import Found, Fuzzy
from gitmc.control.peek import Peek, Screen
from gitmc.errors import McError
from gitmc.model.ask import Ask
from gitmc.model.job import Job
from gitmc.model.picker import Act, Mode, Picker, moved, press, ranked, to_answer, updated
from gitmc.model.screen import tail
from gitmc.tui.feed import Feed, Latest, Seen, see
from gitmc.tui.parts import Parts, Size

PANES = ("terminal", "diff", "plan", "train")
KEYS = {"pageup": "page up", "pagedown": "page down", "shift+tab": "backtab"}
"""What the picker calls a key, where that is another name."""

SMALL = 9
"""Lines of a screen on which there is no room but for the list."""

WIDE = 150
"""Columns with which list and pane stand side by side."""


class Dash(App[Job]):
    """Exits with the job to go to, if one was chosen."""

    CSS = """
    Screen { layout: vertical; }
    Static { height: auto; width: 100%; }
    #middle { height: 1fr; layout: vertical; }
    #pane { height: 1fr; width: 1fr; scrollbar-size-vertical: 1; }
    """
    ENABLE_COMMAND_PALETTE = False
    # The keys that textual would leave by are ours, as all others.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(self, folder: Path, parts: Parts) -> None:
        super().__init__(ansi_color=True)
        self._folder, self._parts = folder, parts
        self.picker = Picker(mode=Mode.KEYS)
        self.interrupted = False
        self.fault: BaseException | None = None
        """What the screen broke at; whoever ran it says so."""
        self._filtering = False
        self._pane = PANES[0]
        self._screen_of: Screen | None = None
        self._diff = ("", "")
        self._seen = Seen([], "", "", "")
        self._trouble = ""
        self._drawable = False
        self._feed = Feed()
        self._peek = Peek(folder, lambda screen: self._feed.post(lambda: self._peeked(screen)))
        self._fuzzy = Fuzzy(lambda *found: self._feed.post(lambda: self._found(*found)))
        self._differ = Latest(
            folder, parts.diff, lambda *found: self._feed.post(lambda: self._compared(*found))
        )

    def get_default_screen(self) -> Board[None]:
        return Front()

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._feed.bell, self._hear)
        loop.add_signal_handler(signal.SIGTERM, self.action_interrupt)
        # Either would print a trace over the screen, and go on without what broke.
        loop.set_exception_handler(lambda _loop, told: self._broke(told.get("exception")))
        threading.excepthook = lambda told: self._feed.post(lambda: self._broke(told.exc_value))
        threading.Thread(target=self._follow, daemon=True).start()

    def close(self) -> None:
        """Let go of the agent that is listened to, and of fzf."""
        self._fuzzy.close()
        self._peek.close()

    def _broke(self, error: BaseException | None) -> None:
        self.fault = self.fault or error
        self.exit()

    def _fatal_error(self) -> None:
        """In place of textual's: it prints a trace with all variables, for who wrote the code."""
        self.fault = self.fault or self._exception
        self._close_messages_no_wait()

    def action_leave(self) -> None:
        self.exit()

    def action_interrupt(self) -> None:
        self.interrupted = True
        self.exit()

    def _hear(self) -> None:
        self._feed.hear()
        self.draw()

    def _follow(self) -> None:
        try:
            see(self._folder, self._parts, lambda seen: self._feed.post(lambda: self._told(seen)))
        except (McError, OSError) as fault:
            why = f"the list stands still: {fault}"
            self._feed.post(lambda: self._fail(why))

    def _told(self, seen: Seen) -> None:
        self._seen, self._trouble = seen, seen.trouble
        self.picker = updated(self.picker, seen.jobs)
        self._compare()

    def _found(self, query: str, found: Found) -> None:
        self.picker = ranked(self.picker, query, found)
        self._compare()

    def _fail(self, why: str) -> None:
        self._trouble = why

    def _peeked(self, screen: Screen) -> None:
        self._screen_of = screen

    def _compared(self, name: str, text: str) -> None:
        self._diff = (name, text)

    def _compare(self) -> None:
        if self._pane == "diff" and self.picker.job is not None:
            self._differ.ask(self.picker.job)

    def show_pane(self, pane: str) -> None:
        """Show another pane, from its beginning."""
        self._pane = pane
        self.query_one("#pane", VerticalScroll).scroll_home(animate=False)
        self._compare()

    def pressed(self, key: str, text: str) -> None:
        """Do what a key is for."""
        if self.picker.mode is Mode.KEYS and not self._filtering and self._own(key, text):
            self.draw()
            return
        before = self.picker.at
        name = "text" if text else KEYS.get(key, key.replace("ctrl+", "ctrl-"))
        if self._filtering and name in ("enter", "escape", "tab"):
            self._filter_over(name)
        else:
            self.picker, act = press(self.picker, name, text)
            if act is not None:
                self._act(act)
            if self.picker.mode is Mode.LIST and not self._filtering:
                self.picker = self.picker._replace(mode=Mode.KEYS)
        if self.picker.at != before:
            self._compare()
        self.draw()

    def _own(self, key: str, text: str) -> bool:
        """Whether the key is one of the screen, and not of the list; then it is done."""
        pane = self.query_one("#pane", VerticalScroll)
        if text == "/":
            self._filtering = True
            self.picker = self.picker._replace(mode=Mode.LIST, said="")
        elif text == "d":
            self.show_pane("diff" if self._pane != "diff" else PANES[0])
        elif text in "1234" and text:
            self.show_pane(PANES[int(text) - 1])
        elif key in ("tab", "shift+tab"):
            by = 1 if key == "tab" else -1
            self.show_pane(PANES[(PANES.index(self._pane) + by) % len(PANES)])
        elif key in ("pageup", "pagedown"):
            (pane.scroll_page_up if key == "pageup" else pane.scroll_page_down)(animate=False)
        elif key == "escape":
            # Not the way out, as it is from a list that was called up for one choice.
            self._unfilter()
        else:
            return False
        return True

    def _filter_over(self, name: str) -> None:
        self._filtering = False
        self.picker = self.picker._replace(mode=Mode.KEYS)
        if name == "escape":
            self._unfilter()

    def _unfilter(self) -> None:
        if self.picker.query:
            self.picker, _ = press(self.picker._replace(mode=Mode.LIST), "escape", "")
        self.picker = self.picker._replace(mode=Mode.KEYS, said="")

    def _act(self, act: Act) -> None:
        if act.verb == "quit":
            self.exit()
        elif act.verb == "interrupt":
            self.action_interrupt()
        elif act.verb == "attach":
            self.exit(next(job for job in self.picker.jobs if job.name == act.job))
        else:
            self.picker = self.picker._replace(said=f"{act.verb} {act.job} …")
            threading.Thread(target=self._work_apart, args=(act,), daemon=True).start()

    def _work_apart(self, act: Act) -> None:
        if act.verb == "asked":
            found = self._parts.find_ask(act.job)
            self._feed.post(lambda: self._asked(act.job, found))
        else:
            told = self._parts.do(act)
            self._feed.post(lambda: self._say(told))

    def _asked(self, job: str, found: Ask | str) -> None:
        if isinstance(found, str):
            self._say(found)
        elif not self._filtering:
            self.picker = to_answer(self.picker._replace(said=""), job, found)

    def _say(self, told: str) -> None:
        self.picker = self.picker._replace(said=told)

    def choose(self, line: int) -> None:
        """Choose the job on that line of the list."""
        size = self._list_size()
        at = self._parts.first(self.picker, size) + line
        if self.picker.mode in (Mode.KEYS, Mode.LIST) and at < len(self.picker.shown):
            self.picker = moved(self.picker, self.picker.shown[at].name)
            self._compare()
            self.draw()

    def _list_size(self) -> Size:
        width, height = self.size
        if width >= WIDE and height > SMALL:
            return Size(width // 2, max(1, height - 3))
        room = height - 3 if height <= SMALL else max(3, height * 2 // 5)
        return Size(width, max(1, min(len(self.picker.shown) or 1, room)))

    def begin(self) -> None:
        """All parts of the screen are there; news may have come before."""
        self._drawable = True
        self.draw()

    def draw(self) -> None:
        """Draw all anew; textual sends to the terminal what is another only."""
        width, height = self.size
        if not self.is_running or not self._drawable or not width:
            return
        self._peek.look(self.picker.job)
        self._fuzzy.look(self.picker.sought)
        size = self._list_size()
        wide, small = width >= WIDE and height > SMALL, height <= SMALL
        middle = self.query_one("#middle")
        middle.styles.layout = "horizontal" if wide else "vertical"
        jobs = self.query_one("#jobs", Jobs)
        jobs.styles.width = size.width
        self._put("#head", [self._parts.head(self.picker)])
        self._put("#jobs", self._parts.rows(self.picker, size))
        asked = self._parts.asked(self.picker, width)
        self.query_one("#asked").display = bool(asked)
        self._put("#asked", asked)
        self._put("#foot", [self._parts.foot(self.picker, self._trouble, width)])
        self.query_one("#tabs").display = self.query_one("#pane").display = not small
        if not small:
            self._put("#tabs", [self._tabs(width)])
            self._put("#shown", self._shown())

    def _put(self, place: str, lines: list[str]) -> None:
        self.query_one(place, Static).update(Text.from_ansi("\n".join(lines), no_wrap=True))

    def _tabs(self, width: int) -> str:
        job = self.picker.job
        names = "  ".join(
            f"\x1b[7m {at} {name} \x1b[0m" if name == self._pane else f" {at} {name} "
            for at, name in enumerate(PANES, 1)
        )
        return f"{names}  {f'{job.name}: {job.branch} → {job.base}' if job else ''}"

    def _shown(self) -> list[str]:
        at, pane = self.picker.at, self.query_one("#pane", VerticalScroll)
        lines: dict[str, Callable[[], str]] = {
            "diff": lambda: self._diff[1] if self._diff[0] == at else "",
            "plan": lambda: self._seen.plans,
            "train": lambda: self._seen.trains,
        }
        if self._pane in lines:
            return lines[self._pane]().split("\n")
        screen = self._screen_of
        if screen is None or screen.job != at or screen.text is None:
            return [""]
        return tail(screen.text, max(1, pane.size.width), max(1, pane.size.height))


class Jobs(Static):
    """The list."""

    app: Dash

    def on_click(self, event: events.Click) -> None:
        self.app.choose(event.y)


class Front(Board[None]):
    """All there is; each key is the app's."""

    app: Dash

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        with Middle(id="middle"):
            yield Jobs(id="jobs")
            with Middle():
                yield Static(id="tabs")
                with Pane(id="pane"):
                    yield Static(id="shown")
        yield Static(id="asked")
        yield Static(id="foot")

    def on_mount(self) -> None:
        self.app.begin()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        text = event.character if event.is_printable and event.character else ""
        self.app.pressed(event.key, text)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if self.app.picker.mode is not Mode.KEYS:
            self.app.pressed("", event.text)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.app.draw)


class Middle(Vertical):
    """A part of the screen."""


class Pane(VerticalScroll):
    """What there is to see of the chosen job."""

    # Keys are the screen's, wherever the mouse was.
    can_focus = False

    app: Dash

    def on_resize(self, event: events.Resize) -> None:
        # What is drawn of a terminal is cut to the size of this.
        self.app.draw()
