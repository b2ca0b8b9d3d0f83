/* The C ABI between minke and a job: everything that crosses the door between the engine and user
 * code.
 *
 * A job file is a shared object (or an executable linked with minke::main) that exports
 *
 *     const minke_module* minke_module_v1(void);
 *
 * C++ users write against <minke/job.h>, which generates all of this; C and other languages may
 * fill it in by hand.
 *
 * Laws of the door
 *   - Every struct that may grow begins with its size as the producer knew it; a consumer reads no
 * field beyond it.
 *   - Who allocates, frees. Pointers handed across are valid until the call returns, unless said
 * otherwise.
 *   - No exception crosses. A function that can fail returns 0 for success and fills in a
 * minke_error.
 *   - One instance (`open` … `close`) serves one attempt of one task, from one thread at a time.
 *   - 64 bytes behind every key, value and batch are readable, so that wide loads need no care.
 *   - Data passes in batches: one indirect call per batch, none per record.
 *
 * Keys are bytes and order as unsigned bytes. Integers and floats are carried in keys in an
 * order-preserving big-endian form (see <minke/codec.h>); values of scalar types travel in a
 * minke_pair as the number itself.
 */
#ifndef MINKE_ABI_H
#define MINKE_ABI_H

#include <minke/abi_aggregate.h>
#include <minke/abi_data.h>
#include <minke/abi_host.h>
#include <minke/abi_job.h>

#endif /* MINKE_ABI_H */
