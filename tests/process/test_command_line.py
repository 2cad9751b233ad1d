"""The command line, against running shares: what it says, and that it disturbs none of them."""

import configparser
import contextlib
import io
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from command_line_classes import Desk, Odd
from programs import HERE, SOURCE, wait_for
from rich.console import Console

from share import Share, ShareClosedError
from share.cli import _doctor, group
from share.cli._observer import Observer
from share.cli._top import _view, measure
from share.cli._web import Dashboard
from share.maintenance import shares


def run(*args, code=0):
    result = CliRunner().invoke(group, list(args), env={"COLUMNS": "200"}, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def run_json(*args, code=0):
    return json.loads(run(*args, "--json", code=code))


def command_line(*args, **options):
    """The command line as a process of its own, in a group of its own."""
    environment = {**os.environ, "PYTHONPATH": f"{SOURCE}:{HERE}", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "share", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True, **options,
    )  # fmt: skip


@pytest.fixture
def name():
    return f"cli-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def shared(name):
    with Share(name) as shared:
        shared.desk, shared.limit = Desk(), 10
        shared.flush()
        yield shared


def test_ls_lists_as_json(shared, name):
    mine = [info for info in run_json("ls") if info["name"] == name]
    assert mine[0]["state"] == "running" and mine[0]["owner"] == os.getpid()


def test_get_prints_names_attributes_and_parts(shared, name):
    assert run_json("get", name) == {"desk": "<Desk>", "limit": 10}
    assert "limit: 10" in run("get", name)
    assert run_json("get", name, "limit") == 10
    assert run_json("get", name, "desk.parts.1.0") == "b"
    assert run("get", name, "desk.table.k.1") == "one\n"
    assert run_json("get", name, "desk") == {
        "class": "Desk", "n": 0, "parts": ["a", ["b"]], "table": {"k": {"1": "one"}}
    }  # fmt: skip


def test_get_by_segment_or_its_beginning(shared):
    segment = shared.session_of().name
    assert run_json("get", segment, "limit") == 10
    assert run_json("get", segment.removeprefix("share_")[:10], "limit") == 10


def test_get_says_what_is_not_there(shared, name):
    assert "there is no share called" in run("get", name + "x", code=1)
    assert "the share has no 'dsk'; it has: desk, limit" in run("get", name, "dsk", code=1)
    assert "there is no desk.q" in run("get", name, "desk.q", code=1)


def test_get_changes_nothing(shared, name):
    shared.desk.grow()
    shared.flush()
    before = shared.session_of().control.tail()
    assert run_json("get", name, "desk.double") == 2
    assert shared.desk.n == 1
    assert shared.session_of().control.tail() == before


def test_nothing_waits_for_what_is_queued(shared, name, tmp_path):
    shared.desk.sleep_until.send(str(tmp_path / "go"))
    shared.limit = 11
    try:
        assert run_json("get", name, "limit") == 10
        assert run_json("get", name, "desk.n") == 0
        assert run_json("errors", name) == []
        sample = run_json("top", name, "--interval", "0.1", "--count", "1")
        assert sample["queued"] >= 1 and sample["lag"] > 0
    finally:
        (tmp_path / "go").touch()
    assert shared.limit == 11


def test_who_only_looks_neither_registers_nor_starts_a_successor(shared, name):
    registered = shared.session_of().control.processes()
    coordinator = shared.health().coordinator
    os.kill(coordinator, signal.SIGKILL)
    wait_for(lambda: shared.health().state == "lost")
    looker = command_line("get", name, "limit", "--json")
    output, errors = looker.communicate()
    assert (looker.returncode, json.loads(output)) == (0, 10), errors
    sample = command_line("top", name, "--json", "--count", "1", "--interval", "0.05")
    output, errors = sample.communicate()
    assert sample.returncode == 0 and json.loads(output)["state"] == "lost", errors
    assert shared.session_of().control.processes() == registered
    assert shared.health().state == "lost"
    shared.limit = 12
    assert shared.limit == 12


def test_errors_lists_what_nobody_waited_for(shared, name):
    assert "no errors" in run("errors", name)
    shared.desk.fail.send()
    with pytest.raises(Odd):
        shared.flush()
    (error,) = run_json("errors", name)
    assert error["command"] == "Desk.fail" and error["error"] == "Odd" and error["message"] == "on purpose"
    assert run("errors", name) == "Desk.fail: Odd: on purpose\n"
    assert "in fail" in run("errors", name, "--traceback")


def test_errors_that_cannot_be_shown_hide_no_others(shared, name):
    shared.desk.fail.send()
    shared.desk.fail_mutely.send()
    with pytest.raises(ExceptionGroup):
        shared.flush()
    shown = "Desk.fail: Odd: on purpose\nDesk.fail_mutely: Mute: (it cannot be shown)\n"
    assert run("errors", name) == shown
    assert [error["message"] for error in run_json("errors", name)] == ["on purpose", "(it cannot be shown)"]
    assert "\n".join(map(str, shared.errors)) + "\n" == shown


def test_watch_prints_each_value_that_it_sees(shared, name):
    watcher = command_line("watch", name, "limit", "--json", "--count", "3", "--interval", "0.01")
    seen = [json.loads(watcher.stdout.readline())["value"]]
    for value in (11, 12):
        shared.limit = value
        seen.append(json.loads(watcher.stdout.readline())["value"])
    output, errors = watcher.communicate()
    assert (seen, output, watcher.returncode) == ([10, 11, 12], "", 0), errors


def test_watch_ends_with_the_share(name):
    with Share(name) as shared:
        shared.limit = 10
        shared.flush()
        watcher = command_line("watch", name, "limit")
        assert watcher.stdout.readline().endswith(" 10\n")
    _, errors = watcher.communicate()
    assert watcher.returncode == 0 and "has been closed" in errors


def test_top_counts_commands_and_names_who_waits(shared, name, tmp_path):
    for _ in range(100):
        shared.desk.grow()
    shared.flush()
    sample = run_json("top", name, "--interval", "0.05", "--count", "1")
    executed = sample["commands"]
    assert executed >= 102 and sample["queued"] == 0
    coordinator = next(p for p in sample["processes"] if p["role"] == "coordinator")
    assert coordinator["pid"] == shared.health().coordinator
    program = (
        "import sys; from share import Share; shared = Share.attach(sys.argv[1]); print(1, flush=True);"
        "shared.desk.sleep_until.call(sys.argv[2])"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", program, name, str(tmp_path / "go")],
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": f"{SOURCE}:{HERE}"},
    )  # fmt: skip
    try:
        assert caller.stdout.readline() == b"1\n"

        def seen():
            processes = run_json("top", name, "--interval", "0.05", "--count", "1")["processes"]
            found = [p for p in processes if p["pid"] == caller.pid]
            return found and found[0]["waits"] in (["a commit"], ["?"])

        wait_for(seen)
    finally:
        (tmp_path / "go").touch()
        caller.communicate()
    text = run("top", name, "--interval", "0.05")
    assert "commands/s" in text and "coordinator" in text and name in text
    assert run_json("top", name, "--interval", "0.05", "--count", "1")["commands"] == executed + 1


def test_stop_executes_what_is_queued_and_ends_the_share(name):
    shared = Share(name)
    try:
        shared.n = 5
        result = command_line("stop", name, "--json")
        output, errors = result.communicate()
        assert json.loads(output)["stopped"] is True, errors
        with pytest.raises(ShareClosedError):
            shared.n
        assert not [info for info in shares() if info.segment == shared.session_of().name]
    finally:
        shared.close()


def test_stop_of_a_lost_share_leaves_nothing(name):
    shared = Share.open(name)
    shared.n = 1
    shared.flush()
    os.kill(shared.health().coordinator, signal.SIGKILL)
    wait_for(lambda: shared.health().state == "lost")
    assert command_line("stop", name).communicate()[0] == f"stopped {name}\n"
    assert not [
        entry for entry in os.listdir("/dev/shm") if shared.session_of().name in entry or name in entry
    ]
    shared.close()


@pytest.mark.parametrize(
    ("number", "first"),
    [
        (signal.SIGINT, "both"),
        (signal.SIGTERM, "both"),
        (signal.SIGTERM, "server"),
        (signal.SIGTERM, "coordinator"),
    ],
)
def test_serve_keeps_a_share_until_a_signal(name, number, first):
    """Who gets it first makes no difference."""
    server = command_line("serve", name, "--json")
    served = json.loads(server.stdout.readline())
    shared = Share.attach(name)
    assert served == {"name": name, "segment": shared.session_of().name, "owner": server.pid}
    shared.n = 1
    assert shared.n == 1
    if first == "both":
        os.kill(shared.health().coordinator, number)
        os.kill(server.pid, number)
    elif first == "server":
        os.kill(server.pid, number)
    else:
        os.kill(server.pid, signal.SIGSTOP)
        os.kill(shared.health().coordinator, number)
        wait_for(lambda: shared.session_of().control.closed)
        os.kill(server.pid, number)
        os.kill(server.pid, signal.SIGCONT)
    _, errors = server.communicate()
    assert (server.returncode, errors) == (0, "stopped\n")
    with pytest.raises(ShareClosedError):
        shared.n
    assert not [entry for entry in os.listdir("/dev/shm") if served["segment"] in entry or name in entry]


def test_serve_replaces_a_killed_coordinator_and_ends_by_stop(name):
    server = command_line("serve", name)
    assert server.stdout.readline().startswith(f"serving {name}")
    (info,) = [info for info in shares() if info.name == name]
    assert info.coordinator > 0
    os.kill(info.coordinator, signal.SIGKILL)

    def replaced():
        now = [other for other in shares() if other.name == name]
        return now and now[0].state == "running" and now[0].coordinator not in (0, info.coordinator)

    wait_for(replaced)
    assert run("stop", name) == f"stopped {name}\n"
    _, errors = server.communicate()
    assert server.returncode == 0 and errors.endswith("stopped\n")


def test_serve_runs_as_the_unit_in_the_documents_says(name, tmp_path, monkeypatch):
    """As systemd would run it: it waits until the service says that it is up, and ends it by SIGTERM."""
    (text,) = re.findall(
        r"^```ini\n(.*?)^```", (HERE.parents[1] / "docs" / "cli.md").read_text(), re.MULTILINE | re.DOTALL
    )
    unit = configparser.ConfigParser()
    unit.optionxform = str
    unit.read_string(text)
    service = unit["Service"]
    assert service["Type"] == "notify"
    _, *arguments, served = service["ExecStart"].split()
    assert (*arguments, served) == ("-m", "share", "serve", "bank")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(60)
        systemd.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        server = command_line(*arguments[2:], name)
        assert systemd.recv(100) == b"READY=1"
    with Share.attach(name) as shared:
        shared.n = 1
    server.terminate()
    _, errors = server.communicate()
    assert (server.returncode, errors) == (0, "stopped\n")


def test_serve_says_that_the_name_is_taken(shared, name):
    assert "exists already" in run("serve", name, code=1)


def test_gc_and_explain_print_json(alone_with_gc):
    assert isinstance(run_json("gc"), list)
    explained = run_json("explain", "queue:Queue")
    assert {"member", "a call", "writes"} <= set(explained["methods"][0])


def test_explain_draws(tmp_path):
    file = tmp_path / "queue.svg"
    assert run("explain", "queue:Queue", "--svg", str(file)) == ""
    assert file.read_text().startswith("<svg ") and file.read_text() == run(
        "explain", "queue:Queue", "--svg", "-"
    )
    assert run_json("explain", "queue:Queue", "--svg", str(file)) == {
        "class": "queue:Queue",
        "svg": str(file),
    }
    assert "No such file" in run("explain", "queue:Queue", "--svg", str(tmp_path / "none" / "q.svg"), code=1)


def test_doctor_finds_this_machine_fit():
    checks = {check["what"]: check for check in run_json("doctor")}
    assert checks["a share"]["state"] == "ok", checks
    assert "ready in" in checks["a share"]["found"]
    assert "cores" in run("doctor")


def test_doctor_says_what_to_do_about_a_small_shm(monkeypatch):
    usage = _doctor.shutil.disk_usage("/dev/shm")
    monkeypatch.setattr(
        _doctor.shutil, "disk_usage", lambda path: usage._replace(total=64 << 20, free=1 << 20)
    )
    (check,) = [check for check in run_json("doctor", code=1) if check["what"] == "size of /dev/shm"]
    assert check["state"] == "problem" and "--shm-size" in check["advice"]


def test_doctor_sees_what_a_killed_program_left(alone_with_gc, name):
    program = """if True:
        import os, sys
        from share import Share
        shared = Share(sys.argv[1])
        shared.n = 1
        shared.flush()
        os.kill(shared.health().coordinator, 9)
        os.kill(os.getpid(), 9)
    """
    environment = {**os.environ, "PYTHONPATH": f"{SOURCE}:{HERE}"}
    subprocess.run([sys.executable, "-c", program, name], env=environment)
    info = wait_for(lambda: next((i for i in shares() if i.name == name and i.state == "dead"), None))
    found = [check for check in run_json("doctor") if info.segment in check["found"]]
    assert found[0]["state"] == "warning" and found[0]["advice"] == "python -m share gc"
    assert f"`{found[0]['advice']}` removes" in run("get", name, code=1)
    assert info.segment in {removed["segment"] for removed in run_json("gc")}


@pytest.mark.parametrize("damage", [b"\xff" * 64, b""], ids=["nonsense", "nothing"])
def test_a_damaged_share_is_listed_and_harms_no_other(shared, name, damage):
    """Its configuration says nothing any more; the others are there as before."""
    configuration = 135168  # where it is in the control segment
    with Share() as other, open(f"/dev/shm/{other.session_of().name}", "r+b") as memory:
        other.n = 1
        other.flush()
        memory.seek(configuration)
        whole = memory.read(4096)
        memory.seek(configuration)
        memory.write(damage or bytes(64))
        memory.flush()
        try:
            listed = {info["segment"]: info for info in run_json("ls")}
            assert listed[other.session_of().name]["state"] == "refused"
            assert "damaged" in listed[other.session_of().name]["reason"]
            assert listed[shared.session_of().name]["state"] == "running"
            assert run_json("get", name, "limit") == 10
        finally:
            memory.seek(configuration)
            memory.write(whole)
            memory.flush()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_shares(shared, name, shell):
    """What the shells ask for; docs/cli.md says how to have them ask."""
    words = f"share get {name[:-2]}"
    environment = {
        **os.environ,
        "PYTHONPATH": f"{SOURCE}:{HERE}",
        "_SHARE_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": name[:-2] if shell == "fish" else "2",
    }
    program = "import sys; sys.argv[0] = 'share'; from share.__main__ import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True
    ).stdout
    assert name in re.split(r"[\s,]+", found)


def test_a_reader_that_has_ended_is_no_error(shared, name):
    lister = command_line("top", name, "--json", "--interval", "0.05")
    assert lister.stdout.readline().startswith("{")
    lister.stdout.close()
    with contextlib.suppress(ProcessLookupError):
        assert select.select([lister.stderr], [], [], 60)[0]
    assert "Traceback" not in lister.stderr.read()
    lister.wait()
    lister.stderr.close()


def test_dump_shows_what_the_coordinator_runs(shared, name, tmp_path):
    idle = run("dump", name)
    assert idle.startswith(f"coordinator {shared.health().coordinator}\n") and "sleep_until" not in idle
    shared.desk.sleep_until.send(str(tmp_path / "go on"))
    wait_for(lambda: shared.health().running_for > 0)
    # It may have begun, and not yet be in the method.
    wait_for(lambda: "in sleep_until" in run_json("dump", name)["stacks"])
    (tmp_path / "go on").touch()
    shared.flush()
    assert "in sleep_until" not in run("dump", name)


def test_dump_of_a_coordinator_that_is_stopped_ends(shared, name):
    pid = shared.health().coordinator
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "has not answered within 0.1 s" in run("dump", name, "--timeout", "0.1", code=1)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert run("dump", name).startswith(f"coordinator {pid}")


@pytest.fixture
def dashboard(shared, name):
    """The address of ``top --web``."""
    process = command_line("top", name, "--web", "--interval", "0.05", "--json")
    yield json.loads(process.stdout.readline())["url"]
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "", "")


def fetched(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return json.loads(response.read())


def test_the_dashboard_has_figures_objects_and_errors(dashboard, shared, name):
    shared.desk.fail.send()
    with pytest.raises(Odd):
        shared.flush()
    (first, *_) = wait_for(lambda: fetched(f"{dashboard}figures"))
    assert first["name"] == name and first["coordinator"] == shared.health().coordinator
    wait_for(lambda: fetched(f"{dashboard}figures")[-1]["errors"] == 1)
    assert fetched(f"{dashboard}objects") == {"desk": "Desk", "limit": "int"}
    assert json.loads(fetched(f"{dashboard}value/desk.parts")) == ["a", ["b"]]
    assert fetched(f"{dashboard}errors") == ["Desk.fail: Odd: on purpose"]
    with pytest.raises(urllib.error.HTTPError) as raised:
        fetched(f"{dashboard}value/nothing")
    assert raised.value.code == 500 and "the share has no 'nothing'" in raised.value.read().decode()
    raised.value.close()


def browse(address, tmp_path):
    """What a browser makes of a page."""
    options = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-breakpad".split()
    browser = subprocess.Popen(
        ["chromium", *options, f"--user-data-dir={tmp_path}", "--virtual-time-budget=5000", "--dump-dom",
         address],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        return browser.communicate(timeout=120)[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_the_dashboard_in_a_browser(dashboard, name, tmp_path):
    wait_for(lambda: len(fetched(f"{dashboard}figures")) > 2)
    page = browse(f"{dashboard}#desk.table.k", tmp_path)
    assert f'<span id="name">{name}</span>' in page and "running, coordinator" in page
    assert re.search('id="line-commands_per_second" points="[-0-9., ]{10,}"', page)
    assert "<button>desk: Desk</button><button>limit: int</button>" in page
    assert re.search(r'id="value"[^>]*>\{\s+"1": "one"\s+\}', page)
    assert f"<td>{os.getpid()}</td><td>owner</td>" in page


def test_figures_of_a_share_whose_errors_cannot_be_read(shared, name, monkeypatch):
    observer = Observer(name)
    monkeypatch.setattr(observer, "errors", lambda: 1 // 0)
    figures = next(measure(observer, 0.05))
    assert figures.errors is None and figures.state == "running"
    console = Console(file=io.StringIO(), width=100)
    console.print(_view(figures))
    assert re.search("errors +cannot be read", console.file.getvalue())


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_part_of_the_dashboard_that_fails_says_so_in_its_place(shared, name, tmp_path, monkeypatch):
    observer = Observer(name)
    monkeypatch.setattr(observer, "errors", lambda: 1 // 0)
    dashboard = Dashboard(observer, measure(observer, 0.05), 0)
    threading.Thread(target=dashboard.run).start()
    with dashboard:
        wait_for(lambda: dashboard.seen)
        page = browse(dashboard.url, tmp_path)
        dashboard.shutdown()
    assert "running, coordinator" in page and "<button>limit: int</button>" in page
    assert re.search(r'id="errors" class="bad">ZeroDivisionError: ', page)


def test_the_dashboard_is_not_for_who_does_not_know_its_address(dashboard):
    for wrong in (dashboard.rpartition("/")[0][:-1] + "x/figures", re.sub("(:[0-9]+/).*", r"\1", dashboard)):
        with pytest.raises(urllib.error.HTTPError) as raised:
            fetched(wrong)
        assert raised.value.code == 404
        raised.value.close()


def test_the_dashboard_waits_for_no_slow_client(dashboard):
    address = urllib.parse.urlsplit(dashboard)
    answered, connected = threading.Event(), threading.Barrier(4)

    def dawdle():
        with socket.create_connection((address.hostname, address.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nX: ")
            connected.wait(60)
            while not answered.wait(0.05):
                client.sendall(b"x")

    with ThreadPoolExecutor(3) as pool:
        clients = [pool.submit(dawdle) for _ in range(3)]
        try:
            connected.wait(60)
            assert fetched(f"{dashboard}objects")
        finally:
            answered.set()
        for client in clients:
            client.result()


def test_the_dashboard_ends_with_its_share(name):
    with Share(name) as shared:
        shared.n = 1
        shared.flush()
        process = command_line("top", name, "--web", "--interval", "0.05")
        assert process.stdout.readline().startswith("http://127.0.0.1:")
    assert process.communicate()[1] == "" and process.returncode == 0
