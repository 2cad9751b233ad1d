/* whole.pml: the ring, flags, slots and responses together, across deaths (send in client/_session.pyx,
 * await_response in client/_responses.pyx, read_slot in client/_proxy.pyx, finish_commit in coordinator/_loop.pyx, recover in _recovery.pyx).
 *
 * PRODUCERS clients, each with K writes of one cell to one object: every second one is a call, which waits for its
 * answer, the others are queued. After each the client reads the object. The object's state is how many writes of
 * each client it has seen: two words in a slot of two versions. The coordinator executes, publishes, answers, stores C
 * and frees the cells, for groups of any size; it dies between any two steps, and its successor takes over and runs
 * again what is not committed. -DCLIENT_DIES: the last client may be the one to die, too. MAXC deaths in all.
 *
 * Checked: the state has every write that was queued once and in order, whoever has run it; a call gets one answer, its
 * own, that of the run that was committed; a read sees the reader's own writes and every call that had returned before
 * it began, and is what was true at one commit position; nobody waits for ever. */
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef K
#define K 1
#endif
#ifndef N
#define N 4                     /* cells of the command ring */
#endif
#ifndef MAXC
#define MAXC 1
#endif
#define CAP 2                   /* answers that a response ring holds */
#define ALL (PRODUCERS * K + 1)
#define FREE 0
#define CLAIMED 1
#define COMMITTED 2
#define PAD 3
#define S(p,s,o) (((p) / N) * 8 + (s) * 2 + (o))
#define SL(x) ((x) / 8)
#define SS(x) (((x) / 2) % 4)
#define SO(x) ((x) % 2)
#define MAX(a,b) ((a) > (b) -> (a) : (b))
#define IS_CALL(i,k) (((i) + (k)) % 2)
#define EMPTY 15
byte stamp[N], body[N], tail, head, commit;
byte flag;
byte tag[2], w0[2], w1[2];      /* the slot */
byte rp[2*CAP], rv[2*CAP], rtail[2], rhead[2];          /* the response rings */
/* ghosts */
byte h0[ALL], h1[ALL];          /* the state at a commit position */
byte answer[ALL];               /* what the committed run of a command answered */
byte returned, sent[2];
bool dead[2], done[2], ckill; byte kills;

#define FIND(c) (tag[0] <= (c) && (tag[1] > (c) || tag[0] > tag[1]) -> 0 : (tag[1] <= (c) -> 1 : 2))

#define PUBLISH \
  d_step { v = FIND(c); v = 1 - v; tag[v] = EMPTY }; \
  w0[v] = L[0]; w1[v] = L[1]; \
  tag[v] = e; v = 0
#define COMMIT \
  d_step { commit = e; h0[e] = L[0]; h1[e] = L[1]; \
           if :: due[0] -> answer[due[0]] = said[0] :: else fi; \
           if :: due[1] -> answer[due[1]] = said[1] :: else fi }
#define FREE_CELLS \
  p = c; \
  do :: p < e -> stamp[p % N] = S(p + N, FREE, 0); p++ :: else -> break od; \
  head = e; p = 0

proctype coordinator()
{
  byte c, e, p, v, o, L[2], due[2], said[2], s; /* due, said: answers of this group, one a client at most */
restart:
  { c = commit;
    d_step { if :: tag[0] > c -> tag[0] = EMPTY :: else fi; if :: tag[1] > c -> tag[1] = EMPTY :: else fi };
#ifndef BUG_NO_CUT
    do
    :: o < PRODUCERS ->
       d_step { p = rhead[o]; do :: p != rtail[o] && rp[o*CAP + p % CAP] <= c -> p++ :: else -> break od };
       rtail[o] = p; o++
    :: else -> o = 0; break
    od;
#endif
#ifndef BUG_NO_REFREE
    p = head;
    do :: p < c -> stamp[p % N] = S(p + N, FREE, 0); p++ :: else -> break od;
    head = c;
#endif
    skip;
    d_step { v = FIND(c); assert(v < 2); L[0] = w0[v]; L[1] = w1[v]; assert(L[0] == h0[c] && L[1] == h1[c]);
             e = c; p = 0; v = 0 };
end:do
    :: e < head + N && SL(stamp[e % N]) == e / N && SS(stamp[e % N]) >= COMMITTED ->
       d_step { if :: tail == e -> tail = e + 1 :: else fi };
       d_step {
         s = stamp[e % N]; e++;
         if
         :: SS(s) == COMMITTED -> o = SO(s);
            assert(body[(e-1) % N] == o*8 + L[o] + 1);          /* every write, once, in order */
            L[o]++;
            if :: IS_CALL(o, L[o] - 1) -> due[o] = e; said[o] = L[0]*8 + L[1]*2 + kills % 2 :: else fi
         :: else
         fi;
         s = 0; o = 0 }
    :: e == c && SL(stamp[e % N]) == e / N && SS(stamp[e % N]) == CLAIMED && dead[SO(stamp[e % N])] ->
       d_step { if :: tail == e -> tail = e + 1 :: else fi };
       d_step { if :: SS(stamp[e % N]) == CLAIMED -> stamp[e % N] = S(e, PAD, 0) :: else fi }
    :: e > c ->
#ifdef BUG_COMMIT_FIRST         /* answers after C */
       COMMIT;
#endif
#if !defined(BUG_FREE_FIRST) && !defined(BUG_PUBLISH_LATE)
       PUBLISH;
#endif
       do
       :: o < PRODUCERS && due[o] ->
          d_step { assert(rtail[o] - rhead[o] < CAP); rp[o*CAP + rtail[o] % CAP] = due[o]; rv[o*CAP + rtail[o] % CAP] = said[o] };
          rtail[o] = rtail[o] + 1; o++
       :: o < PRODUCERS && !due[o] -> o++
       :: o == PRODUCERS -> o = 0; break
       od;
       skip;
#ifdef BUG_FREE_FIRST           /* the cells before C is stored */
       FREE_CELLS;
       PUBLISH;
#endif
#ifndef BUG_COMMIT_FIRST
       COMMIT;
#endif
#ifdef BUG_PUBLISH_LATE         /* the slot after C */
       PUBLISH;
#endif
#ifndef BUG_FREE_FIRST
       FREE_CELLS;
#endif
       atomic { c = e; p = 0; due[0] = 0; due[1] = 0; said[0] = 0; said[1] = 0 }
    od
  } unless { d_step { ckill -> ckill = 0; c = 0; e = 0; p = 0; v = 0; o = 0; s = 0; L[0] = 0; L[1] = 0;
                      due[0] = 0; due[1] = 0; said[0] = 0; said[1] = 0 } };
  goto restart
}

proctype client(byte i)
{
  byte k, t, s, g, c, v, x, y;
  { do
    :: k == K -> break
    :: k < K ->
claim: t = tail;
       s = stamp[t % N];
       if
       :: SL(s) != t / N -> assert(tail != t); goto claim
       :: SL(s) == t / N && SS(s) != FREE -> d_step { if :: tail == t -> tail = t + 1 :: else fi; t = 0; s = 0 }; goto claim
       :: SL(s) == t / N && SS(s) == FREE
       fi;
       if
       :: d_step { head > t || t - head + 1 > N - 1 -> x = head };
          if :: d_step { x > t || head != x -> x = 0; t = 0; s = 0 } fi;         /* no room: wait */
          goto claim
       :: d_step { head <= t && t - head + 1 <= N - 1 -> skip }
       fi;
       d_step { if :: stamp[t % N] == s -> stamp[t % N] = S(t, CLAIMED, i) :: else -> x = 1 fi; s = 0 };
       if :: x -> d_step { x = 0; t = 0 }; goto claim :: else fi;
       d_step { if :: tail == t -> tail = t + 1 :: else fi };
#ifndef BUG_FLAG_LATE
       flag = MAX(flag, t + 1);
#endif
       body[t % N] = i*8 + k + 1;
       d_step { assert(stamp[t % N] == S(t, CLAIMED, i)); stamp[t % N] = S(t, COMMITTED, i); sent[i] = k + 1 };
       t++;                                     /* the command's end position */
       if
       :: IS_CALL(i, k) ->
          atomic { commit >= t -> c = commit };
          s = rtail[i];
          d_step {
            assert(s != rhead[i] && rp[i*CAP + rhead[i] % CAP] <= c);           /* there is an answer, */
            assert(rp[i*CAP + rhead[i] % CAP] == t);                            /* to this call, */
            assert(rv[i*CAP + rhead[i] % CAP] == answer[t]);                    /* of the run that counts */
            rhead[i] = rhead[i] + 1 };
       :: else
       fi;
       d_step { returned = MAX(returned, t); k++; s = 0; c = 0 };        /* it returns */
#ifdef BUG_FLAG_LATE            /* the flag is raised after the call has returned */
       flag = MAX(flag, t);
#endif
       d_step { g = returned; t = flag };
#ifdef BUG_NO_BARRIER
       t = 0;
#endif
read:  atomic { commit >= t -> c = commit };
       d_step { v = FIND(c); if :: v < 2 -> s = tag[v] :: else fi };
       if :: v == 2 -> atomic { commit != c -> v = 0 }; goto read :: else fi;
       x = w0[v];
       y = w1[v];
       if :: tag[v] != s -> atomic { commit != c -> v = 0; s = 0; x = 0; y = 0 }; goto read :: else fi;
       d_step {
         assert(c >= g);                                        /* not stale */
         assert(x == h0[c] && y == h1[c]);                      /* one commit position */
         assert((i == 0 -> x : y) == k);                        /* with the reader's own writes */
         g = 0; t = 0; c = 0; v = 0; s = 0; x = 0; y = 0 }
    od;
    done[i] = 1
  } unless { d_step { dead[i] -> k = 0; t = 0; s = 0; g = 0; c = 0; v = 0; x = 0; y = 0 } }
}

proctype killer()
{
  end: do
  :: d_step { kills < MAXC && !ckill -> ckill = 1; kills++ }
#ifdef CLIENT_DIES
  :: d_step { kills < MAXC && !dead[PRODUCERS - 1] && !done[PRODUCERS - 1] -> dead[PRODUCERS - 1] = 1; kills++ }
#endif
  od
}

init {
  atomic {
    tag[1] = EMPTY;
    run coordinator(); run client(0);
#if PRODUCERS > 1
    run client(1);
#else
    done[1] = 1;
#endif
    run killer() }
  timeout ->
  assert(done[0]); assert(done[1] || dead[1]);
  assert(head == commit && commit == tail);
  assert(h0[commit] == sent[0] && h1[commit] == sent[1])
}
