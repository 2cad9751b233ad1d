"""A Jupyter kernel that is interrupted while a cell waits for a share, goes on, and is restarted."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from jupyter_client.manager import start_new_kernel
from servers import PATIENCE, wait_for

SETUP = "from share import Share; shared = Share(); shared.n = 1; shared.rows = []"
OPEN = "import os; kept = Share.open(os.environ['SHARE_NAME'], linger=60); "
SEGMENT = "'/dev/shm/' + shared.session_of().name"


def execute(client, code, value="None"):
    """Runs a cell; returns how it ended, or what an expression is in the kernel then."""
    sent = client.execute(code, user_expressions={"value": value})
    while (reply := client.get_shell_msg(timeout=PATIENCE))["parent_header"]["msg_id"] != sent:
        pass
    content = reply["content"]
    return content.get("ename") or content["user_expressions"]["value"]["data"]["text/plain"].strip("'")


def interrupt(manager, path):
    wait_for(lambda: os.path.exists(path), "the cell to wait")
    manager.interrupt_kernel()


if __name__ == "__main__":
    waiting = sys.argv[1]
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=PATIENCE)
    try:
        segment = execute(client, SETUP, SEGMENT)
        with ThreadPoolExecutor(1) as threads:
            done = threads.submit(interrupt, manager, waiting)
            cell = f"open({waiting!r}, 'w').close(); shared.wait_for(lambda: shared.n == 2)"
            found = [execute(client, cell)]
            done.result()
        cell = "shared.rows.append(shared.n); shared.n += 1"
        found.append(execute(client, cell, "(shared.n, shared.rows[0])"))
        execute(client, OPEN + "kept.rows = [1]; kept.flush()")
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=PATIENCE)
        wait_for(lambda: not os.path.exists(segment), "the end of the old kernel's share")
        found.append(execute(client, SETUP + "; shared.n += 4", "shared.n"))
        found.append(execute(client, OPEN + "kept.rows.append(2)", "kept.rows[:]"))
        execute(client, "shared.close()")
        subprocess.run([sys.executable, "-m", "share", "stop", os.environ["SHARE_NAME"]], check=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    print("; ".join(found))
