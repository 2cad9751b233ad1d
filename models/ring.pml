/* ring.pml: the command ring, flags and the commit position (_ringbuf.pyx, the loop in coordinator/_loop.pyx).
 *
 * Two producers send K commands of one or two cells each; one coordinator executes, commits in groups and frees.
 * Anybody dies between any two steps, MAXC deaths in all; a dead coordinator has a successor at once (how it is
 * chosen: elect.pml), and publishing and storing C is one step here (slots.pml takes it apart).
 *
 *   -DCLOSE   somebody closes the ring at any moment; a closed stamp is FREE with owner 1
 *   -DSPILL   commands of two cells have a spill segment, which must be there whenever they are executed and must
 *             be gone in the end
 *   -DREPLAY  a group cannot be published: it is undone, and its commands are run again and committed one by one
 *   -DIDLE    the coordinator looks at tail and head when it has nothing to do, and takes what cannot be for damage
 *   -DWANT    who finds no room for two cells has the others leave two free, one at a time: so it is overtaken at most
 *             once by each of them; who does so and dies costs room, and nobody waits for ever (without deaths here)
 *   -DREUSE   entries of dead producers are given to new processes by the reaping rule, whenever that is; one that
 *             leaves puts a dead process's word in the place of its own, and is then like a dead one
 *
 * One cell is never claimed: so a cell of another lap at tail means an old tail, and not a full ring.
 *
 * Checked: nothing lost, repeated, reordered or torn; a read sees every call that had returned before it began;
 * nobody waits for ever; a sound ring is never taken for a damaged one; after a close every command that was sent has
 * been executed. */
#ifndef N
#define N 4          /* cells */
#endif
#ifndef K
#define K 2          /* commands per producer, each of 1 or 2 cells */
#endif
#ifndef MAXC
#define MAXC 1       /* kills, of anybody */
#endif
#ifndef LAPMOD
#define LAPMOD 16    /* laps before the lap field wraps */
#endif
#define FREE 0
#define CLAIMED 1
#define COMMITTED 2
#define PAD 3
#define LAP(p) (((p)/N)%LAPMOD)
#define S(l,s,o,n) ((l)*64+(s)*16+(o)*4+(n))
#define SL(x) ((x)/64)
#define SS(x) (((x)/16)%4)
#define SO(x) (((x)/4)%4)
#define SN(x) ((x)%4)
#define MAX(a,b) ((a)>(b)->(a):(b))

short stamp[N];
byte body[N];
byte tail, head, commit;
bool spill[2*K], closed, gone[2];       /* gone: that producer was told that the ring is closed */
byte flag[2];                 /* wildcard, attr */
/* ghosts */
bool kill[2], reused[2], ckill, done[2], rdone;
byte kills, returned, sent[2], dur[2];   /* dur: the state that commit position stands for */
#define PROVEN(i) (kill[i] && !reused[i])
#ifdef BUG_ROOM_COMMIT
#define ROOM commit
#else
#define ROOM head
#endif
#ifdef BUG_FULL               /* every cell can be claimed */
#define USABLE N
#else
#define USABLE (N - 1)
#endif
#define ISCLOSED(s) (SS(s) == FREE && SO(s) == 1)
#define OVER ((done[0] || kill[0]) && (done[1] || kill[1]))
#ifdef BUG_HELP_CLAIMED_ONLY
#define HELPABLE(s) (SS(s) == CLAIMED)
#else
#define HELPABLE(s) (SS(s) != FREE)
#endif
#ifndef BUG_ROOM_COMMIT
#define CLR body[p % N] = 0   /* ghost: fewer states */
#else
#define CLR skip
#endif
#ifdef FIXED
#define SIZES n = 1 + (i + k) % 2
#else
#define SIZES if :: n = 1 :: n = 2 fi
#endif

#ifdef WANT
byte want, passed;                       /* who waits for two cells; ghost: how often it was overtaken */
#define WANTED_BY_OTHER (want && want != i + 1)
#ifdef BUG_NO_LEAVE
#define LEAVE 0
#else
#define LEAVE l
#endif
#define LOOK l = (WANTED_BY_OTHER -> 2 : 0)
#define LEFT_AGAIN (l && !WANTED_BY_OTHER)
#define WANT_ROOM d_step { if :: n == 2 && !want -> want = i + 1; passed = 0 :: else fi }
#define UNWANT d_step { if :: want == i + 1 -> want = 0; passed = 0 :: else fi }
#define COUNT if :: WANTED_BY_OTHER && head + USABLE < t + n + 2 -> passed++; assert(passed <= 1) :: else fi
#else
#define LEAVE 0
#define LOOK skip
#define LEFT_AGAIN false
#define WANT_ROOM skip
#define UNWANT skip
#define COUNT skip
#endif
#define NEED ((n > N - t % N -> N - t % N : n) + LEAVE)

proctype producer(byte i) {
  byte k, t, h, n, r; short s;
#ifdef WANT
  byte l;
#endif
  { do
    :: k == K -> break
    :: k < K ->
       SIZES;
#ifdef SPILL
       if :: n == 2 -> spill[i*K + k] = 1 :: else fi;
#endif
#ifdef BUG_CLOSE_FLAG
       if :: closed -> gone[i] = 1; goto over :: else fi;
#endif
retry: LOOK;
       t = tail;
       d_step { s = stamp[t % N]; r = N - t % N;
          if :: SL(s) != LAP(t) -> r = 3                                    /* an old tail */
             :: SL(s) == LAP(t) && ISCLOSED(s) -> r = 4
             :: SL(s) == LAP(t) && SS(s) == FREE && !ISCLOSED(s) -> r = (n > r -> 2 : 0)    /* 2: PAD the wrap  0: claim */
             :: SL(s) == LAP(t) && SS(s) != FREE && HELPABLE(s) -> r = 1    /* help */
             :: else -> r = 5 fi };
       if
       :: r == 4 -> spill[i*K + k] = 0; gone[i] = 1; goto over
       :: r == 3 -> assert(tail != t);                                      /* else the ring is taken for damaged */
          d_step { t = 0; s = 0; r = 0 }; goto retry
       :: r == 5 -> d_step { tail != t || stamp[t % N] != s -> t = 0; s = 0; r = 0 }; goto retry
       :: r == 1 -> d_step { if :: tail == t -> tail = t + SN(s) :: else fi; t = 0; s = 0; r = 0 }; goto retry
       :: r == 0 || r == 2
       fi;
       if
       :: d_step { ROOM <= t && t + NEED <= ROOM + USABLE -> skip }
       :: ROOM > t -> assert(tail != t);
          d_step { t = 0; s = 0; r = 0 }; goto retry                                  /* an old tail */
       :: d_step { ROOM <= t && t + NEED > ROOM + USABLE -> h = ROOM; t = 0; s = 0; r = 0 };
          WANT_ROOM;
#ifdef CLOSE
          d_step { (ROOM != h || (SL(stamp[tail % N]) == LAP(tail) && ISCLOSED(stamp[tail % N]))) -> h = 0 };
          goto retry                                                                /* no room, not closed: wait */
#else
          d_step { ROOM != h || LEFT_AGAIN -> h = 0 }; goto retry                    /* no room: wait */
#endif
       fi;
       if
#ifdef BUG_PAD_TWO_STEPS   /* claim the rest CLAIMED(me), then turn it to PAD */
       :: r == 2 -> d_step { if :: stamp[t % N] == s -> stamp[t % N] = S(LAP(t),CLAIMED,i,N - t % N)
                                :: else -> r = 0 fi; };
          if :: r == 2 -> d_step { stamp[t % N] == S(LAP(t),CLAIMED,i,N - t % N) -> stamp[t % N] = S(LAP(t),PAD,0,N - t % N) } :: else fi;
          d_step { t = 0; s = 0; r = 0 }; goto retry
#else
       :: r == 2 -> d_step { if :: stamp[t % N] == s -> stamp[t % N] = S(LAP(t),PAD,0,N - t % N) :: else fi; t = 0; s = 0; r = 0 };
          goto retry
#endif
       :: r == 0 ->
          d_step { if :: stamp[t % N] == s -> stamp[t % N] = S(LAP(t),CLAIMED,i,n); COUNT :: else -> r = 1 fi; s = 0 };
          if :: r == 1 -> d_step { t = 0; r = 0 }; goto retry :: else fi;
          UNWANT
       fi;
       d_step { if :: tail == t -> tail = t + n :: else fi; assert(tail <= head + USABLE) };
       d_step { flag[i] = MAX(flag[i], t + n) };
       body[t % N] = i*16 + k + 1;
       if :: n == 2 -> body[(t+1) % N] = i*16 + k + 1 :: else fi;
       d_step { assert(stamp[t % N] == S(LAP(t),CLAIMED,i,n));   /* nobody stole a live claim */
                stamp[t % N] = S(LAP(t),COMMITTED,i,n); sent[i] = k + 1 };
       d_step { returned = MAX(returned, t + n); k++; n = 0; t = 0 }      /* the call returns */
    od;
over: skip;
    done[i] = 1
  } unless { d_step { kill[i] -> k = 0; t = 0; h = 0; n = 0; r = 0; s = 0 } }
}

#ifdef REUSE
/* the process-table entry of a dead producer is given to a new, living process */
proctype reaper(byte i) {
  byte t; short s;
  if :: kill[i] :: done[i] -> goto out fi;
#ifndef BUG_REUSE
  do
  :: t = tail; d_step { s = stamp[t % N];
     if :: SL(s) == LAP(t) && SS(s) != FREE :: else -> s = 0 fi };
     if :: s != 0 -> d_step { if :: tail == t -> tail = t + SN(s) :: else fi; s = 0 }
        :: else -> if :: tail == t -> break :: else fi
     fi
  od;
  commit >= t;
#endif
  reused[i] = 1;
out: skip
}
#endif

#ifdef SPILL
/* the spills of the records in [p, e) */
#define DROP_SPILLS(e) \
    do :: p < e && SL(stamp[p % N]) == LAP(p) && SS(stamp[p % N]) != FREE -> \
          d_step { s = stamp[p % N]; \
                   if :: SS(s) == COMMITTED && SN(s) == 2 -> x = body[p % N] :: else -> x = 0 fi }; \
          if :: x -> spill[(x / 16) * K + x % 16 - 1] = 0 :: else fi; \
          d_step { p = p + SN(s); s = 0; x = 0 } \
       :: else -> break od
#endif

#ifdef CLOSE
proctype closer()
{
  byte t; short s;
#ifdef BUG_CLOSE_FLAG
  closed = 1;
#else
  do
  :: t = tail; s = stamp[t % N];
     if
     :: SL(s) != LAP(t) -> skip
     :: SL(s) == LAP(t) && SS(s) != FREE -> d_step { if :: tail == t -> tail = t + SN(s) :: else fi }
     :: else -> d_step { if :: stamp[t % N] == s -> stamp[t % N] = S(LAP(t),FREE,1,0); t = 200 :: else fi };
        if :: t == 200 -> break :: else fi
     fi
  od;
#endif
  skip;
  d_step { t = 0; s = 0 }
}
#endif

#define AT (e < head + N && SL(stamp[e % N]) == LAP(e))
#ifdef REPLAY
#define SINGLY (e > commit && e <= again)
#define RUNNABLE (!SINGLY)
#else
#define RUNNABLE true
#endif
#ifdef BUG_SPILL_GROUP        /* the spills of the whole group, when its first command is committed */
#define SPILLS_TO MAX(e, again)
#else
#define SPILLS_TO e
#endif
proctype coordinator() {
  byte e, p, L[2], x; short s;
#ifdef REPLAY
  byte again; bool undone;
#define FORGET again = 0
#else
#define FORGET skip
#endif
restart:
  { /* take over: finish freeing [head, commit), load the mirror */
#ifndef BUG_NO_REFREE
    p = head;
#ifdef SPILL
    DROP_SPILLS(commit);
    p = head;
#endif
    do :: p < commit -> d_step { stamp[p % N] = S(LAP(p+N),FREE,0,0); CLR; p++ } :: else -> break od;
    head = p;
#endif
    d_step { e = commit; L[0] = dur[0]; L[1] = dur[1]; p = 0 };
end:do
    :: AT && RUNNABLE && (SS(stamp[e % N]) == COMMITTED || SS(stamp[e % N]) == PAD) ->
#ifndef BUG_CONSUMER_NO_HELP
       d_step { s = stamp[e % N]; if :: tail == e -> tail = e + SN(s) :: else fi };
#else
       s = stamp[e % N];
#endif
       d_step {
         if :: SS(s) == COMMITTED -> x = body[e % N];
#ifdef SPILL
               assert(SN(s) == 1 || spill[(x / 16) * K + x % 16 - 1]);
#endif
               assert(x / 16 == SO(s));
               if :: SN(s) == 2 -> assert(body[(e+1) % N] == x) :: else fi;     /* body not torn */
               assert(x % 16 == L[SO(s)] + 1); L[SO(s)] = x % 16                /* in order, once */
            :: else fi;
         e = e + SN(s); x = 0; s = 0 }
    :: AT && SS(stamp[e % N]) == CLAIMED && PROVEN(SO(stamp[e % N])) ->
#ifndef BUG_CONSUMER_NO_HELP
       d_step { s = stamp[e % N]; if :: tail == e -> tail = e + SN(s) :: else fi };
#else
       s = stamp[e % N];
#endif
       d_step { if :: stamp[e % N] == s -> stamp[e % N] = S(SL(s),PAD,0,SN(s)) :: else fi; s = 0 }
#ifdef BUG_PAD_NO_COMMIT
    :: e > commit && (L[0] != dur[0] || L[1] != dur[1]) ->
#else
    :: e > commit ->
#endif
#ifdef BUG_FREE_BEFORE_COMMIT
       p = head;
       do :: p < e -> d_step { stamp[p % N] = S(LAP(p+N),FREE,0,0); CLR; p++ } :: else -> break od;
       head = p;
#endif
#ifdef BUG_SPILL_FIRST
       p = head; DROP_SPILLS(e);
       skip;
#endif
       d_step { commit = e; dur[0] = L[0]; dur[1] = L[1]; p = head };
#ifdef SPILL
       DROP_SPILLS(SPILLS_TO);
       p = head;
#endif
       do :: p < e -> d_step { stamp[p % N] = S(LAP(p+N),FREE,0,0); CLR; p++ } :: else -> break od;
       head = e; p = 0
#ifdef REPLAY                   /* the group cannot be published: undone, and its commands run one by one */
    :: e > commit && !undone ->
       d_step { again = e; undone = 1; e = commit; L[0] = dur[0]; L[1] = dur[1] }
#endif
#ifdef IDLE                     /* nothing to do: the ring must not look damaged */
    :: e == commit && SL(stamp[e % N]) == LAP(e) && SS(stamp[e % N]) == FREE && !OVER ->
       assert(head == e);
       p = tail;
#ifdef BUG_IDLE_ORDER           /* the cell first, then tail */
       assert(p == e);
#else
       if :: p != e -> assert(!(SL(stamp[e % N]) == LAP(e) && SS(stamp[e % N]) == FREE)) :: else fi;
#endif
       p = 0
#endif
#ifdef BUG_CLOSE_FLAG
    :: closed && e == commit && SS(stamp[e % N]) == FREE -> goto over
#endif
    od
  } unless { d_step { ckill -> ckill = 0; e = 0; p = 0; L[0] = 0; L[1] = 0; x = 0; s = 0; FORGET } };
  goto restart;
over: skip
}

proctype reader() {
  byte g, F;
  d_step { g = returned; F = flag[0] };       /* g: every call that returned before this read began */
  d_step { F = MAX(F, flag[1]) };
  commit >= F;                                /* barrier: one F, never re-read */
  d_step { assert(commit >= g); rdone = 1; g = 0; F = 0 }
}

proctype killer() {
  do
  :: kills < MAXC && !kill[0] && !done[0] -> d_step { kill[0] = 1; kills++ }
  :: kills < MAXC && !kill[1] && !done[1] -> d_step { kill[1] = 1; kills++ }
#ifndef NO_CKILL
  :: kills < MAXC && !ckill -> d_step { ckill = 1; kills++ }
#endif
  :: break
  od
}

init {
  byte i;
  atomic {
    run coordinator(); run producer(0); run producer(1);
#ifndef NO_READER
    run reader();
#else
    rdone = 1;
#endif
#if MAXC > 0
    run killer();
#endif
#ifdef REUSE
    run reaper(0); run reaper(1);
#endif
#ifdef CLOSE
    run closer();
#endif
  }
  timeout ->
  /* nothing can move any more */
  assert(rdone);                                            /* no reader waits for ever */
  assert(done[0] || kill[0]); assert(done[1] || kill[1]);   /* no producer is wedged */
  assert(head == commit && commit == tail);
  assert(dur[0] == sent[0] && dur[1] == sent[1]);           /* nothing lost, nothing invented */
#ifdef SPILL
  assert(kill[0] || (!spill[0] && !spill[K-1]));            /* a dead producer's are reaped with its entry */
  assert(kill[1] || (!spill[K] && !spill[2*K-1]))
#endif
}
