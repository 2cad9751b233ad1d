"""The named test points, by the role of the process that comes by them."""

CLIENT = """
    process.entered process.registered segment.created arena.made arena.grown arena.given_back
    client.stored client.spilled
    client.opened_responses client.claimed
    client.flagged client.written client.committed client.read_answer client.copied_answer
    mpsc.claimed mpsc.moved_tail mpsc.written
    mpsc.committed mpsc.wrapped mpsc.helped wait.announced wait.bumped wait.bumped_always spsc.looked spsc.taken
    spsc.skipped
    held.made held.noted held.grown held.written
    segment.unlinked
""".split()

COORDINATOR = """
    coordinator.noted coordinator.executed coordinator.prepared coordinator.published coordinator.spilled
    coordinator.stored arena.made arena.grown arena.given_back
    coordinator.answered coordinator.committed coordinator.unlinked_spill coordinator.freed coordinator.settled
    coordinator.made_segment coordinator.listed_segment mpsc.consumer_helped mpsc.padded mpsc.freed
    mpsc.moved_head slot.begun slot.written slot.published heap.carved heap.released store.released store.buried
    spsc.wrapped spsc.written spsc.committed segment.created segment.unlinked wait.announced wait.bumped
    reap.unlinked holders.looking
""".split()

SUCCESSOR = """
    process.entered process.registered takeover.registered takeover.role takeover.dropped_directory
    takeover.dropped takeover.cut spsc.cut segment.unlinked takeover.unlinked_spill mpsc.freed mpsc.moved_head
    takeover.freed takeover.loaded takeover.cells takeover.heap takeover.woken wait.bumped_always
    coordinator.prepared coordinator.answered coordinator.committed
""".split()  # not coordinator.noted: a command that two coordinators die of is skipped, by design

RESCUER = """
    process.entered process.registered rescue.elected rescue.started rescue.noted_process rescue.noted
    wait.announced wait.bumped_always
""".split()

#: While the share is being closed: its owner, and its coordinator.
CLOSING_OWNER = """
    mpsc.closed wait.announced wait.bumped_always
""".split()

CLOSING_COORDINATOR = """
    coordinator.noted coordinator.executed coordinator.prepared coordinator.published coordinator.committed
    coordinator.unlinked_spill coordinator.freed coordinator.settled mpsc.freed coordinator.closed segment.unlinked
""".split()

#: Points that a process comes by only once.
ONCE = """
    process.entered process.registered client.opened_responses rescue.elected rescue.started rescue.noted_process
    rescue.noted arena.made takeover.registered takeover.role takeover.dropped_directory takeover.dropped takeover.freed
    takeover.loaded takeover.cells takeover.heap takeover.woken coordinator.made_segment coordinator.listed_segment
    mpsc.closed coordinator.closed takeover.unlinked_spill reap.unlinked mpsc.padded mpsc.consumer_helped
    held.made held.noted
""".split()
