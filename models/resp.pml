/* resp.pml: the response ring across deaths of the coordinator (spsc_* in _ringbuf.pyx, reserve_response and drain in
 * client/_responses.pyx, cut_responses in coordinator/_recovery.pyx).
 *
 * One client sends K calls, numbered by their end positions, and each wants an answer of one or two units in a ring
 * of CAP units. No answer crosses the end of the ring: what is left there is padding. A replayed call may answer
 * differently, in another size too. The client reserves before it sends: at most CAP / 2 - 2 calls are without their
 * answer. Answers are written before C is stored; a successor cuts the ring back to the first one beyond C; the client
 * loads C first and the ring's tail after it, for each answer anew, and does not believe a record that reaches beyond
 * that tail: the ring is damaged. Before it says so, and before it steps over padding, it makes sure that neither tail
 * nor the role has changed since it loaded them; else it looks again.
 *
 * Checked: each call gets exactly one answer, that of the run that was committed, in order; there is always room; a
 * sound ring is never taken for a damaged one. */
#ifndef K
#define K 5
#endif
#ifndef CAP
#define CAP 6
#endif
#ifndef MAXC
#define MAXC 1
#endif
#ifdef BUG_NO_MARGIN          /* as many as fit without padding */
#define MOST (CAP / 2)
#else
#define MOST (CAP / 2 - 2)
#endif
#ifdef BUG_LOOK_AT_TAIL       /* two successors: tail is as it was */
#define LOOK_AGAIN rtail != t
#else
#define LOOK_AGAIN rtail != t || role != r
#endif
#ifdef GO_ON                  /* its user tries again after the error */
#define DAMAGED goto over
#else
#define DAMAGED assert(false)
#endif
#ifdef BUG_TAIL_FIRST         /* loads the tail once, before C */
#define PEEK over
#else
#define PEEK peek
#endif
#define REST(u) (CAP - (u) % CAP)
byte q;                       /* commands queued (command ring abstracted: 1 cell each) */
byte commit;
byte rp[CAP], rv[CAP], rn[CAP];   /* record at unit u: position, value, units; 0 units: padding */
byte rtail, rhead;
byte hist[K+1];               /* ghost: the value that the committed run of command p returned */
byte ngot; bool ckill, cdone; byte kills, role, fresh = 1;

proctype coordinator() {
  byte e, c, n, u, i, val[K+1];
restart:
  { d_step { role++; c = commit };            /* it has the role */
#ifndef BUG_NO_TRUNCATE
    u = rhead;                /* cut back: everything after the last record with position <= commit */
    i = rtail;
    d_step { if :: u > i -> i = u :: else fi };         /* died between padding and the record behind it */
    do
    :: u < i && rn[u % CAP] == 0 ->
#ifdef BUG_CUT_PADDING        /* padding before an uncommitted record goes too */
       if :: rp[(u + REST(u)) % CAP] > c -> break :: else -> u = u + REST(u) fi
#else
       u = u + REST(u)
#endif
    :: u < i && rn[u % CAP] != 0 && rp[u % CAP] <= c -> u = u + rn[u % CAP]
    :: else -> break
    od;
    rtail = u;
#endif
    e = c;
end:do
    :: e < q ->
       e++;
       d_step { fresh = 1 + fresh % 5; val[e] = fresh };
       if :: n = 1 :: n = 2 fi;
#ifndef BUG_AFTER_COMMIT
       d_step { u = rtail; i = (n > REST(u) -> REST(u) : 0) };
#ifdef BUG_DROP_WHEN_FULL     /* never blocks, nothing is reserved: keeps it in private memory, hoping for room */
       if :: u + i + n - rhead > CAP -> goto nores :: else fi;
#else
       assert(u + i + n - rhead <= CAP);
#endif
#ifdef BUG_NO_PADDING         /* lets a record cross the end */
       i = 0;
#endif
       if :: i -> rn[u % CAP] = 0; u = u + i :: else fi;
       rn[u % CAP] = n;
       rp[u % CAP] = e;
       rv[u % CAP] = val[e];
       if :: n == 2 -> d_step { rp[(u+1) % CAP] = 0; rv[(u+1) % CAP] = 0; rn[(u+1) % CAP] = 3 } :: else fi;   /* any bytes */
       rtail = u + n;
nores:  skip
#endif
    :: e > c ->
       d_step { commit = e; hist[e] = val[e]; if :: e > 1 && c < e-1 -> hist[e-1] = val[e-1] :: else fi;
                if :: e > 2 && c < e-2 -> hist[e-2] = val[e-2] :: else fi };
#ifdef BUG_AFTER_COMMIT
       n = c;
#endif
       c = e
#ifdef BUG_AFTER_COMMIT
       ; do :: n < e -> n++; rp[rtail % CAP] = n; rn[rtail % CAP] = 1; rv[rtail % CAP] = val[n]; rtail = rtail + 1 :: else -> break od
#endif
    od
  } unless { d_step { ckill -> ckill = 0; e = 0; c = 0; n = 0; u = 0; i = 0;
                      val[1] = 0; val[2] = 0; val[K-2] = 0; val[K-1] = 0; val[K] = 0 } };
  goto restart
}

proctype client() {
  byte c, t, n, p, h, r;
  do
  :: ngot == K -> break
#ifdef BUG_DROP_WHEN_FULL
  :: q < K -> q++
#else
  :: q < K && q - ngot + 1 <= MOST -> q++
#endif
  :: ngot < q && rhead != rtail ->
#ifdef BUG_TAIL_FIRST
     r = role; t = rtail; c = commit;
#else
     c = commit;
#endif
peek:
#ifndef BUG_TAIL_FIRST
     r = role; t = rtail;
#endif
next:
     if
     :: rhead == t -> goto over
     :: else
     fi;
     h = rhead;
     n = rn[h % CAP];
     if
     :: n == 0 ->
#if !defined(BUG_NO_RELOAD) && !defined(BUG_STEP_OVER)
        if :: LOOK_AGAIN -> goto PEEK :: else fi;
#endif
        if
        :: h + REST(h) > t ->
#ifdef BUG_STEP_OVER
           if :: LOOK_AGAIN -> goto PEEK :: else fi;
#endif
           DAMAGED
        :: else
        fi;
        rhead = h + REST(h);                    /* padding */
        goto next
     :: else
     fi;
     if
     :: h + n > t || n > REST(h) ->
#ifndef BUG_NO_RELOAD
        if :: LOOK_AGAIN -> goto PEEK :: else fi;
#endif
        DAMAGED
     :: else
     fi;
     p = rp[h % CAP];
     if
     :: p > c -> goto over                      /* not committed: not taken */
     :: else
     fi;
     d_step {
       assert(p == ngot + 1);                   /* in order, none lost, none twice, no garbage */
       assert(rv[h % CAP] == hist[p]) };        /* the value of the run that was committed */
     d_step { ngot++; rhead = h + n };
     goto peek;
over: atomic { c = 0; t = 0; n = 0; p = 0; h = 0; r = 0 }
  od;
  cdone = 1
}
proctype killer() { end: do :: d_step { kills < MAXC && !ckill -> ckill = 1; kills++ } od }
init { atomic { run coordinator(); run client(); run killer() }
  timeout -> assert(cdone) }
