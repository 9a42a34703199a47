/*
 * Records of calls whose process died, and that go on all the same: pieces of the statements that both databases
 * share. What close_stale has ended as "killed" is not the last word: somebody may answer a call that an earlier
 * process has dialled, and what became of one that nobody took is found out later.
 */
#ifndef STORE_SQL_REVIVE_H
#define STORE_SQL_REVIVE_H

/* Behind an INSERT INTO calls: a call that was closed as killed lives again. No row is changed by any other conflict.
 */
#define REVIVE_CALL(more)                                                                                              \
    " ON CONFLICT (id) DO UPDATE SET status = excluded.status, reason = '', ended_us = 0, alive_us = "                 \
    "excluded.alive_us, provider = excluded.provider, model = excluded.model, agent = excluded.agent, recording = "    \
    "excluded.recording, journal = excluded.journal" more " WHERE calls.reason = 'killed'"

/* SET of a call's outcome, by the parameter o: nobody was killed who had never answered. */
#define SETTLE_CALL(o)                                                                                                 \
    "outcome = " o ", status = CASE WHEN reason = 'killed' AND " o " IN ('canceled', 'consent_denied', "               \
    "'consent_timeout') THEN 'completed' ELSE status END, reason = CASE WHEN reason <> 'killed' THEN reason WHEN " o   \
    " = 'no_answer' THEN 'no-answer' WHEN " o " = 'busy' THEN 'busy' WHEN " o " = 'failed' THEN 'not-dialled' WHEN " o \
    " = 'canceled' THEN 'canceled' WHEN " o " IN ('consent_denied', 'consent_timeout') THEN 'no-consent' ELSE reason " \
    "END"

#endif
