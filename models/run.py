"""Runs the models: each correct one must pass, each broken variant must fail. Needs spin and gcc.

``python models/run.py [word ...]`` runs those whose line contains one of the words.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
#: (model, what it is compiled with, whether a counterexample must be found)
RUNS = [
    ("append", "-DH=2 -DK=2 -DT=1", False),
    ("append", "-DH=2 -DK=1 -DT=2", False),
    ("append", "-DH=3 -DK=0 -DT=1", False),
    ("append", "-DH=2 -DK=1 -DT=1 -DBUG_PREDICT", True),
    ("append", "-DH=2 -DK=1 -DT=1 -DBUG_NO_LOOK", True),
    ("append", "-DH=2 -DK=1 -DT=1 -DBUG_SAME_BYTES", True),
    ("append", "-DH=2 -DK=1 -DT=1 -DBUG_ASK", True),
    ("append", "-DH=2 -DK=1 -DT=1 -DBUG_GIVE_UP", True),
    ("arena", "-DTHREADS=2", False),
    ("arena", "-DK=4", False),
    ("arena", "-DDIES -DMAXC=2", False),
    ("arena", "-DLEAVES", False),
    ("arena", "-DANSWERS -DK=3", False),
    ("arena", "-DANSWERS -DTHREADS=2", False),
    ("arena", "-DANSWERS -DDIES", False),
    ("arena", "-DTHREADS=2 -DBUG_NO_PENDING", True),
    ("arena", "-DTHREADS=2 -DBUG_START", True),
    ("arena", "-DTHREADS=2 -DBUG_RAN", True),
    ("arena", "-DTHREADS=2 -DBUG_ABANDON", True),
    ("arena", "-DTHREADS=2 -DBUG_FORGOTTEN", True),
    ("arena", "-DDIES -DBUG_REAP", True),
    ("arena", "-DDIES -DBUG_CACHED", True),
    ("arena", "-DLEAVES -DBUG_LEFT", True),
    ("arena", "-DANSWERS -DK=3 -DBUG_NO_PENDING", True),
    ("arena", "-DANSWERS -DK=3 -DBUG_START", True),
    ("arena", "-DANSWERS -DK=3 -DBUG_FORGOTTEN", True),
    ("arena", "-DANSWERS -DK=3 -DBUG_TAKE_FIRST", True),
    ("arena", "-DANSWERS -DK=3 -DBUG_AT_C", True),
    ("arena", "-DANSWERS -DK=3 -DBUG_NOT_FOUND", True),
    ("arena", "-DANSWERS -DK=3 -DBUG_FOUND_AT_HEAD", True),
    ("arena", "-DANSWERS -DK=3 -DBUG_NOT_CUT", True),
    ("arena", "-DANSWERS -DTHREADS=2 -DBUG_NO_RECHECK", True),
    ("arena", "-DANSWERS -DDIES -DBUG_REAP", True),
    ("arena", "-DANSWERS -DDIES -DBUG_CACHED", True),
    ("directory", "-DP=2", False),
    ("directory", "-DP=3 -DLOOKS=1 -DOBJECTS -DFAILS=0", False),
    ("directory", "-DP=2 -DBUG_NO_ROOT_WAIT", True),
    ("directory", "-DP=2 -DBUG_ROOT_ONLY", True),
    ("directory", "-DP=2 -DBUG_NEWEST", True),
    ("directory", "-DP=2 -DBUG_TAG_LATER", True),
    ("directory", "-DP=2 -DBUG_NO_DROP", True),
    ("directory", "-DP=2 -DBUG_DIRECTORY_LATE", True),
    ("directory", "-DP=2 -DBUG_FREE_NAME", True),
    ("directory", "-DP=3 -DLOOKS=1 -DOBJECTS -DFAILS=0 -DBUG_NO_OWNER", True),
    ("directory", "-DP=3 -DLOOKS=1 -DOBJECTS -DFAILS=0 -DBUG_ID_AGAIN", True),
    ("directory", "-DP=3 -DLOOKS=1 -DOBJECTS -DFAILS=0 -DBUG_EARLY", True),
    ("elect", "-DMAXC=2 -DCLIENTS=2", False),
    ("elect", "-DMAXC=1 -DCLIENTS=3", False),
    ("elect", "-DMAXC=2 -DCLIENTS=2 -DBUG_NO_CAS", True),
    ("elect", "-DMAXC=2 -DCLIENTS=2 -DBUG_NO_STARTED", True),
    ("poison", "-DK=3 -DP=2 -DMAXC=2", False),
    ("poison", "-DK=4 -DP=3 -DMAXC=3", False),
    ("poison", "-DBUG_ONE_WORD", True),
    ("poison", "-DBUG_FORGET", True),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER", False),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DIDLE", False),
    ("ring", "-DMAXC=1 -DFIXED -DK=1", False),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DSPILL", False),
    ("ring", "-DMAXC=0 -DFIXED -DNO_READER -DSPILL -DREPLAY", False),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DSPILL -DREPLAY -DK=1", False),
    ("ring", "-DMAXC=0 -DFIXED -DNO_READER -DWANT -DK=3", False),
    ("ring", "-DMAXC=0 -DFIXED -DNO_READER -DWANT -DN=8 -DK=3", False),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DCLOSE -DK=1", False),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DREUSE", False),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DBUG_FULL", True),
    ("ring", "-DMAXC=0 -DFIXED -DNO_READER -DIDLE -DBUG_IDLE_ORDER", True),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DSPILL -DBUG_SPILL_FIRST", True),
    ("ring", "-DMAXC=0 -DFIXED -DNO_READER -DSPILL -DREPLAY -DBUG_SPILL_GROUP", True),
    ("ring", "-DMAXC=0 -DFIXED -DNO_READER -DWANT -DK=3 -DBUG_NO_LEAVE", True),
    ("ring", "-DMAXC=0 -DFIXED -DNO_READER -DCLOSE -DBUG_CLOSE_FLAG", True),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DREUSE -DBUG_REUSE", True),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DBUG_ROOM_COMMIT", True),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DBUG_NO_REFREE", True),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DBUG_FREE_BEFORE_COMMIT", True),
    ("ring", "-DMAXC=1 -DFIXED -DNO_READER -DBUG_CONSUMER_NO_HELP", True),
    ("ring", "-DMAXC=1 -DFIXED -DK=1 -DBUG_PAD_NO_COMMIT", True),
    ("held", "-DN=2", False),
    ("held", "-DN=2 -DBUG_NO_LOOKED", True),
    ("held", "-DN=2 -DBUG_LOOKED_LATE", True),
    ("held", "-DN=2 -DBUG_NO_CHECK", True),
    ("held", "-DN=2 -DBUG_RELEASE", True),
    ("held", "-DN=2 -DBUG_REAP", True),
    ("held", "-DN=2 -DBUG_KEPT", True),
    ("linking", "-DTS=1", False),
    ("linking", "-DTS=2", False),
    ("linking", "-DTS=1 -DBUG_COUNT_LATE", True),
    ("linking", "-DTS=1 -DBUG_BIT_LATE", True),
    ("linking", "-DTS=1 -DBUG_DOWN_EARLY", True),
    ("linking", "-DTS=1 -DBUG_LOOK_FIRST", True),
    ("logs", "-DL=2 -DP=4", False),
    ("logs", "-DL=1 -DP=5", False),
    ("logs", "-DL=2 -DBUG_FROM_START", True),
    ("logs", "-DL=2 -DBUG_IN_PLACE", True),
    ("logs", "-DL=2 -DBUG_REPLICA", True),
    ("logs", "-DL=1 -DP=5 -DBUG_NO_GENERATION", True),
    ("logs", "-DL=1 -DP=5 -DBUG_REBUILD", True),
    ("resp", "-DMAXC=2", False),
    ("resp", "-DMAXC=1 -DCAP=8", False),
    ("resp", "-DMAXC=2 -DGO_ON", False),
    ("resp", "-DMAXC=1 -DBUG_NO_RELOAD", True),
    ("resp", "-DMAXC=2 -DGO_ON -DBUG_NO_RELOAD", True),
    ("resp", "-DMAXC=1 -DBUG_STEP_OVER", True),
    ("resp", "-DMAXC=2 -DCAP=8 -DBUG_LOOK_AT_TAIL", True),
    ("resp", "-DMAXC=1 -DBUG_NO_MARGIN", True),
    ("resp", "-DMAXC=1 -DBUG_CUT_PADDING", True),
    ("resp", "-DMAXC=1 -DBUG_NO_PADDING", True),
    ("resp", "-DMAXC=1 -DBUG_NO_TRUNCATE", True),
    ("resp", "-DMAXC=1 -DCAP=8 -DBUG_TAIL_FIRST", True),
    ("resp", "-DMAXC=1 -DBUG_AFTER_COMMIT", True),
    ("resp", "-DMAXC=1 -DK=3 -DCAP=4 -DBUG_DROP_WHEN_FULL", True),
    ("slots", "-DGENCHECK -DMAXC=1 -DP=2", False),
    ("slots", "-DMAXC=1 -DP=2", False),
    ("slots", "-DGENCHECK -DMAXC=1 -DP=2 -DBUG_NO_INVALIDATE", True),
    ("slots", "-DMAXC=1 -DBUG_OLDER", True),
    ("slots", "-DMAXC=1 -DBUG_TWICE", True),
    ("slots", "-DMAXC=1 -DBUG_REBUILD", True),
    ("slots", "-DMAXC=1 -DBUG_FREE_FIRST", True),
    ("wake", "-DMAXC=0", False),
    ("wake", "-DMAXC=2 -DPRODUCERS=1", False),
    ("wake", "-DMAXC=1 -DPRODUCERS=1 -DREADERS=2", False),
    ("wake", "-DMAXC=1 -DPRODUCERS=1 -DBUG_FLAG_WORDS", True),
    ("wake", "-DMAXC=1 -DPRODUCERS=1 -DBUG_SLEEPER_CLEARS", True),
    ("wake", "-DMAXC=1 -DPRODUCERS=1 -DBUG_NO_FENCE_R", True),
    ("wake", "-DMAXC=1 -DPRODUCERS=1 -DBUG_NO_WAITER_WAKES", True),
    ("wake", "-DMAXC=1 -DPRODUCERS=1 -DREADERS=2 -DBUG_NO_TAKEOVER_WAKE", True),
    ("wake", "-DMAXC=1 -DPRODUCERS=1 -DBUG_NO_PROOF", True),
    ("wake", "-DMAXC=1 -DPRODUCERS=1 -DBUG_NO_CLAIM_PROOF", True),
    ("whole", "-DK=2 -DMAXC=1 -DCLIENT_DIES", False),
    ("whole", "-DK=1 -DMAXC=2 -DCLIENT_DIES", False),
    ("whole", "-DK=2 -DMAXC=2 -DN=2", False),
    ("whole", "-DPRODUCERS=1 -DK=4 -DMAXC=3", False),
    ("whole", "-DBUG_COMMIT_FIRST", True),
    ("whole", "-DBUG_PUBLISH_LATE", True),
    ("whole", "-DBUG_FREE_FIRST", True),
    ("whole", "-DBUG_NO_CUT", True),
    ("whole", "-DBUG_NO_REFREE", True),
    ("whole", "-DBUG_FLAG_LATE", True),
    ("whole", "-DBUG_NO_BARRIER", True),
]
COMPILER = ["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=6000", "-o", "pan", "pan.c"]


def run(model: str, macros: str) -> tuple[int, int, bool]:
    """(counterexamples, states, whether the search was complete)."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{model}.pml"
        source.write_bytes((HERE / f"{model}.pml").read_bytes())
        subprocess.run(
            ["spin", *macros.split(), "-a", source.name], cwd=folder, check=True, capture_output=True
        )
        subprocess.run(COMPILER, cwd=folder, check=True, capture_output=True)
        output = subprocess.run(
            ["./pan", "-m2000000"], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
    errors = int(output.partition("errors: ")[2].split()[0])
    states = int(output.partition(" states, stored")[0].split()[-1])
    # The assertion for those who wait for ever comes after everything has stopped: it must have been met.
    stops = "assert" not in output.partition("unreached in init")[2].partition("unreached in")[0]
    complete = "Search not completed" not in output and "max search depth" not in output
    return errors, states, complete and stops


def main(words: list[str]) -> int:
    """Runs the models whose line has one of the words in it; returns the exit status."""
    wrong = 0
    for model, macros, broken in RUNS:
        line = f"{model} {macros}"
        if words and not any(word in line for word in words):
            continue
        start = time.monotonic()
        errors, states, complete = run(model, macros)
        good = errors > 0 if broken else errors == 0 and complete
        wrong += not good
        verdict = "counterexample" if errors else "passes" if complete else "INCOMPLETE"
        seconds = time.monotonic() - start
        print(
            f"{'ok   ' if good else 'WRONG'} {line:68} {verdict:15} {states:>10} states {seconds:6.1f} s",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
