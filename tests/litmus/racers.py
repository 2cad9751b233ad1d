"""Runs one litmus program with threads; for test_races.py, which reads what ThreadSanitizer says of it.

    python racers.py FOLDER_OF_PROGRAMS NAME BATCHES

Prints the outcomes that were seen and how often.
"""

import mmap
import struct
import sys
import threading
from collections import Counter


def main(folder: str, name: str, batches: int) -> None:
    sys.path.insert(0, folder)
    import programs

    memory = mmap.mmap(-1, programs.memory_bytes(batches))
    parties = programs.parties(name)
    threads = [
        threading.Thread(target=programs.run, args=(name, who, batches, memory)) for who in range(parties)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = struct.iter_unpack("5q", memory[programs.OUTCOMES :])
    print(dict(Counter((*row[:parties], row[4]) for row in numbers)))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
