/* ringtrip phone: the simulated telephone on the command line. Engine: src/peer/phone/phone.h; text: docs/phone.md. */
#ifndef APPS_RINGTRIP_CMD_PHONE_H
#define APPS_RINGTRIP_CMD_PHONE_H

/* argv[0] is "phone". Returns the exit status: 0 all expectations held, 1 one did not, 2 usage or no call. */
int cmd_phone(int argc, char **argv);
/* With --answer: the other side of the calls that a gateway makes. */
int cmd_answer(int argc, char **argv);

#endif
