"""Which lines of a test run's output say why it failed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.telling import MOST, WIDEST, telling

NOISE = [f"tests/test_{number}.py::test_error_{number} PASSED" for number in range(50)]

PYTEST = """\
============================= test session starts ==============================
platform linux -- Python 3.12.1, pytest-8.3.4, pluggy-1.5.0
collected 2 items

tests/test_sums.py F.                                                     [100%]

=================================== FAILURES ===================================
__________________________________ test_adds ___________________________________

    def test_adds():
>       assert add(1, 1) == 2
E       assert 3 == 2
E        +  where 3 = add(1, 1)

tests/test_sums.py:5: AssertionError
=========================== short test summary info ============================
FAILED tests/test_sums.py::test_adds - assert 3 == 2
========================= 1 failed, 1 passed in 0.03s ==========================
"""
UNITTEST = """\
test_adds (test_sums.Sums.test_adds) ... FAIL
test_rest (test_sums.Sums.test_rest) ... ok

======================================================================
FAIL: test_adds (test_sums.Sums.test_adds)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/src/test_sums.py", line 6, in test_adds
    self.assertEqual(add(1, 1), 2)
AssertionError: 3 != 2

----------------------------------------------------------------------
Ran 2 tests in 0.000s

FAILED (failures=1)
"""
GO = """\
=== RUN   TestRest
--- PASS: TestRest (0.00s)
=== RUN   TestAdds
    sums_test.go:9: add(1, 1) = 3, want 2
--- FAIL: TestAdds (0.00s)
FAIL
FAIL	example.com/sums	0.002s
FAIL
"""
CARGO = """\
running 2 tests
test tests::rests ... ok
test tests::adds ... FAILED

failures:

---- tests::adds stdout ----

thread 'tests::adds' panicked at src/lib.rs:11:9:
assertion `left == right` failed
  left: 3
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::adds

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out

error: test failed, to rerun pass `--lib`
"""
JEST = """\
FAIL ./sums.test.js
  ✓ rests (1 ms)
  ✕ adds (3 ms)

  ● adds

    expect(received).toBe(expected) // Object.is equality

    Expected: 2
    Received: 3

      4 | test("adds", () => {
    > 5 |   expect(add(1, 1)).toBe(2);

Tests:       1 failed, 1 passed, 2 total
"""
MOCHA = """\
  sums
    ✔ rests
    1) adds


  1 passing (4ms)
  1 failing

  1) sums
       adds:

      AssertionError [ERR_ASSERTION]: 3 == 2
      + expected - actual

      -3
      +2
"""
MAKE = """\
cc -c -o sums.o sums.c
sums.c:3:5: error: use of undeclared identifier 'x'
    3 |     return x;
      |            ^
make: *** [Makefile:4: sums.o] Error 1
"""
TAP = """\
1..2
ok 1 - rests
not ok 2 - adds
# got 3, want 2
"""
NODE = """\
/src/sums.js:1
require("sums");
Error: Cannot find module 'sums'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1145:15)
"""

SAMPLES = {
    "pytest": (PYTEST, ["FAILED tests/test_sums.py::test_adds - assert 3 == 2",
                        ">       assert add(1, 1) == 2", "E       assert 3 == 2"]),
    "unittest": (UNITTEST, ["FAIL: test_adds (test_sums.Sums.test_adds)",
                            "    self.assertEqual(add(1, 1), 2)", "AssertionError: 3 != 2"]),
    "go": (GO, ["--- FAIL: TestAdds (0.00s)", "    sums_test.go:9: add(1, 1) = 3, want 2"]),
    "cargo": (CARGO, ["thread 'tests::adds' panicked at src/lib.rs:11:9:", "  left: 3",
                      " right: 2", "test tests::adds ... FAILED"]),
    "jest": (JEST, ["  ● adds", "  ✕ adds (3 ms)", "    Expected: 2", "    Received: 3"]),
    "mocha": (MOCHA, ["    1) adds", "      AssertionError [ERR_ASSERTION]: 3 == 2", "      +2"]),
    "make": (MAKE, ["sums.c:3:5: error: use of undeclared identifier 'x'",
                    "make: *** [Makefile:4: sums.o] Error 1"]),
    "tap": (TAP, ["not ok 2 - adds", "# got 3, want 2"]),
    "node": (NODE, ["Error: Cannot find module 'sums'"]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("behind", [0, 50])
def test_what_a_runner_says_of_a_failure_is_found_wherever_it_is(name: str, behind: int) -> None:
    text, wanted = SAMPLES[name]
    found = telling([*NOISE, *text.split("\n"), *NOISE[:behind]])
    assert [line for line in wanted if line not in found] == []
    assert not set(found) & set(NOISE)


def test_output_in_which_nothing_is_known_tells_by_its_end() -> None:
    lines = [f"line {number}" for number in range(100)]
    assert telling(lines) == lines[-MOST:]
    assert telling(["the reason"]) == ["the reason"]
    assert telling(["", "  "]) == telling([]) == []


def test_of_many_failures_the_first_and_the_last_are_shown() -> None:
    lines = [f"FAILED tests/test_{number}.py" for number in range(100)]
    assert telling(lines) == lines[:10] + lines[-10:]


def test_a_line_is_plain_and_no_longer_than_can_be_read() -> None:
    found = telling(["Error: \x1b\x07\tx" + "y" * 1000])
    assert found[0].startswith("Error:")
    assert len(found[0]) == WIDEST
    assert found[0].isprintable()


words = st.sampled_from(["FAILED ", "error: ", "ok", "\t", "E   x", "panicked at ", "", "é\x00"])


@given(st.lists(st.one_of(st.text(max_size=300), st.lists(words).map("".join)), max_size=60))
def test_whatever_is_printed_some_lines_of_it_are_shown(lines: list[str]) -> None:
    found = telling(lines)
    assert len(found) <= MOST
    assert all(len(line) <= WIDEST and line.isprintable() for line in found)
    assert bool(found) == any("".join(c if c.isprintable() else " " for c in line).strip()
                              for line in lines)  # fmt: skip
