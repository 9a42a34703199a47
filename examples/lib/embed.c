/*
 * A telephone gateway inside a program: it answers calls with an agent whose tool is a function of this program. Ends
 * with its standard input.
 *
 *     cc embed.c -o embed $(pkg-config --cflags --libs ringtrip)
 *     ./embed [configuration.yaml]                               in one terminal
 *     ringtrip phone http://127.0.0.1:8000/twiml --interactive   in another
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringtrip/ringtrip.h>

static const char configuration[] = "server: {listen: \"127.0.0.1:0\"}\n"
                                    "records: {recording: false, journal: false}\n"
                                    "agent:\n"
                                    "  name: shop\n"
                                    "  instructions: You tell customers of a shop where their orders are.\n"
                                    "  tools: [end_call]\n";

static const char schema[] = "{\"type\":\"object\",\"properties\":{\"order_number\":{\"type\":\"string\"}}}";

static void check_order(struct rt_tool_call *call, void *arg)
{
    printf("call %s asks for %s\n", rt_tool_call_session_id(call), rt_tool_call_arguments(call));
    fflush(stdout);
    rt_tool_call_done(call, (const char *)arg);
}

/* Whoever sits at this program would decide; here everything is allowed. */
static void approve(const struct rt_approval_request *request, void *arg)
{
    struct rt_gateway *gw = (struct rt_gateway *)arg;
    printf("approved %s\n", request->tool_name);
    fflush(stdout);
    rt_gateway_approve(gw, request->call_id, request->tool_call_id, 0);
}

/* Gives the agent its tool; the gateway has a copy of it when this returns. */
static int add_tool(struct rt_gateway *gw, char *answer)
{
    struct rt_tool *tool = NULL;
    int err =
        rt_tool_new("check_order_status", "Where an order is, by its number.", schema, check_order, answer, &tool);
    err = err < 0 ? err : rt_tool_set_approval(tool, RT_APPROVAL_ALWAYS);
    err = err < 0 ? err : rt_gateway_add_tool(gw, NULL, tool);
    rt_tool_free(tool);
    return err;
}

int main(int argc, char **argv)
{
    struct rt_gateway_opts o;
    struct rt_gateway *gw = NULL;
    char answer[] = "{\"status\":\"shipped\"}";
    char why[1024] = "";
    rt_gateway_opts_init(&o);
    o.config_file = argc > 1 ? argv[1] : NULL;
    o.config_text = argc > 1 ? NULL : configuration;
    int err = rt_gateway_new(&o, &gw, why, sizeof(why));
    err = err < 0 ? err : add_tool(gw, answer);
    err = err < 0 ? err : rt_gateway_set_approval_fn(gw, approve, gw);
    err = err < 0 ? err : rt_gateway_start(gw);
    if (err < 0) {
        fprintf(stderr, "embed: %s\n", why[0] ? why : rt_error_text(err));
        rt_gateway_free(gw);
        return 1;
    }
    printf("listening on http://127.0.0.1:%u/twiml\n", rt_gateway_port(gw));
    fflush(stdout);
    while (fgetc(stdin) != EOF) {
    }
    rt_gateway_stop(gw, 1000);
    err = rt_gateway_wait(gw);
    rt_gateway_free(gw);
    return err < 0;
}
