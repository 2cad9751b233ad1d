/* logs.pml: containers as a base and a log of what was done to them since (_logs.pyx; prepare_log, store and abandon in
 * coordinator/_store.pyx; read_version and take_replica in client/_proxy.pyx).
 *
 * One container. Command i adds i to it. A version says how much of the log it has; both versions share base and log.
 * The coordinator writes the next addition behind the committed length and publishes; when the log is full it publishes
 * a new base, which holds everything, and an empty log in new blocks. It dies between any two steps, MAXC times, and a
 * successor may add in groups of another size. A reader keeps a replica, (base, length), which it brings up to date by
 * the rest of the log, or makes anew if the base is another one.
 *
 * Checked: a reader has what was added up to the C that it read, never less, more or something else. */
#ifndef MAXC
#define MAXC 1
#endif
#ifndef P
#define P 4                     /* commands */
#endif
#define NB 4                    /* pairs of blocks: a base and its log */
#ifndef L
#define L 2                     /* additions that a log holds */
#endif
#define W 15                    /* no tag */
byte commit;
byte tag[2], blk[2], size[2];    /* the versions: position, blocks, length of the log */
byte base[NB];                  /* a base holds 1 .. base[b] */
byte log[NB * L];               /* what was added */
byte gen[NB], vgen[2];
bool ckill; byte kills;
bool rdone;

#define CUR(c) (tag[0] <= c && (tag[1] > c || tag[0] > tag[1]) -> 0 : 1)

proctype coordinator()
{
  byte c, e, v, cur, b, n, i; bool used[NB];
restart:
  { c = commit;
    if :: tag[0] > c && tag[0] != W -> tag[0] = W :: else fi;
    if :: tag[1] > c && tag[1] != W -> tag[1] = W :: else fi;
    d_step {                            /* what a version refers to is used */
      if :: tag[0] != W -> used[blk[0]] = 1 :: else fi;
      if :: tag[1] != W -> used[blk[1]] = 1 :: else fi;
#ifndef BUG_REBUILD                     /* the others may have been given back without having got a new generation */
      do :: b < NB -> if :: !used[b] -> gen[b]++ :: else fi; b++ :: else -> break od; b = 0
#endif
    };
end:do
    :: c < P ->
       if :: e = c + 1 :: c + 2 <= P -> e = c + 2 fi;   /* a group */
       d_step { cur = CUR(c); v = 1 - cur; n = size[cur] };
       if
       :: n + e - c <= L ->                     /* into the log, behind what any version has */
          b = blk[cur]; i = 0;
          do
          :: i < e - c ->
#ifdef BUG_FROM_START
             log[b * L + i] = c + i + 1; i++
#else
             log[b * L + n + i] = c + i + 1; i++
#endif
          :: else -> break
          od;
#ifdef BUG_IN_PLACE                             /* changes the committed version instead of the other */
          size[cur] = n + e - c
#endif
       :: else ->                               /* a new base */
          d_step { b = 0; do :: b < NB && used[b] -> b++ :: else -> break od; assert(b < NB); used[b] = 1 };
          base[b] = e
       fi;
       i = W;
       if :: tag[v] != W && blk[v] != blk[cur] && blk[v] != b -> i = blk[v] :: else fi;
       tag[v] = W;
#ifndef BUG_NO_GENERATION
       if :: i != W -> gen[i]++; used[i] = 0 :: else fi;
#else
       if :: i != W -> used[i] = 0 :: else fi;
#endif
       blk[v] = b;
       d_step { size[v] = (b == blk[cur] -> n + e - c : 0); vgen[v] = gen[b] };
       tag[v] = e;
       commit = e;
       d_step { c = e; e = 0; b = 0; n = 0; i = 0; cur = 0; v = 0 }
    od
  } unless { d_step { ckill -> ckill = 0; c = 0; e = 0; v = 0; cur = 0; b = 0; n = 0; i = 0;
                      used[0] = 0; used[1] = 0; used[2] = 0; used[3] = 0 } };
  goto restart
}

proctype reader()
{
  byte c, v, t, b, n, g, done, have, rb, rg, i, x; bool whole, has;
again:
  { c = commit;
    d_step { v = CUR(c); t = tag[v] };
    if :: t > c -> assert(commit != c); goto again :: else fi;
    b = blk[v];
    n = size[v];
    g = vgen[v];
    if :: tag[v] != t -> assert(commit != c); goto again :: else fi;
    if
#ifdef BUG_REPLICA                      /* the replica is taken for one of this base, whatever it is of */
    :: has && done <= n -> skip
#else
    :: has && rb == b && rg == g && done <= n -> skip
#endif
    :: else -> has = 0; have = base[b]; done = 0;
       if :: gen[b] != g -> assert(commit != c); goto again :: else fi;
       rb = b; rg = g
    fi;
    i = done; x = have;
    do
    :: i < n -> x = (log[b * L + i] == x + 1 -> x + 1 : W); i++     /* W: not what comes next */
    :: else -> break
    od;
    if :: gen[b] != g -> has = 0; assert(commit != c); goto again :: else fi;
    d_step { have = x; done = n; has = 1 };
    assert(have == t);                  /* exactly what that version stands for */
    d_step { v = 0; t = 0; b = 0; n = 0; g = 0; i = 0; x = 0 };
    if :: c == P -> rdone = 1 :: else -> goto again fi
  }
}

proctype killer() { do :: kills < MAXC && !ckill -> d_step { ckill = 1; kills++ } :: break od }

init {
  atomic { tag[1] = W; run coordinator(); run reader(); run killer() }
  timeout -> assert(rdone && commit == P)
}
