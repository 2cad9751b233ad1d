/* How long a node lives: while it is stored, or held by a process that has a proxy of it (src/share/_held.pyx).
 *
 * Two readers find n in what is published, enter it into their tables, may enter it a second time and release the first
 * entry (as a part that is reached through another one, which is then let go of), may queue a command that stores n again,
 * and release what they hold. Somebody removes n, or takes it out with a command that is answered. The coordinator executes,
 * looks into the tables entry by entry whenever nothing stores n, and lets n go if it is not held. A reader may be killed;
 * its entries go when C has passed what it had queued.
 *
 * No command that names n may meet one that has gone, and who has entered n and made its checks holds one that is there.
 *   -DBUG_NO_LOOKED   the reader does not wait while the coordinator looks
 *   -DBUG_LOOKED_LATE the coordinator says that it looks when it has looked
 *   -DBUG_NO_CHECK    the reader does not look whether n is still there
 *   -DBUG_RELEASE     an entry is released at once, although commands may name n
 *   -DBUG_REAP        a dead process's entries go at once
 *   -DBUG_KEPT        what an answer has taken away stays in what is published, and is let go of later
 */
#ifndef N
#define N 3
#endif
#define FOREVER 15
#define REMOVE 1
#define STORE 2
#define TAKE 3
#define NOTHING 4

byte op[N];
byte tail, C, looked;
bit id[4];                              /* entries 0, 1 of reader 0; 2, 3 of reader 1 */
byte until[4];
bit stored = 1;
bit gone;                               /* the coordinator has let go of n ... */
byte gone_at = FOREVER;                 /* ... and this is the commit that says so */
bit left;                               /* an answer has n itself in it, not a reference: nobody else may have it */
bit dead, done[2];

inline send(what, end) {
    atomic {
        if
        :: tail < N -> op[tail] = what; tail++; end = tail
        :: else
        fi
    }
}

inline enter(e) {
    until[e] = FOREVER;
    id[e] = 1;
    l = looked;
    c = C;
#ifndef BUG_NO_LOOKED
    if
    :: l > c -> C >= l; c = C
    :: else
    fi;
#endif
#ifndef BUG_NO_CHECK
    if
    :: gone_at <= c -> id[e] = 0; goto out
    :: else
    fi;
#endif
    assert(!gone && !left)
}

inline release(e) {
#ifdef BUG_RELEASE
    until[e] = 0
#else
    until[e] = last_sent
#endif
}

proctype Reader(byte me) {
    byte l, c, last_sent;
    {
        c = C;
        if
        :: gone_at > c
        :: else -> goto out
        fi;
        enter(2 * me);
        if
        :: enter(2 * me + 1); release(2 * me);
           if
           :: skip; send(STORE, last_sent)
           :: skip
           fi;
           release(2 * me + 1)
        :: skip;
           if
           :: skip; send(STORE, last_sent)
           :: skip
           fi;
           release(2 * me)
        fi;
out:    skip
    } unless { me == 1 && dead };
    done[me] = 1
}

proctype Kill() { if :: dead = 1 :: skip fi }

proctype Remover() {
    byte end;
    if
    :: skip; send(REMOVE, end)
    :: skip; send(TAKE, end)
    fi
}

inline look(after) {
#ifndef BUG_LOOKED_LATE
    looked = C + 1;
#endif
    held = 0;
    i = 0;
    do
    :: i < 4 ->
       if
       :: id[i] && until[i] > after -> held = 1
       :: else
       fi;
       i++
    :: else -> break
    od;
#ifdef BUG_LOOKED_LATE
    looked = C + 1
#endif
}

/* Every command is a commit of its own. An idle coordinator sends itself one that does nothing, and looks at its end. */
proctype Coordinator() {
    byte i, reap_at = FOREVER;
    bit held, taken;
end:
    do
    :: C < tail ->
       taken = 0;
       if
       :: op[C] == REMOVE -> stored = 0
       :: op[C] == STORE -> assert(!gone && !left); stored = 1
       :: op[C] == TAKE && stored ->
          stored = 0; taken = 1;
          look(C);
          if
          :: held
          :: else ->
#ifdef BUG_KEPT
             left = 1
#else
             gone = 1; left = 1; gone_at = C + 1
#endif
          fi
       :: else
       fi;
       if
       :: !stored && !gone && !taken ->
          look(C);
          if
          :: held
          :: else -> gone = 1; gone_at = C + 1
          fi
       :: else
       fi;
       C++
    :: C == tail && !stored && !gone && tail < N -> atomic { if :: C == tail && tail < N -> op[tail] = NOTHING; tail++ :: else fi }
    :: dead && done[1] && (id[2] || id[3]) ->
#ifdef BUG_REAP
       id[2] = 0; id[3] = 0
#else
       if
       :: reap_at == FOREVER -> reap_at = tail
       :: reap_at <= C -> id[2] = 0; id[3] = 0
       :: else -> skip
       fi
#endif
    od
}

init { atomic { run Reader(0); run Reader(1); run Kill(); run Remover(); run Coordinator() } }
