/* arena.pml: arenas, which hold what is too large for a ring (_arena.pyx; store_arguments and drain in
 * client/_large_arguments.pyx and client/_responses.pyx; arena_of and reap in coordinator/_loop.pyx; coordinator/_answers.pyx).
 *
 *   here                          there
 *   release, take, note_part      Arena.release, Arena.take (early: its "rather than to reserve more"), Arena.take_at
 *   placed                        region.until = end in Session.send; = ring.tail in Answers.send; = 0 where either gives up
 *   thread, up to tail++          store_arguments, then Session.send up to mpsc_try_claim; IS_IN is check_registered
 *   client                        Receiver.drain, from its peek to spsc_take; STILL is its look at head after large_response
 *   coordinator (answers)         ring_of with find_stored, Answers.add, forget, send; Loop.finish_commit; Loop.reap
 *
 * Who makes an arena gives its parts out, and notes in private memory which are in use: a queue, oldest first. A part is
 * free as soon as a count is there that others keep anyway. Its bytes may be somebody else's, or gone, from then on: here
 * they become 0 at once. Parts have one or two of A units; wrapping early, rather than to reserve more memory, is chosen
 * freely. The bytes of a part are a number of its own, and whoever reads them looks twice.
 *
 * Arguments: one or two threads of a process send commands. A part is PENDING from when it was given out until its command
 * has its place in the ring; a call may be abandoned before that (time-out, Ctrl-C). The coordinator runs commands, in
 * groups, and stores C; its successor runs again what is beyond C. -DDIES: the process may die anywhere; its arena goes
 * when C is where the ring ended then, and after that another process has its entry. -DLEAVES: another thread closes the
 * share, and the process registers anew; whoever was about to send a command then does not.
 *
 * -DANSWERS: the coordinator's arena for one client. A part is PENDING until its record is in the response ring, and free
 * when the client has gone beyond that. The client copies what it takes, or drops it; two threads of it may do so at once,
 * as other code may run where memory is allocated. A group may be undone and run again. A successor cuts the ring back to
 * C, and finds there what is in use. -DDIES: as above.
 *
 * Checked: no part is overwritten or given back that somebody still reads; a successor finds the bytes that it reads; in
 * the end every part is free again, and what the dead had is gone; nobody waits for ever.
 *
 *   -DBUG_NO_PENDING      a part is not noted as in use before its command, or its record, has its place
 *   -DBUG_START           its count is that where the command begins, or where its record does
 *   -DBUG_RAN             arguments are free as soon as their command has run
 *   -DBUG_ABANDON         whoever abandons a queued call frees its arguments
 *   -DBUG_FORGOTTEN       whoever abandons a call before it is queued, or undoes a group, leaves its parts as they are
 *   -DBUG_LEFT            a thread sends its command as one of the registration that came after
 *   -DBUG_REAP            what a dead process had goes as soon as it is known to be dead
 *   -DBUG_CACHED          the coordinator keeps what it has attached when the entry is given back
 *   -DBUG_TAKE_FIRST      the client takes a record before it copies the answer
 *   -DBUG_NO_RECHECK      it takes one after copying, whoever has taken the one that it copied
 *   -DBUG_AT_C            answers are free as soon as C has passed them
 *   -DBUG_NOT_FOUND       a successor begins with an arena of which nothing is in use
 *   -DBUG_FOUND_AT_HEAD   it takes only the next answer for one that is in use
 *   -DBUG_NOT_CUT         it leaves the answers beyond C in the ring                                                   */
#ifndef A
#define A 4
#endif
#ifndef K
#define K 2
#endif
#ifndef MAXC
#define MAXC 1                  /* deaths of coordinators */
#endif
#ifndef THREADS
#define THREADS 1               /* of a process */
#endif
#define PENDING 255
#define NONE 254
#ifdef BUG_NO_PENDING
#define UNTIL_PLACED 0
#else
#define UNTIL_PLACED PENDING
#endif
#define DIE(who) unless { dead[who] }
#define TOP 8                   /* commands at most */
typedef Parts { byte start[A]; byte end[A]; byte until[A]; byte n; byte next };
typedef Arena { byte unit[A] };
Arena mem[2];                   /* by serial */
bit named[2];                   /* its name is there */
byte serial;                    /* of the process in the entry */
byte word;                      /* 0: the entry is free, 1: its process lives, 2: is dead */
byte C, kills;
bit ckill, dead[2], finished[4];

inline clear(p) { p.n = 0; p.next = 0;
  p.start[0] = 0; p.end[0] = 0; p.until[0] = 0; p.start[1] = 0; p.end[1] = 0; p.until[1] = 0;
  p.start[2] = 0; p.end[2] = 0; p.until[2] = 0; p.start[A-1] = 0; p.end[A-1] = 0; p.until[A-1] = 0 }

inline release(p, s, count) {           /* in a d_step; j is its own */
  j = 0;
  do
  :: p.n > 0 && p.until[0] <= count ->
     j = p.start[0];
     do :: j < p.end[0] -> mem[s].unit[j] = 0; j++ :: else -> break od;
     p.n = p.n - 1; j = 0;
     do :: j < p.n -> p.start[j] = p.start[j+1]; p.end[j] = p.end[j+1]; p.until[j] = p.until[j+1]; j++ :: else -> break od;
     p.start[j] = 0; p.end[j] = 0; p.until[j] = 0;
     if :: p.n == 0 -> p.next = 0 :: else fi
  :: else -> break
  od;
  j = 0 }

inline take(p, size, early) {           /* gives at, or NONE */
  at = 0;
  if
  :: p.n == 0
  :: p.n > 0 ->
     at = p.next;
     if
     :: at <= p.start[0] -> if :: size > p.start[0] - at -> at = NONE :: else fi
     :: at > p.start[0] && size <= p.start[0] && (early || at + size > A) -> at = 0
     :: else -> if :: at + size > A -> at = NONE :: else fi
     fi
  fi;
  if :: at != NONE -> note_part(p, at, at + size, UNTIL_PLACED) :: else fi }

inline note_part(p, first, last, count) {
  p.start[p.n] = first; p.end[p.n] = last; p.until[p.n] = count; p.n = p.n + 1; p.next = last }

inline placed(p, first, count) {        /* the part that begins there and is PENDING */
  j = 0;
  do :: j < p.n && !(p.start[j] == first && p.until[j] == UNTIL_PLACED) -> j++ :: else -> break od;
  if :: j < p.n -> p.until[j] = count :: else fi;
  j = 0 }

#ifndef ANSWERS
/* -- arguments --------------------------------------------------------------------------------------------------- */
#define R 2                     /* so many commands find room in the ring */
#define CLAIMED 1
#define COMMITTED 2
#define PAD 3
#define MOST(me) (me > 0 -> 1 : K)
#define BYTES me * K + k + 1
Parts used[2];                  /* private to the process, common to its threads */
byte stamp[TOP], off[TOP], units[TOP], bytes[TOP];      /* no units: a spill */
byte tail;
byte between;                   /* how many threads are between claim and commit */
bit abandoned;                  /* one call is, at most */
#if defined(LEAVES) && defined(BUG_LEFT)
#define IS_IN word == 1
#elif defined(LEAVES)
#define IS_IN (word == 1 && serial == s)
#else
#define IS_IN true
#endif
#ifdef BUG_RAN
byte ran;
#define COUNT ran
#define NOTE_RAN ; ran = e
#else
#define COUNT C
#define NOTE_RAN
#endif
#ifdef BUG_START
#define FREED_AT tail
#else
#define FREED_AT tail + 1
#endif

proctype thread(byte s, me) { byte at, i, n, k, j, w;
  {
    do
    :: k == MOST(me) -> break
    :: k < MOST(me) ->
again: atomic {
         if :: !n -> n = 1 :: !n -> n = 2 :: n fi;
         if
         :: d_step { release(used[s], s, COUNT); take(used[s], n, 0) }
         :: d_step { release(used[s], s, COUNT); take(used[s], n, 1) }
         fi;
         w = (at == NONE -> used[s].until[0] : 0)
       };
       if
       :: at == NONE && w == PENDING -> n = 0                   /* another thread's: it does without */
       :: at == NONE && w != PENDING -> C >= w; goto again
       :: at != NONE -> d_step { i = at; do :: i < at + n -> mem[s].unit[i] = BYTES; i++ :: else -> break od; i = 0 }
       fi;
       if
       :: d_step { IS_IN && tail - C < R -> between++; stamp[tail] = CLAIMED; off[tail] = at; units[tail] = n;
                   bytes[tail] = BYTES;
                   if :: n > 0 -> placed(used[s], at, FREED_AT) :: else fi; at = 0; n = 0; k++; w = tail; tail++ };
#ifdef BUG_ABANDON
          d_step { stamp[w] = COMMITTED; between-- };
          if
          :: !abandoned ->
             d_step { abandoned = 1; j = 0;
                      do :: j < used[s].n && used[s].until[j] != w + 1 -> j++ :: else -> break od;
                      if :: j < used[s].n -> used[s].until[j] = 0 :: else fi; j = 0 }
          :: skip
          fi;
          w = 0
#else
          d_step { stamp[w] = COMMITTED; w = 0; between-- }
#endif
       :: !abandoned ->
          d_step { abandoned = 1;
#ifndef BUG_FORGOTTEN
                   if :: n > 0 -> placed(used[s], at, 0) :: else fi;
#endif
                   at = 0; n = 0; w = 0; k++ }
#ifdef LEAVES
       :: serial != s || word != 1 -> break                      /* closed by another thread */
#endif
       fi
    od;
    finished[me] = 1
  } DIE(s);
  k = 0;
  d_step { at = 0; i = 0; n = 0; j = 0; w = 0; if :: dead[s] -> clear(used[s]) :: else fi }
}

inline look() { i = 0;
  do :: i < units[e] -> assert(mem[attached - 1].unit[off[e] + i] == bytes[e]); i++ :: else -> break od; i = 0 }

proctype coordinator() { byte e, i, attached, until; bit leaving;
restart:
  {
    e = C;
end:do
    :: d_step { e < tail && stamp[e] == COMMITTED && units[e] > 0 ->
         if :: !attached -> assert(named[serial]); attached = serial + 1 :: else fi; look() };
       d_step { look(); e++ NOTE_RAN }
    :: d_step { e < tail && (stamp[e] == PAD || stamp[e] == COMMITTED && units[e] == 0) -> e++ NOTE_RAN }
    :: e < tail && stamp[e] == CLAIMED && word == 2 -> stamp[e] = PAD
    :: d_step { e > C -> i = C; C = e;      /* what is behind C is of no interest any more */
         do :: i < e -> stamp[i] = 0; off[i] = 0; units[i] = 0; bytes[i] = 0; i++ :: else -> break od; i = 0 }
    :: d_step { word == 2 && !leaving -> leaving = 1; until = tail }
#ifdef BUG_REAP
    :: leaving ->
#else
    :: leaving && C >= until ->
#endif
       d_step { leaving = 0; until = 0; named[serial] = 0
#ifndef BUG_CACHED
                ; attached = 0
#endif
              };
       word = 0
    od
  } unless { d_step { ckill -> ckill = 0; e = 0; i = 0; attached = 0; until = 0; leaving = 0 } };
  goto restart
}

inline begin(s) { run thread(s, 2 * s); if :: s == 0 && THREADS == 2 -> run thread(s, 1) :: else -> finished[2 * s + 1] = 1 fi }
#else
/* -- answers ------------------------------------------------------------------------------------------------------ */
typedef Ring { byte position[2*K]; byte off[2*K]; byte units[2*K]; byte head, tail };
Ring ring[2];
byte sent[2], got[2];           /* by serial */
byte q, owner[TOP], hist[TOP];  /* calls that were sent; what the run answered that was committed */
byte runs;                      /* how often something has been run again */
bit undone;                     /* one group is, at most */
#define MOST(s) (s == 1 -> 1 : K)
#define BYTES 1 + e + TOP * runs
#ifdef BUG_AT_C
#define COUNT c
#define FREED_AT u
#else
#define COUNT ring[s].head
#ifdef BUG_START
#define FREED_AT ring[s].tail
#else
#define FREED_AT ring[s].tail + 1
#endif
#endif

inline look() { i = a;
  do :: i < a + n -> assert(mem[s].unit[i] == hist[p]); i++ :: else -> break od; i = 0 }
#ifdef BUG_NO_RECHECK
#define STILL true
#else
#define STILL ring[s].head == c
#endif

proctype client(byte s, me) { byte c, i, p, n, a;
  {
    do
    :: got[s] == MOST(s) -> break
    :: d_step { sent[s] < MOST(s) -> sent[s]++; q++; owner[q] = s }
    :: ring[s].head < ring[s].tail ->
       c = C;
       if
       :: d_step { ring[s].head < ring[s].tail && ring[s].position[ring[s].head] <= c ->        /* tail anew, after C */
            c = ring[s].head; p = ring[s].position[c]; n = ring[s].units[c]; a = ring[s].off[c] };
          if
          :: n > 0 -> n = 0                                     /* nobody wants it any more */
          :: skip
          fi;
#ifdef BUG_TAKE_FIRST
          ring[s].head = c + 1;
          d_step { look(); got[s]++; p = 0; n = 0; a = 0; c = 0 }
#else
          d_step { if :: STILL -> look() :: else fi };
          d_step {
            if
            :: STILL ->
               look(); assert(ring[s].head < ring[s].tail); ring[s].head = ring[s].head + 1; got[s]++;
               hist[p] = 0; owner[p] = 0; ring[s].position[c] = 0; ring[s].units[c] = 0; ring[s].off[c] = 0
            :: else
            fi;
            p = 0; n = 0; a = 0; c = 0 }
#endif
       :: else -> c = 0
       fi
    od;
    finished[2 * s + me] = 1
  } DIE(s);
  c = 0;
  d_step { i = 0; p = 0; n = 0; a = 0 }
}

Parts used;                     /* private to the coordinator */
proctype coordinator() { byte e, c, i, j, n, at, s, u, bound, until, val[TOP], where[TOP], size[TOP]; bit leaving;
restart:
  {
    d_step { c = C; e = c };
#ifndef BUG_NOT_CUT
    d_step {
      if
      :: named[serial] ->                                       /* so its ring is there */
         u = ring[serial].head;
         do
         :: u < ring[serial].tail && ring[serial].position[u] <= c -> u++
         :: else -> break
         od;
         ring[serial].tail = u; u = 0
      :: else
      fi };
#endif
end:do
#ifdef BUG_CACHED
    :: d_step { e < q && !bound ->
#else
    :: d_step { e < q && bound != owner[e + 1] + 1 ->
#endif
         s = owner[e + 1]; assert(named[s]);
         clear(used); bound = s + 1; u = ring[s].head;
#ifndef BUG_NOT_FOUND
         do
         :: u < ring[s].tail ->
            if
            :: ring[s].units[u] > 0 -> note_part(used, ring[s].off[u], ring[s].off[u] + ring[s].units[u], u + 1)
            :: else
            fi;
#ifdef BUG_FOUND_AT_HEAD
            break
#else
            u++
#endif
         :: else -> break
         od;
#endif
         u = 0; s = 0 }
    :: atomic { e < q && bound &&
#ifndef BUG_CACHED
                bound == owner[e + 1] + 1 &&
#endif
                true ->
         s = bound - 1; e++; val[e] = BYTES;
         if :: n = 1 :: n = 2 fi;
         if
         :: d_step { release(used, s, COUNT); take(used, n, 0) }
         :: d_step { release(used, s, COUNT); take(used, n, 1) }
         fi };
       d_step {
         if
         :: at != NONE -> i = at; do :: i < at + n -> mem[s].unit[i] = val[e]; i++ :: else -> break od
         :: else -> n = 0                                       /* it has a segment of its own */
         fi;
         where[e] = at; size[e] = n; at = 0; n = 0; s = 0; i = 0 }
    :: d_step { e > c && !undone ->                             /* it cannot be published: everything again */
         undone = 1; runs++;
#ifndef BUG_FORGOTTEN
         do :: i < used.n -> if :: used.until[i] == PENDING -> used.until[i] = 0 :: else fi; i++ :: else -> break od;
#endif
         i = 0; do :: i < TOP -> val[i] = 0; where[i] = 0; size[i] = 0; i++ :: else -> break od; i = 0; e = c }
    :: e > c ->
       d_step { u = c; s = bound - 1 };
       do
       :: d_step { u < e ->
            u++;
            ring[s].position[ring[s].tail] = u; ring[s].off[ring[s].tail] = where[u]; ring[s].units[ring[s].tail] = size[u];
            if :: size[u] > 0 -> placed(used, where[u], FREED_AT) :: else fi;
            ring[s].tail = ring[s].tail + 1 }
       :: else -> break
       od;
       u = c;
       d_step { C = e; do :: u < e -> u++; hist[u] = val[u]; val[u] = 0; where[u] = 0; size[u] = 0 :: else -> break od;
                c = e; u = 0; s = 0 }
    :: d_step { word == 2 && !leaving -> leaving = 1; until = q }
#ifdef BUG_REAP
    :: leaving && e == c ->
#else
    :: leaving && e == c && c >= until ->
#endif
       d_step { leaving = 0; until = 0; named[serial] = 0
#ifndef BUG_CACHED
                ; bound = 0; clear(used)
#endif
              };
       word = 0
    od
  } unless { d_step { ckill -> ckill = 0; runs++; i = 0;
                      do :: i < TOP -> val[i] = 0; where[i] = 0; size[i] = 0; i++ :: else -> break od;
                      e = 0; c = 0; i = 0; j = 0; n = 0; at = 0; s = 0; u = 0; bound = 0; until = 0; leaving = 0;
                      clear(used) } };
  goto restart
}

inline begin(s) { run client(s, 0); if :: THREADS == 2 -> run client(s, 1) :: else -> finished[2 * s + 1] = 1 fi }
#endif

proctype next_process() {       /* takes the entry when it has been given back */
end: word == 0;
  atomic { serial = 1; word = 1; named[1] = 1; begin(1) }
}

proctype killer() {
  do
  :: kills < MAXC && !ckill -> d_step { ckill = 1; kills++ }
#ifdef DIES
  :: d_step { word == 1 && serial == 0 -> dead[0] = 1; word = 2 }
#endif
#ifdef LEAVES
  :: d_step { word == 1 && serial == 0 && between == 0 -> word = 2 }
#endif
  :: break
  od
}

init { byte i, j;
  atomic { word = 1; named[0] = 1; begin(0); run coordinator(); run killer(); run next_process() }
  timeout ->
  /* nothing can move any more */
  assert(word == 1 && finished[2 * serial] && finished[2 * serial + 1] && (serial == 0 || !named[0]));
#ifndef ANSWERS
  assert(C == tail);
  d_step { release(used[serial], serial, C); assert(used[serial].n == 0) }
#else
  assert(C == q);
  d_step { release(used, serial, ring[serial].head); assert(used.n == 0) }
#endif
}
