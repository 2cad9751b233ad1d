"""What a coordinator takes over from the process that starts it: interpreter, streams, log; and what it does not."""

import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from programs import environment, finish, run, run_script, start, wait_for

from share import Share, ShareError

PREFIX = "import os, sys\nfrom share import Share\n"


@pytest.fixture
def name() -> str:
    """A name that no other run uses."""
    return f"test-{secrets.token_hex(6)}"


# -- the interpreter ----------------------------------------------------------------------------------


@pytest.mark.parametrize("executable", ["/bin/false", "", "/usr/bin/nowhere", None])
def test_an_application_that_embeds_python(executable: str | None, tmp_path: Path) -> None:
    """sys.executable is not Python, or empty: the interpreter is found all the same."""
    code = (
        f"sys.executable = {executable!r}\nwith Share() as shared:\n    shared.n = 1\n    print(shared.n)\n"
    )
    assert run_script(tmp_path, PREFIX + code) == "1\n"


def test_the_interpreter_can_be_given(name: str) -> None:
    """Any that runs as the owner's does; nothing is created for another."""
    link = shutil.which("true")
    for wrong in (link, "/nowhere/python", "/dev/null"):
        with pytest.raises(ShareError, match="does not run as Python"):
            Share(name, executable=wrong)
        with pytest.raises(ShareError, match="executable="):
            Share.open(name, executable=wrong)
    assert not Path(f"/dev/shm/share.{name}").exists()
    with Share(executable=sys.executable) as shared:
        shared.n = 1
        shared.flush()
        assert psutil.Process(shared.health().coordinator).exe() == os.path.realpath(sys.executable)


def test_no_interpreter_is_to_be_found(tmp_path: Path) -> None:
    """One error, at once, that says what to do; another program that happens to be there is never run."""
    trap = tmp_path / "application"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/it-ran\n")
    trap.chmod(0o755)
    fake = tmp_path / "bin" / "python3.99"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho no\n")
    fake.chmod(0o755)
    code = f"""
sys.executable, sys._base_executable = {str(trap)!r}, {str(fake)!r}
sys.prefix = sys.exec_prefix = sys.base_prefix = {str(tmp_path)!r}
import sysconfig
sysconfig.get_config_var = lambda name: None
os.environ["PATH"] = {str(tmp_path)!r}
before = set(os.listdir("/dev/shm"))
try:
    Share()
except Exception as error:
    print(type(error).__name__, "Share(executable=...)" in str(error), set(os.listdir("/dev/shm")) <= before)
"""
    assert run_script(tmp_path, PREFIX + code).startswith("ShareError True")
    assert not (tmp_path / "it-ran").exists()


# -- descriptors --------------------------------------------------------------------------------------


def descriptors(pid: int) -> dict[int, str]:
    """What a process has open."""
    folder = Path(f"/proc/{pid}/fd")
    return {int(entry): os.readlink(folder / entry) for entry in os.listdir(folder)}


def test_no_descriptor_of_the_host_is_inherited(shared: Share) -> None:
    """Neither by the first coordinator nor by a successor, however inheritable it is."""
    with socket.socket() as listening, open(__file__) as file:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.set_inheritable(True)
        os.set_inheritable(file.fileno(), True)
        with Share() as another:
            another.n = 1
            another.flush()
            first = another.health().coordinator
            found = [descriptors(first)]
            os.kill(first, 9)
            another.n = 2
            another.flush()
            assert another.health().coordinator != first
            found.append(descriptors(another.health().coordinator))
        for open_there in found:
            assert open_there[0] == "/dev/null"
            assert not any(what.startswith("socket:") or what == __file__ for what in open_there.values())


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_standard_streams_that_are_closed(closed: tuple[int, ...], tmp_path: Path) -> None:
    """No segment takes their place, in the owner or in the coordinator; a socket that has done so stays here."""
    code = f"""
import fcntl, socket, threading
for number in {closed}:
    os.close(number)
taken = []
class Printer:
    def __init__(self): self.n = 0
    def say(self):
        self.n += 1
        print("x" * 5000, flush=True)
        print("y" * 5000, flush=True, file=sys.stderr)
        os.write(1, b"z"), os.write(2, b"z")
        return self.n
def look():
    while not done:
        for number in {closed}:
            try: taken.append(os.readlink(f"/proc/self/fd/{{number}}"))
            except OSError: pass
done = False
watcher = threading.Thread(target=look)
watcher.start()
with Share() as shared:
    shared.printer = Printer()
    for i in range(20):
        shared.big = b"x" * 3000 * (i + 1)
    said = shared.printer.say()
    there = [os.readlink(f"/proc/{{shared.health().coordinator}}/fd/{{number}}") for number in {closed}]
done = True
watcher.join()
taken = [what for what in taken if "/dev/shm/" in what]
open({str(tmp_path / "result")!r}, "w").write(repr((said, set(there), taken)))
"""
    (tmp_path / "script.py").write_text(PREFIX + code)
    done = finish(start(str(tmp_path / "script.py")))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "result").read_text() == repr((1, {"/dev/null"}, []))


# -- output -------------------------------------------------------------------------------------------

PRINTER = """
class Printer:
    def __init__(self): self.n = 0
    def say(self, text, times=1, error=False):
        self.n += 1
        for _ in range(times):
            print(text, file=sys.stderr if error else sys.stdout)
"""


def test_output_arrives_before_close_returns(tmp_path: Path) -> None:
    """What a method prints is on the owner's streams, in order."""
    code = """
with Share() as shared:
    shared.printer = Printer()
    for i in range(300):
        shared.printer.say(f"line {i}")
    shared.printer.say("bad", error=True)
print("end")
"""
    (tmp_path / "script.py").write_text(PREFIX + PRINTER + code)
    done = finish(start(str(tmp_path / "script.py")))
    assert done.stdout.splitlines() == [f"line {i}" for i in range(300)] + ["end"]
    assert done.stderr == "bad\n"


def test_a_pipe_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    """Neither what methods print nor the log of failed commands; once it is read, it says what is missing."""
    code = """
import logging
logging.getLogger("share").addHandler(logging.NullHandler())
class Failing(Printer):
    def fail(self):
        self.n += 1
        raise ValueError("x" * 1000)
shared = Share()
shared.printer = Failing()
for i in range(300):
    shared.printer.fail.send()
    shared.printer.say("y" * 10000)
while shared.health().backlog:
    pass
print("went on", shared.printer.n, file=open(sys.argv[1], "w"), flush=True)
sys.stdin.read()
os._exit(0)
"""
    (tmp_path / "script.py").write_text(PREFIX + PRINTER + code)
    result = tmp_path / "result"
    program = start(str(tmp_path / "script.py"), str(result), stdin=subprocess.PIPE)
    wait_for(lambda: result.exists() and result.read_text())
    done = finish(program, "")
    assert result.read_text() == "went on 600\n"
    assert "Failing.fail" in done.stderr
    assert "bytes of output were dropped here" in done.stdout


@pytest.mark.parametrize("redirected", ["", "2>&1"])
def test_a_pipe_ends_with_the_program(redirected: str, name: str) -> None:
    """`$(program)` and `program | cat` end although another program keeps the share, and so the coordinator."""
    code = f"from share import Share; shared = Share.open({name!r}); shared.n = 1; print('done')"
    with Share.open(f"{name}-other") as bystander:
        bystander.x = 0
        shell = subprocess.Popen(
            ["sh", "-c", f'"$0" -c "$1" {redirected} | cat; echo ended', sys.executable, f"{code}; input()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        wait_for(lambda: Path(f"/dev/shm/share.{name}").exists(), "the share")
        with Share.open(name) as shared:
            wait_for(lambda: "n" in shared, "the program")
            out, _ = shell.communicate("\n", timeout=60)
            assert out == "done\nended\n"
            assert shared.n == 1


# -- the log ------------------------------------------------------------------------------------------

LOGGER = """
import logging
class Logger:
    def __init__(self): self.n = 0
    def go(self):
        self.n += 1
        log = logging.getLogger("mine")
        log.debug("debug"), log.info("info"), log.warning("warning")
        return self.n
def use():
    with Share() as shared:
        shared.logger = Logger()
        return shared.logger.go()
"""


@pytest.mark.parametrize(
    ("configure", "out", "err"),
    [
        ("pass", "", "warning\n"),
        (
            "logging.basicConfig(level=logging.INFO, format='%(levelname)s %(name)s %(message)s')",
            "",
            "INFO mine info\nWARNING mine warning\n",
        ),
        (
            "logging.basicConfig(level=logging.DEBUG, format='{message}!', style='{', stream=sys.stdout)",
            "debug!\ninfo!\nwarning!\n",
            "",
        ),
        ("logging.basicConfig(level=logging.ERROR)", "", ""),
        ("logging.basicConfig(format='%(request)s %(message)s')", "", "WARNING mine: warning\n"),
    ],
)
def test_log_of_a_method(configure: str, out: str, err: str, tmp_path: Path) -> None:
    """Level, format and stream of the root logger are those of the owner when the share starts."""
    (tmp_path / "script.py").write_text(f"{PREFIX}{LOGGER}{configure}\nuse()\n")
    done = finish(start(str(tmp_path / "script.py")))
    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)


# -- folder and name ----------------------------------------------------------------------------------


def test_a_working_directory_that_has_been_removed(tmp_path: Path) -> None:
    """It is no error, for an owner or for whoever joins."""
    folder = tmp_path / "gone"
    code = f"""
os.mkdir({str(folder)!r}); os.chdir({str(folder)!r}); os.rmdir({str(folder)!r}); sys.path.insert(0, "")
with Share() as shared:
    shared.n = 1
    print(shared.n)
"""
    assert run("-c", PREFIX + code) == "1\n"


def test_name_of_the_process(name: str) -> None:
    """`ps` and `top` show whose coordinator it is."""
    with Share(name) as shared, Share() as unnamed:
        for share, title in ((shared, name), (unnamed, unnamed.session_of().name.removeprefix("share_"))):
            share.n = 1
            assert share.n == 1
            assert psutil.Process(share.health().coordinator).name() == f"share: {title}"[:15]


class Talker:
    """Logs in every way."""

    def __init__(self) -> None:
        self.n = 0

    def talk(self) -> None:
        self.n += 1
        log = logging.getLogger("talker")
        log.debug("debug %d", self.n, extra={"place": "here"})
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("bad %s", "luck")

    def flood(self, count: int) -> None:
        self.n += 1
        for _ in range(count):
            logging.getLogger("talker").error("x" * 1000)


def test_records_reach_the_owners_handlers(caplog: pytest.LogCaptureFixture) -> None:
    """Share(logging=True): as if the method had run here, successors included; the thread ends with the share."""
    caplog.set_level(logging.DEBUG, logger="talker")
    with Share(logging=True) as shared:
        shared.talker = Talker()
        shared.talker.talk()
        shared.flush()
        os.kill(shared.health().coordinator, 9)
        shared.talker.talk()
        shared.flush()
    records = [record for record in caplog.records if record.name == "talker"]
    assert [(record.levelname, record.getMessage()) for record in records] == [
        ("DEBUG", "debug 1"), ("ERROR", "bad luck"), ("DEBUG", "debug 2"), ("ERROR", "bad luck"),
    ]  # fmt: skip
    assert records[0].place == "here" and records[0].funcName == "talk"  # type: ignore[attr-defined]
    assert "ZeroDivisionError" in records[1].exc_text
    assert not [thread for thread in threading.enumerate() if thread.name == "share-records"]


def test_records_of_failures_have_fields(caplog: pytest.LogCaptureFixture) -> None:
    """What a program that evaluates the log goes by: no text has to be taken apart."""
    with Share(logging=True) as shared:
        shared.talker = Talker()
        for _ in range(2):
            shared.talker.flood.send("three")
        with pytest.raises(ExceptionGroup):
            shared.flush()
        name = shared.session_of().name
    records = [record for record in caplog.records if record.name == "share.coordinator"]
    fields = [(r.share_name, r.share_command, r.share_failures) for r in records]  # type: ignore[attr-defined]
    assert fields == [(name, "Talker.flood", 1), (name, "Talker.flood", 2)]


def test_a_slow_handler_stops_nobody() -> None:
    """Records that find no room are counted, and the owner is told."""
    go_on, seen = threading.Event(), []

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            go_on.wait(60)
            seen.append(record.getMessage())

    handler, logger = Slow(), logging.getLogger("talker")
    own = logging.getLogger("share")
    for each in (logger, own):
        each.addHandler(handler)
    logger.propagate = False
    try:
        with Share(logging=True) as shared:
            shared.talker = Talker()
            shared.talker.flood(3000)
            assert shared.talker.n == 1  # it has run to its end
            go_on.set()
            wait_for(lambda: len(seen) > 10)
            shared.talker.flood(1)
        arrived = sum(text.startswith("x") for text in seen)
        dropped = [int(text.split()[0]) for text in seen if "were dropped" in text]
        assert len(dropped) >= 1 and arrived + sum(dropped) == 3001
    finally:
        for each in (logger, own):
            each.removeHandler(handler)
        logger.propagate = True
