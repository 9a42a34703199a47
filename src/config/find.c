/* Questions to a snapshot by name. */
#include "config/config.h"

uint32_t config_find_agent(const struct config *cfg, struct str name)
{
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        if (str_eq(cfg->agents[i].name, name)) {
            return i;
        }
    }
    return CONFIG_NONE;
}

uint32_t config_find_provider(const struct config *cfg, struct str name)
{
    for (uint32_t i = 0; i < cfg->provider_count; i++) {
        if (str_eq(cfg->providers[i].name, name)) {
            return i;
        }
    }
    return CONFIG_NONE;
}

uint32_t config_find_tool(const struct config *cfg, struct str name)
{
    for (uint32_t i = 0; i < cfg->tool_count; i++) {
        if (str_eq(cfg->tools[i].name, name)) {
            return i;
        }
    }
    return CONFIG_NONE;
}

uint32_t config_find_guardrail(const struct config *cfg, struct str name)
{
    for (uint32_t i = 0; i < cfg->guardrail_count; i++) {
        if (str_eq(cfg->guardrails[i].name, name)) {
            return i;
        }
    }
    return CONFIG_NONE;
}

const struct config_route *config_find_route(const struct config *cfg, const struct when_facts *facts)
{
    for (uint32_t i = 0; i < cfg->route_count; i++) {
        const struct config_route *r = &cfg->routes[i];

        if (when_holds(r->when, facts) && when_holds(cfg->agents[r->agent].enabled, facts)) {
            return r;
        }
    }
    return NULL;
}

struct str config_model(const struct config *cfg, const struct config_agent *agent, uint32_t provider)
{
    bool own = provider == CONFIG_NONE || provider == agent->provider;

    return own && agent->model.n ? agent->model : cfg->providers[own ? agent->provider : provider].model;
}

bool config_is_live(const struct config_provider *p)
{
    return p->kind == CONFIG_GEMINI || p->dialect == CONFIG_LIVE;
}

struct str config_voice(const struct config *cfg, const struct config_agent *agent, uint32_t provider)
{
    const struct config_provider *p = &cfg->providers[provider == CONFIG_NONE ? agent->provider : provider];
    bool fits = config_is_live(p) == config_is_live(&cfg->providers[agent->provider]);
    return agent->voice.n && fits ? agent->voice : p->voice;
}
