/* libosip2 parsing one message again and again.

   parse_osip FILE TIMES: prints microseconds of processor per message. */
#include <sys/time.h>

#include <osipparser2/osip_parser.h>

#include "repeat.h"

static int parse(const char *text, size_t size) {
    osip_message_t *message;
    osip_header_t *event = NULL;
    if (osip_message_init(&message))
        return 0;
    int right = !osip_message_parse(message, text, size) && message->from &&
                message->to && message->call_id && message->cseq &&
                osip_list_size(&message->vias) == 1 &&
                osip_list_size(&message->contacts) == 1 &&
                osip_message_header_get_byname(message, "event", 0, &event) >= 0 &&
                MSG_IS_SUBSCRIBE(message);
    osip_message_free(message);
    return right;
}

int main(int count, char **values) {
    parser_init();
    return repeat(parse, count, values);
}
