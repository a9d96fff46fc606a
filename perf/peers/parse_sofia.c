/* sofia-sip (Kamailio's and FreeSWITCH's neighbour) parsing one message again and again.

   parse_sofia FILE TIMES: prints microseconds of processor per message.  As a user agent
   does: a message object, its header fields, the object given back. */
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

#include "repeat.h"

static int parse(const char *text, size_t size) {
    msg_t *message = msg_make(sip_default_mclass(), 0, text, (ssize_t)size);
    sip_t *sip = message ? sip_object(message) : NULL;
    int right = sip && sip->sip_request && !sip->sip_error && sip->sip_via &&
                sip->sip_from && sip->sip_to && sip->sip_call_id && sip->sip_cseq &&
                sip->sip_contact && sip->sip_event &&
                sip->sip_request->rq_method == sip_method_subscribe;
    if (message)
        msg_destroy(message);
    return right;
}

int main(int count, char **values) { return repeat(parse, count, values); }
