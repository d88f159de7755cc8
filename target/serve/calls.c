/* SPDX-License-Identifier: MIT */
/* The system calls that a target may make, whatever it may be talked into (seccomp(2)). What is not listed
 * fails with EPERM, as for somebody without the permission: a library that tries something new goes another
 * way, or tells. What would serve nobody but an intruder ends the process. */
#include "serve/confine.h"

#ifdef HAVE_SECCOMP
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

const bool confine_filters = true;

/* By name, so that a call which this machine or this library does not know is passed over. */
static const char *const allowed[] = {
    /* data */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "sendfile",
    "splice",
    "copy_file_range",
    "close",
    "shutdown",
    /* files: LUNs that are added, reservations, names that are resolved */
    "openat",
    "open",
    "lseek",
    "stat",
    "fstat",
    "lstat",
    "newfstatat",
    "statx",
    "fstatfs",
    "statfs",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "flock",
    "fcntl",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "fallocate",
    "ftruncate",
    "fadvise64",
    "ioctl",
    "getdents64",
    "umask",
    "dup",
    "dup2",
    "dup3",
    "pipe2",
    /* waiting */
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "eventfd2",
    "signalfd4",
    "timerfd_create",
    "timerfd_settime",
    "restart_syscall",
    /* connections; which kinds is below */
    "socketpair",
    "bind",
    "listen",
    "accept",
    "accept4",
    "connect",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    /* memory, but nothing that can be executed: see below */
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "mincore",
    "mlock",
    "munlock",
    /* threads, but no processes: see below */
    "futex",
    "set_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "gettid",
    "getpid",
    "tgkill",
    "exit",
    "exit_group",
    "membarrier",
    /* signals */
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    /* time, chance, and who we are */
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "getrandom",
    "uname",
    "sysinfo",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getrlimit",
    "prlimit64",
    "getrusage",
    "times",
};

static const char *const fatal[] = {
    "execve",
    "execveat",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "bpf",
    "userfaultfd",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "setns",
    "reboot",
    "swapon",
    "swapoff",
    "add_key",
    "request_key",
    "keyctl",
    "acct",
    "iopl",
    "ioperm",
    "open_by_handle_at",
};

static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}; /* the last one is the resolver's */

static int add(scmp_filter_ctx filter, uint32_t action, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, action, number, 0);
}

static int add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
    int error = 0;
    for (size_t i = 0; i < count && !error; i++)
        error = add(filter, action, names[i]);
    return error;
}

/* Younger than many a libseccomp. Without it the kernel cannot be asked what of a file is in memory. */
static int add_cachestat(scmp_filter_ctx filter)
{
    enum { CACHESTAT = 451 }; /* on every architecture */
    int number = seccomp_syscall_resolve_name("cachestat");
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number == __NR_SCMP_ERROR ? CACHESTAT : number, 0);
}

static int add_sockets(scmp_filter_ctx filter)
{
    int error = 0;
    for (size_t i = 0; i < sizeof families / sizeof families[0] && !error; i++)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0));
    return error;
}

/* Memory that can be written is never executed, nor the other way round. */
static int add_memory(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return error ? error
                 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* The arguments of clone3() are out of sight; told that there is none, libraries take clone(). */
static int add_threads(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    return error ? error : add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3");
}

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static int build(scmp_filter_ctx filter)
{
    int error = add_all(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
    if (!error)
        error = add_all(filter, SCMP_ACT_KILL_PROCESS, fatal, COUNT(fatal));
    if (!error)
        error = add_cachestat(filter);
    if (!error)
        error = add_sockets(filter);
    if (!error)
        error = add_memory(filter);
    return error ? error : add_threads(filter);
}

/* Threads that run already are in it, too. */
static int load(scmp_filter_ctx filter)
{
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    return error ? error : seccomp_load(filter);
}

int confine_calls(const struct reason *why)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int error = filter ? build(filter) : -ENOMEM;
    if (!error)
        error = load(filter);
    seccomp_release(filter);
    if (!error)
        return BERTH_OK;
    return serve_refuse(why, BERTH_E_SYSTEM,
                        "cannot filter system calls: %s; give --no-seccomp to do without", strerror(-error));
}
#else
const bool confine_filters = false;

int confine_calls(const struct reason *why)
{
    (void)why;
    return BERTH_OK;
}
#endif
