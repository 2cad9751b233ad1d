/* poison.pml: a command that kills whoever runs it is skipped at the third attempt (_loop.pyx: is_poison, serve).
 *
 * Commands 1..K; command P kills its coordinator each time it runs. MAXC further kills fall anywhere. Two words:
 * `main` = the command that was running, `before` = the same for commands that are replayed before that one.
 *
 * Checked: P runs twice and never again; a command is skipped only if two coordinators have died of it; everything
 * is committed in the end. */
#ifndef K
#define K 3
#endif
#ifndef P
#define P 2
#endif
#ifndef MAXC
#define MAXC 2
#endif
byte commit, main_at, main_n, before_at, before_n;
byte runs, died[K+1], running;          /* ghosts; running: whom a death now is put down to */
byte kills, deaths;
bool die;

proctype coordinator()
{
  byte e, until, n;
restart:
  { until = (main_at > commit -> main_at : 0);
    e = commit;
    do
    :: e < K ->                                         /* note it, then run it */
       e++;
#ifdef BUG_ONE_WORD
       d_step { n = (main_at == e -> main_n : 0);
                if :: n < 2 -> main_at = e; main_n = n + 1; running = e :: else fi };
#else
       if
       :: e < until -> d_step { n = (before_at == e -> before_n : 0);
                                if :: n < 2 -> before_at = e; before_n = n + 1; running = e
                                   :: else -> before_n = 3 fi }
       :: else -> d_step { n = (main_at == e -> main_n : 0);
                           if :: n < 2 -> main_at = e; main_n = n + 1; running = e
#ifndef BUG_FORGET              /* that it was skipped is to be known until it is committed */
                              :: else -> main_n = 3
#else
                              :: else
#endif
                           fi }
       fi;
#endif
       if
       :: n >= 2 -> assert(died[e] >= 2)                /* skipped */
       :: n < 2 && e == P -> d_step { runs++; assert(runs <= 2); died[e]++; deaths++; running = 0 }; goto restart
       :: else
       fi;
       if
       :: e > until && e < K -> skip                    /* the group goes on */
       :: true ->                                       /* it ends: prepared, so nothing can be put down to it */
          d_step { running = 0;
#ifndef BUG_ONE_WORD
                   if :: e < until && before_n != 3 -> before_at = 0; before_n = 0
                      :: e >= until && main_n != 3 -> main_at = 0; main_n = 0
                      :: else fi };
#else
                   main_at = 0; main_n = 0 };
#endif
          commit = e
       fi
    :: e == K -> break
    od
  } unless { d_step { die -> die = 0; e = 0; until = 0; n = 0;
                      if :: running -> died[running]++; running = 0 :: else fi } };
  if :: commit < K -> goto restart :: else fi
}

proctype killer() { do :: kills < MAXC && !die && commit < K -> d_step { die = 1; kills++ } :: break od }

init { atomic { run coordinator(); run killer() } timeout -> assert(commit == K || die) }
