"""What tests of shares on engines run as programs, and kill: python engine_programs.py WHAT URL NAME ..."""

import sys
import time

from durable_programs import Ledger

from share import EngineError, EngineLostError, FencedError, Share


def count(url, name, durable):
    """Prints the coordinator's pid, then what is acknowledged as stored, until it is killed or replaced."""
    shared = Share(name, engine=url, durable=durable)
    if "ledger" not in shared:
        shared.ledger = Ledger()
        shared.flush(durable=True)
    print(shared.health().coordinator, flush=True)
    ledger = shared.ledger
    for i in range(10**9):
        try:
            for key in range(i % 7):
                ledger.add.send(key)
            if durable == "engine" and i % 2:
                print(ledger.add("x"), flush=True)
            else:
                ledger.add.send("x")
                shared.flush(durable=True)
                print(ledger.n, flush=True)
        except FencedError:
            print("fenced", flush=True)
            return
        except (EngineError, EngineLostError):
            time.sleep(0.01)  # the server is away; what has raised was not acknowledged


if __name__ == "__main__":
    {"count": count}[sys.argv[1]](*sys.argv[2:])
