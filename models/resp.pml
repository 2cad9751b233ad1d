/* resp.pml: the response ring across deaths of the coordinator (spsc_* in _ringbuf.pyx, drain in _session.pyx,
 * cut_responses in coordinator/_recovery.pyx).
 *
 * One client sends K calls, numbered by their end positions, and each wants an answer of one or two units in a ring
 * of CAP units. A replayed call may answer differently. -DCREDIT is the protocol as built: the client reserves the
 * largest answer before it sends. Answers are written before C is stored; a successor cuts the ring back to the first
 * one beyond C; the client loads C first and the ring's tail after it.
 *
 * Checked: each call gets exactly one answer, that of the run that was committed, in order. */
#ifndef K
#define K 3
#endif
#ifndef CAP
#define CAP 4
#endif
#ifndef MAXC
#define MAXC 1
#endif
byte q;                       /* commands queued (command ring abstracted: 1 cell each) */
byte commit;
byte rp[CAP], rv[CAP], rn[CAP];   /* record at unit u: position, value, units */
byte rtail, rhead;
byte hist[K+1];               /* ghost: the value that the committed run of command p returned */
byte got[K+1]; byte ngot; bool ckill, cdone; byte kills, fresh = 1;

proctype coordinator() {
  byte e, c, n, u, val[K+1];
restart:
  { c = commit;
#ifndef BUG_NO_TRUNCATE
    u = rhead;                /* cut back: everything after the last record with position <= commit */
    do :: u != rtail && rp[u % CAP] <= c -> u = u + rn[u % CAP] :: else -> break od;
    rtail = u;
#endif
    e = c;
end:do
    :: e < q ->
       e++; 
       d_step { fresh = 1 + fresh % 5; val[e] = fresh };
       if :: n = 1 :: n = 2 fi;
#ifndef BUG_AFTER_COMMIT
#ifdef BUG_DROP_WHEN_FULL     /* never blocks, no credit: keeps it in private memory, hoping for room */
       if :: rtail + n - rhead > CAP -> goto nores :: else fi;
#endif
#ifdef CREDIT
       assert(rtail + n - rhead <= CAP);
#endif
       rp[rtail % CAP] = e; rn[rtail % CAP] = n;
       rv[rtail % CAP] = val[e];
       if :: n == 2 -> rp[(rtail+1) % CAP] = 0; rv[(rtail+1) % CAP] = 0; rn[(rtail+1) % CAP] = 0 :: else fi;   /* any bytes */
       rtail = rtail + n;
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
  } unless { d_step { ckill -> ckill = 0; e = 0; c = 0; n = 0; u = 0; val[1] = 0; val[2] = 0; val[K] = 0 } };
  goto restart
}

proctype client() {
  byte c, t, n, p;
  do
  :: ngot == K -> break
#ifdef CREDIT       /* a call reserves the largest record (2 units) before it is queued */
  :: q < K && (q - ngot + 1) * 2 <= CAP -> q++
#else
  :: q < K -> q++
#endif
  :: ngot < q && rhead != rtail ->
#ifdef BUG_TAIL_FIRST
     t = rtail; c = commit;
#else
     c = commit; t = rtail;
#endif
     do
     :: rhead != t ->
        p = rp[rhead % CAP];
        if
        :: p > c -> break                       /* not committed: not taken */
        :: else ->
           assert(p == ngot + 1);               /* in order, none lost, none twice, no garbage */
           assert(rv[rhead % CAP] == hist[p]);  /* the value of the run that was committed */
           n = rn[rhead % CAP];
           ngot++; rhead = rhead + n
        fi
     :: else -> break
     od;
     skip; d_step { c = 0; t = 0; n = 0; p = 0 }
  od;
  cdone = 1
}
proctype killer() { do :: kills < MAXC && !ckill -> d_step { ckill = 1; kills++ } :: break od }
init { atomic { run coordinator(); run client(); run killer() }
  timeout -> assert(cdone) }
