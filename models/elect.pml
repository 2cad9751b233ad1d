/* elect.pml: the election of a rescuer and the taking of the role (_roles.pyx: elect, note_started, take_role).
 *
 * `role` = epoch | COORD or RESCUER | who, changed by CAS only. `started`, `started_epoch`: which process the rescuer
 * of that epoch has started. Clients 1..CLIENTS wait for ever and look after the coordinator; 8.. are coordinators.
 * Anybody but the last client is killed between any two steps, MAXC kills in all.
 *
 * Checked: only the one whom the role names ever writes; in the end somebody alive has the role. */
#ifndef MAXC
#define MAXC 2
#endif
#ifndef CLIENTS
#define CLIENTS 2
#endif
#define COORD 0
#define RESCUER 1
#define R(e,s,w) ((e)*32 + (s)*16 + (w))
#define E(r) ((r) / 32)
#define S(r) (((r) / 16) % 2)
#define W(r) ((r) % 16)

short role = R(0,COORD,8);
byte started, started_epoch;
bool dead[16];                  /* proof of death */
byte nextp = 9, kills;

/* whoever is responsible for this role word is proven dead */
#ifdef BUG_NO_STARTED           /* only the rescuer counts, not the process that it has started */
#define LOST(r) dead[W(r)]
#else
#define LOST(r) (S(r) == COORD -> dead[W(r)] : (started_epoch == E(r) -> dead[started] : dead[W(r)]))
#endif

proctype coordinator(byte me; short want)
{
  { if
    :: want < 0 -> skip                         /* the first one */
    :: else ->
#ifdef BUG_NO_CAS
       role = R(E(want), COORD, me)
#else
       if :: d_step { role == want -> role = R(E(want), COORD, me) } :: else -> goto out fi
#endif
    fi;
end:S(role) != COORD || W(role) != me;                  /* it writes for as long as it lives, */
    assert(false);                                      /* and nobody else may have the role meanwhile */
out: skip
  } unless { dead[me] }
}

proctype client(byte me)
{
  short r; byte p; bool won;
  { end: do
    :: r = role;
       if
       :: !LOST(r) ->
end2:     role != r || LOST(r)
       :: LOST(r) ->
          d_step {
            won = 0;
            if :: role == r -> role = R(E(r) + 1, RESCUER, me); won = 1 :: else fi;
            r = R(E(r) + 1, RESCUER, me)
          };
          if
          :: won -> d_step { p = nextp; nextp++ };
             run coordinator(p, r);
             started = p;
             started_epoch = E(r)
          :: else fi
       fi;
       d_step { r = 0; p = 0; won = 0 }
    od
  } unless { dead[me] }
}

proctype killer()
{
  byte i;
  do
  :: kills < MAXC ->
     if :: i = 1 :: i = CLIENTS - 1 :: i = 8 :: i = 9 :: i = 10 :: i = 11 fi;
     d_step { if :: !dead[i] && (i < 8 || i < nextp) -> dead[i] = 1; kills++ :: else fi; i = 0 }
  :: break
  od
}

init {
  atomic { run coordinator(8, -1); run client(1); run client(2);
#if CLIENTS > 2
           run client(3);
#endif
           run killer() }
  timeout -> assert(S(role) == COORD && !dead[W(role)])
}
