// The program of a pod's infra container, a whole static executable: keeps the namespaces. Runs as process 1 of a container, perhaps of all
// members: reaps whatever ends, and ends with 0 at SIGINT or SIGTERM. On the stack: 0 the mask of all signals.
.globl _start
.set BASE, 0x400000

header:
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
    .quad 0
    .short 2, 183          // ET_EXEC, EM_AARCH64
    .long 1
    .quad BASE + .Lstart - header
    .quad program - header
    .quad 0
    .long 0
    .short 64, 56, 1, 64, 0, 0
program:
    .long 1, 5             // PT_LOAD, readable and executable
    .quad 0, BASE, BASE
    .quad end - header, end - header
    .quad 0x10000

.Lstart:
_start:
    sub  sp, sp, #16
    mov  x9, #-1
    str  x9, [sp]
    mov  x0, #0            // rt_sigprocmask(SIG_BLOCK, &all, NULL, 8)
    mov  x1, sp
    mov  x2, #0
    mov  x3, #8
    mov  x8, #135
    svc  #0
wait:                      // rt_sigtimedwait(&all, NULL, NULL, 8)
    mov  x0, sp
    mov  x1, #0
    mov  x2, #0
    mov  x3, #8
    mov  x8, #137
    svc  #0
    cmp  w0, #2            // SIGINT
    b.eq exit
    cmp  w0, #15           // SIGTERM
    b.eq exit
    cmp  w0, #17           // SIGCHLD
    b.ne wait
reap:                      // wait4(-1, NULL, WNOHANG, NULL)
    mov  x0, #-1
    mov  x1, #0
    mov  x2, #1
    mov  x3, #0
    mov  x8, #260
    svc  #0
    cmp  w0, #0
    b.gt reap
    b    wait
exit:
    mov  x0, #0
    mov  x8, #94           // exit_group
    svc  #0
end:
