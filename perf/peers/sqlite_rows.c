/* SQLite's C interface reading what a document cannot be made without: the account that
   a device is bound to, found by the MAC as an integer key, one device at a time.

   sqlite_rows DATABASE FIRST_MAC STEP COUNT: asks for COUNT devices, STEP apart, in an
   order that jumps about; prints microseconds of processor per device. */
#include <sqlite3.h>

#include "repeat.h"

enum { JUMP = 7919 }; /* a prime: COUNT must be no multiple of it */

int main(int count, char **values) {
    sqlite3 *store;
    sqlite3_stmt *find;
    if (count != 5)
        return 2;
    long long first = strtoll(values[2], NULL, 16), step = atoll(values[3]);
    long devices = atol(values[4]), bytes = 0;
    if (sqlite3_open_v2(values[1], &store, SQLITE_OPEN_READONLY, NULL) ||
        sqlite3_exec(store, "PRAGMA mmap_size = 1073741824; BEGIN", NULL, NULL, NULL) ||
        sqlite3_prepare_v2(store,
                           "SELECT a.number, a.display_name, a.sealed_password "
                           "FROM bindings b JOIN accounts a ON a.id = b.account_id "
                           "WHERE b.mac = ?",
                           -1, &find, NULL)) {
        fprintf(stderr, "%s: %s\n", values[1], sqlite3_errmsg(store));
        return 1;
    }
    for (int round = 0; round < 2; round++) { /* the first reads the pages in */
        double began = spent();
        for (long i = 0; i < devices; i++) {
            sqlite3_bind_int64(find, 1, first + i * JUMP % devices * step);
            if (sqlite3_step(find) != SQLITE_ROW) {
                fputs("a device was not found\n", stderr);
                return 1;
            }
            bytes += sqlite3_column_bytes(find, 0) + sqlite3_column_bytes(find, 2);
            sqlite3_reset(find);
        }
        if (round)
            printf("%.6f\n", (spent() - began) / (double)devices);
    }
    return bytes < 0;
}
