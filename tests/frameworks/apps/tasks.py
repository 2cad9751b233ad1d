"""Celery with a folder as its broker: tasks in prefork workers count in one shared object."""

import os

from celery import Celery

from share import Share

folder = os.environ["BROKER_FOLDER"]
app = Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder, "data_folder_out": folder, "control_folder": f"{folder}/control"
    },
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)  # fmt: skip


class Counter:
    def __init__(self):
        self.n = 0
        self.by = {}

    def add(self, pid, k):
        self.n += k
        self.by[pid] = self.by.get(pid, 0) + 1


def counter():
    return Share.attach(os.environ["SHARE_NAME"]).counter


@app.task
def add(k):
    counter().add(os.getpid(), k)
