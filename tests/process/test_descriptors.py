"""Few file descriptors: the coordinator keeps some for what it has to do, however many processes use the share."""

from pathlib import Path

from programs import finish, start

PROGRAM = """
import os, resource, signal, time
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from share import Share

class Box:
    def __init__(self):
        self.n = self.size = 0
    def add(self):
        self.n += 1
    def put(self, data):
        self.size = len(data)
    def get(self):
        self.n += 1
        return b"x" * 5000

def child():
    box.add()
    os.read(wait, 1)

with Share() as shared:
    shared.box = Box()
    box, control = shared.box, shared.session_of().control
    shared.flush()
    wait, write = os.pipe()
    children = []
    for _ in range(70):
        pid = os.fork()
        if pid == 0:
            os.close(write)
            child()
            os._exit(0)
        children.append(pid)
    while box.n < 70:
        time.sleep(0.01)
    box.put(bytes(400_000))
    print(box.size, len(box.get.call(timeout=60)))
    os.close(write)
    for pid in children:
        os.waitpid(pid, 0)
    end = time.monotonic() + 60
    while len(control.processes()) > 2 and time.monotonic() < end:
        time.sleep(0.01)
    print(len(control.processes()))
"""


def test_more_processes_than_descriptors(tmp_path: Path) -> None:
    """Large arguments and answers get through, and who ends is noticed."""
    (tmp_path / "program.py").write_text(PROGRAM)
    done = finish(start(str(tmp_path / "program.py")))
    assert (done.returncode, done.stdout, done.stderr) == (0, "400000 5000\n2\n", "")
