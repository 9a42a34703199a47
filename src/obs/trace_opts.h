/* What the configuration says about traces. */
#ifndef OBS_TRACE_OPTS_H
#define OBS_TRACE_OPTS_H

/* Which traces are for export; what is kept here is all of them. The names are those of OTEL_TRACES_SAMPLER. */
enum trace_sampler {
    TRACE_PARENT_ALWAYS_ON, /* as whoever called us decided; without one: yes */
    TRACE_PARENT_ALWAYS_OFF,
    TRACE_PARENT_RATIO,
    TRACE_ALWAYS_ON,
    TRACE_ALWAYS_OFF,
    TRACE_RATIO,
    TRACE_SAMPLER_N
};

#endif
