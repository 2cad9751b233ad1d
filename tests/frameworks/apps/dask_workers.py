"""Dask: tasks in two worker processes count in one shared object, and return what they read of it."""

import os

from dask.distributed import Client, LocalCluster

from share import Share


class Progress:
    def __init__(self):
        self.done, self.by = 0, {}

    def tick(self, pid):
        self.done += 1
        self.by[pid] = self.by.get(pid, 0) + 1
        return self.done


def work(progress, _):
    return progress.tick(os.getpid())


if __name__ == "__main__":
    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": None}
    with Share() as shared, LocalCluster(**options) as cluster, Client(cluster) as client:
        shared.progress = Progress()
        numbers = client.gather(client.map(work, [shared.progress] * 100, range(100)))
        print(sorted(numbers) == list(range(1, 101)), shared.progress.done)
        print(sum(shared.progress.by.values()), os.getpid() in shared.progress.by)
        print(client.submit(lambda progress: type(progress.done), shared.progress).result())
