// Code that is copied into an executable page of tspod. Only registers are used: no stack beyond the saved registers, no heap, no libc, no locks.
.globl run_op, raw_call, relay_signal

// long run_op(struct op *op): performs one operation here; where it is a clone and this is the new child, serves the op's mailbox for ever.
.Lcode:
run_op:
    stp  x19, x20, [sp, #-32]!
    str  x21, [sp, #16]
    mov  x20, x0
    ldr  x21, [x20, #64]   // read before the call: the memory may be reused by the time a new child runs
    ldr  x8, [x20]
    ldp  x0, x1, [x20, #8]
    ldp  x2, x3, [x20, #24]
    ldp  x4, x5, [x20, #40]
    svc  #0
    cbnz x0, 1f
    mov  x19, x21
    cbnz x19, start
1:  ldr  x21, [sp, #16]
    ldp  x19, x20, [sp], #32
    ret

// long raw_call(long number, long a, long b, long c, long d, long e, long f): a system call with the kernel's own result, no errno.
raw_call:
    mov  x8, x0
    mov  x0, x1
    mov  x1, x2
    mov  x2, x3
    mov  x3, x4
    mov  x4, x5
    mov  x5, x6
    svc  #0
    ret

// void relay_signal(int signal): a signal handler; writes the signal's number as one byte to the descriptor in the next page.
relay_signal:
    str  x0, [sp, #-16]!
    adr  x9, .Lcode + 4096 // the page of data after the code
    ldr  w0, [x9]
    mov  x1, sp
    mov  x2, #1
    mov  x8, #64
    svc  #0
    add  sp, sp, #16
    ret

.include "serve-arm64.inc"
