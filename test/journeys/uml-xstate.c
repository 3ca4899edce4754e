/*
 * Lets user-mode Linux 6.1 run on processors with AMX. It restores a process's floating-point state
 * with PTRACE_SETREGSET and a buffer of the size that such state had before AMX; the host's kernel
 * takes nothing but the whole (arch/x86/kernel/fpu/regset.c, xstateregs_set), and the guest's first
 * process dies. Here the rest is filled in with what the process has. Loaded by guest.ts with LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#define NT_X86_XSTATE 0x202

long ptrace(enum __ptrace_request request, ...)
{
    static long (*next)(enum __ptrace_request, pid_t, void *, void *);
    va_list words;
    va_start(words, request);
    pid_t pid = va_arg(words, pid_t);
    void *address = va_arg(words, void *);
    void *data = va_arg(words, void *);
    va_end(words);
    if (!next)
        next = (long (*)(enum __ptrace_request, pid_t, void *, void *))dlsym(RTLD_NEXT, "ptrace");
    if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE) {
        const struct iovec *given = data;
        /* Static: the caller's stack is that of a thread of the guest's kernel, 16 KiB. It has one processor. */
        static char state[65536] __attribute__((aligned(64)));
        struct iovec whole = { state, sizeof state };
        if (next(PTRACE_GETREGSET, pid, address, &whole) == 0 && whole.iov_len > given->iov_len) {
            memcpy(state, given->iov_base, given->iov_len);
            return next(request, pid, address, &whole);
        }
    }
    return next(request, pid, address, data);
}
